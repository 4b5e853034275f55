import assert from 'node:assert/strict';
import type pg from 'pg';
import { appendAudit } from '../../../core/engine/audit/append.ts';
import { AuditLog } from '../../../core/engine/audit/log.ts';
import { StopStore } from '../../../core/engine/authority/stop-store.ts';
import { inTransaction } from '../../../core/ports/db/transaction.ts';
import { appendMany, tamper } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'anna' } as const;
const registry = { agents: new Map(), modules: [] };
const change = { actor, action: 'test.write', target: 'a', data: {} };

describe('the audit log of a database', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let log: AuditLog;
  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 8);
    log = new AuditLog(pool, { dataFolder: '/nonexistent', env: {} });
  });
  after(function () {
    return fresh.drop(this);
  });

  async function faultOf(tenantId: number): Promise<string> {
    const { fault } = await log.verify(tenantId);
    return fault ? `${fault.kind} ${fault.seq}` : 'none';
  }

  async function waiting(): Promise<number | undefined> {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return rows[0]?.pid;
  }

  it('hashes in the database as RFC 8785 says, whatever the values are', async () => {
    const data = {
      z: 1e21,
      a: 0.1,
      x: ['\u2028', 'ü"\\\n\u0000', '\ud800'],
      1: -0,
      at: new Date(0),
    };
    await appendAudit(pool, {
      ...{ tenantId: 1, actor: { kind: 'person', id: 'änna "x"' }, action: 'test.write' },
      ...{ target: 'line\nand \\ and \u0000', data },
    });

    const [row] = await log.list(1, { limit: 1 });
    const at = '1970-01-01T00:00:00.000Z';
    const kept = { z: 1e21, a: 0.1, x: ['\u2028', 'ü"\\\n\ufffd', '\ufffd'], 1: 0, at };
    assert.deepEqual(row?.data, kept);
    assert.equal(row?.target, 'line\nand \\ and \ufffd');
    assert.equal(await faultOf(1), 'none');
  });

  it('is one chain without gaps when eight write at once, whatever is rolled back', async () => {
    verifies('R12.audit');
    const broken = async (): Promise<void> => {
      for (let no = 0; no < 10; no += 1)
        await assert.rejects(
          inTransaction(pool, async (client) => {
            await appendAudit(client, { tenantId: 2, ...change });
            throw new RangeError('rolled back');
          }),
          RangeError,
        );
    };
    const writers = Array.from({ length: 8 }, (_, no) =>
      appendMany(pool, { tenantId: 2, count: 25, id: `w${no}` }),
    );

    await Promise.all([...writers, broken()]);

    const verdict = await log.verify(2);
    assert.deepEqual([verdict.rows, verdict.fault], [200, null]);
    const rows = await log.list(2, { limit: 300, actor: 'w3' });
    assert.equal(rows.length, 25);
    assert.deepEqual(
      rows.map(({ at }) => at),
      rows
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
  });

  it('has nothing of a change whose connection was killed before its row, and no change without a row', async () => {
    verifies('R12.audit', 'R8.crash');
    const stops = new StopStore(pool, registry);
    const held = await pool.connect();
    await held.query('BEGIN');
    await appendAudit(held, { tenantId: 3, ...change });
    const stopping = stops.stop({ tenantId: 3, reach: 'tenant', actor });
    const refused = assert.rejects(stopping);
    const pid = await eventually(waiting);

    await fresh.database.admin((client) => client.query('SELECT pg_terminate_backend($1)', [pid]));
    await refused;
    await held.query('ROLLBACK');
    held.release();

    assert.deepEqual(await stops.list(3, { all: true }), []);
    assert.deepEqual(await log.list(3, { limit: 5 }), []);
    await stops.stop({ tenantId: 3, reach: 'tenant', actor });
    const [row] = await log.list(3, { limit: 5 });
    assert.deepEqual([row?.seq, row?.action, row?.target], [1, 'stop.place', 'tenant']);
  });

  it('has neither when the connection is killed between the change and the row', async () => {
    await assert.rejects(
      inTransaction(pool, async (client) => {
        await client.query(
          `INSERT INTO tutti.stop (tenant_id, id, reach, reason, actor) VALUES (4, gen_random_uuid(), 'tenant', '', '{}')`,
        );
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        client.on('error', () => {});
        await fresh.database.admin((admin) =>
          admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]),
        );
        await appendAudit(client, { tenantId: 4, ...change });
      }),
    );

    assert.deepEqual(await new StopStore(pool, registry).list(4, { all: true }), []);
    assert.deepEqual(await log.list(4, { limit: 5 }), []);
  });

  it('is changed by nobody, the owner of the tables included', async () => {
    const changes = [
      `UPDATE tutti.audit SET target = 'x'`,
      'DELETE FROM tutti.audit',
      'TRUNCATE tutti.audit',
      `UPDATE tutti.audit_head SET at = 'x'`,
      'DELETE FROM tutti.audit_head',
      'TRUNCATE tutti.audit_head',
    ];
    for (const text of changes) {
      await assert.rejects(pool.query(text), { code: '42501' }, text);
      await assert.rejects(
        fresh.database.admin((client) => client.query(text)),
        { code: '42501' },
        text,
      );
    }
  });

  const harm: readonly (readonly [what: string, text: string, fault: string])[] = [
    [
      'a moment',
      `UPDATE tutti.audit SET at = at + interval '1 us' WHERE tenant_id = $1 AND seq = 3`,
      'edited 3',
    ],
    [
      'white space',
      `UPDATE tutti.audit SET data = ' {"no":3}' WHERE tenant_id = $1 AND seq = 3`,
      'edited 3',
    ],
    [
      'a number written in another way',
      `UPDATE tutti.audit SET data = '{"no":3.0}' WHERE tenant_id = $1 AND seq = 3`,
      'edited 3',
    ],
    [
      'the actor',
      `UPDATE tutti.audit SET actor = '{"id":"ben","kind":"person"}' WHERE tenant_id = $1 AND seq = 1`,
      'edited 1',
    ],
    [
      'the hash',
      `UPDATE tutti.audit SET hash = set_byte(hash, 5, get_byte(hash, 5) # 1) WHERE tenant_id = $1 AND seq = 6`,
      'edited 6',
    ],
    ['a row that is deleted', 'DELETE FROM tutti.audit WHERE tenant_id = $1 AND seq = 2', 'gap 2'],
    [
      'a row that belongs to another',
      'UPDATE tutti.audit SET tenant_id = 99 WHERE tenant_id = $1 AND seq = 4',
      'gap 4',
    ],
    [
      'what stands in two rows, exchanged',
      `UPDATE tutti.audit a SET target = b.target, data = b.data FROM tutti.audit b WHERE a.tenant_id = $1 AND b.tenant_id = $1 AND (a.seq, b.seq) IN ((2, 5), (5, 2))`,
      'edited 2',
    ],
    [
      'a row before the first',
      `INSERT INTO tutti.audit SELECT tenant_id, 0, '\\x01', hash, at, actor, action, target, data FROM tutti.audit WHERE tenant_id = $1 AND seq = 1`,
      'inserted 0',
    ],
  ];
  for (const [index, [what, text, fault]] of harm.entries())
    it(`shows ${what}, and names the row`, async () => {
      verifies('R12.audit');
      const tenantId = 20 + index;
      await appendMany(pool, { tenantId, count: 6 });
      assert.equal(await faultOf(tenantId), 'none');

      await fresh.database.admin((client) => tamper(client, text, [tenantId]));

      assert.equal(await faultOf(tenantId), fault);
    });
});
