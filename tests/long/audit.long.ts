import assert from 'node:assert/strict';
import { AuditLog } from '../../core/engine/audit/log.ts';
import { appendMany } from '../support/audit.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';

const writers = 8;
const each = 10_000;

describe('the audit log under eight writers', function () {
  this.timeout(1_800_000);
  let fresh: FreshDatabase;
  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  it('is one chain that no one has forked, with every row of each', async () => {
    verifies('R12.audit');
    const pool = fresh.database.pool('tutti_engine', writers);
    const log = new AuditLog(pool, { dataFolder: '/nonexistent', env: {} });

    await Promise.all(
      Array.from({ length: writers }, (_, no) =>
        appendMany(pool, { tenantId: 1, count: each, id: `w${no}` }),
      ),
    );

    const verdict = await log.verify(1);
    assert.deepEqual([verdict.rows, verdict.fault], [writers * each, null]);
    const { rows } = await pool.query(
      `SELECT count(*)::int AS count FROM tutti.audit WHERE tenant_id = 1 GROUP BY actor->>'id'`,
    );
    assert.deepEqual(rows, Array(writers).fill({ count: each }));
  });
});
