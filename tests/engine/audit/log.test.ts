import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { verifyFile } from '../../../core/engine/audit/export-file.ts';
import { isSigned } from '../../../core/engine/audit/head.ts';
import { AuditHeads } from '../../../core/engine/audit/heads.ts';
import { AuditLog } from '../../../core/engine/audit/log.ts';
import { openAuditKey } from '../../../core/ports/audit-key.ts';
import { appendMany, tamper } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const at = new Date('2026-11-21T21:00:00Z');
const hourMs = 3_600_000;

describe('AuditLog', () => {
  const folder = scratchFolder({});
  const dataFolder = join(folder.path, 'data');
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let log: AuditLog;
  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    log = new AuditLog(pool, { dataFolder, env: {} });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  async function exported(tenantId: number, name: string): Promise<string> {
    const path = join(folder.path, name);
    const lines: string[] = [];
    for await (const text of log.export(tenantId, { at })) lines.push(text);
    writeFileSync(path, lines.join(''));
    return path;
  }

  const cut = (tenantId: number, from: number) =>
    fresh.database.admin((client) =>
      tamper(client, 'DELETE FROM tutti.audit WHERE tenant_id = $1 AND seq >= $2', [
        tenantId,
        from,
      ]),
    );

  it('lists the newest first, by who, what and when', async () => {
    await appendMany(pool, { tenantId: 1, count: 3 });
    await appendMany(pool, { tenantId: 1, count: 2, id: 'ben' });
    const seqs = async (filter: Partial<Parameters<AuditLog['list']>[1]>) =>
      (await log.list(1, { limit: 10, ...filter })).map(({ seq }) => seq);

    assert.deepEqual(await seqs({}), [5, 4, 3, 2, 1]);
    assert.deepEqual(await seqs({ after: 4, limit: 2 }), [3, 2]);
    assert.deepEqual(await seqs({ actor: 'ben' }), [5, 4]);
    assert.deepEqual(await seqs({ target: 't2' }), [5, 2]);
    assert.deepEqual(await seqs({ action: 'test.write' }), [5, 4, 3, 2, 1]);
    assert.deepEqual(await seqs({ action: 'test.*', actor: 'anna' }), [3, 2, 1]);
    assert.deepEqual(await seqs({ action: 'tes.*' }), []);
    assert.deepEqual(await seqs({ to: new Date(0) }), []);
    assert.equal((await seqs({ from: new Date(0) })).length, 5);
  });

  it('is exported page by page with a signed head, and verified without the database', async () => {
    verifies('R12.audit');
    await appendMany(pool, { tenantId: 2, count: 1_205 });

    const path = await exported(2, 'two.jsonl');

    const verdict = await verifyFile(path, { keys: [(await log.publicKey()) as string] });
    assert.deepEqual([verdict.rows, verdict.heads, verdict.fault], [1_205, 1, null]);
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 1_205 + 2);
    assert.equal((await log.verify(2)).heads, 1);
    const empty = await verifyFile(await exported(77, 'empty.jsonl'));
    assert.deepEqual([empty.rows, empty.tenantId, empty.fault], [0, 77, null]);
  });

  it('keeps its key where only this user can read it, and takes one from the environment', async () => {
    const { privateKey, publicKey } = await openAuditKey({ dataFolder, env: {} });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    const elsewhere = { dataFolder: '/nonexistent' };

    assert.equal(statSync(join(dataFolder, 'audit-key.pem')).mode & 0o777, 0o600);
    assert.equal((await openAuditKey({ dataFolder, env: {} })).publicKey, publicKey);
    for (const TUTTI_AUDIT_KEY of [pem, der])
      assert.equal(
        (await openAuditKey({ ...elsewhere, env: { TUTTI_AUDIT_KEY } })).publicKey,
        publicKey,
      );
    await assert.rejects(openAuditKey({ ...elsewhere, env: { TUTTI_AUDIT_KEY: 'x' } }), {
      code: 'CONFIG_INVALID',
    });
    const together = join(folder.path, 'together');
    const made = [1, 2, 3].map(() => openAuditKey({ dataFolder: together, env: {} }));
    assert.equal(new Set((await Promise.all(made)).map((each) => each.publicKey)).size, 1);
  });

  it('shows what was cut off by what was signed here, and by an older export when that is gone, too', async () => {
    verifies('R12.audit');
    await appendMany(pool, { tenantId: 3, count: 8 });
    const path = await exported(3, 'three.jsonl');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const head = JSON.parse(lines.at(-1) as string);
    await cut(3, 6);

    const { fault } = await log.verify(3);
    assert.deepEqual([fault?.kind, fault?.seq], ['truncated', 6]);
    await fresh.database.admin(async (client) => {
      await client.query('ALTER TABLE tutti.audit_head DISABLE TRIGGER insert_only');
      await client.query('DELETE FROM tutti.audit_head WHERE tenant_id = 3');
      await client.query('ALTER TABLE tutti.audit_head ENABLE TRIGGER insert_only');
    });
    assert.equal((await log.verify(3)).fault, null);
    const against = await log.verify(3, { heads: [head] });
    assert.deepEqual([against.fault?.kind, against.fault?.seq], ['truncated', 6]);
    // Written on as if nothing had happened.
    await appendMany(pool, { tenantId: 3, count: 5 });
    const rewritten = await log.verify(3, { heads: [head] });
    assert.deepEqual([rewritten.fault?.kind, rewritten.fault?.seq], ['rewritten', 8]);
  });

  it('signs nothing that is broken', async () => {
    await appendMany(pool, { tenantId: 4, count: 5 });
    await fresh.database.admin((client) =>
      tamper(client, `UPDATE tutti.audit SET target = 'x' WHERE tenant_id = 4 AND seq = 2`),
    );

    await assert.rejects(exported(4, 'four.jsonl'), { code: 'AUDIT_BROKEN', message: /Row 2 / });
    await assert.rejects(log.sign(4, at), { code: 'AUDIT_BROKEN' });
    assert.equal((await log.verify(4)).heads, 0);
  });

  it('is signed every hour as far as it has come, each chain whatever is with the others', async () => {
    const clock = new FakeClock(at.getTime());
    const told: unknown[] = [];
    const heads = new AuditHeads(log, { clock, onError: (error) => told.push(error) });
    const signed = async (tenantId: number): Promise<readonly number[]> => {
      const { rows } = await pool.query<{ seq: number }>(
        'SELECT seq FROM tutti.audit_head WHERE tenant_id = $1 ORDER BY seq',
        [tenantId],
      );
      return rows.map(({ seq }) => seq);
    };
    const slugs = [5, 6, 7].map((id) => [id, `t${id}`]);
    for (const values of slugs)
      await pool.query(
        'INSERT INTO tutti.tenant (id, slug) OVERRIDING SYSTEM VALUE VALUES ($1, $2)',
        values,
      );
    await appendMany(pool, { tenantId: 5, count: 2 });
    await appendMany(pool, { tenantId: 6, count: 2 });
    await appendMany(pool, { tenantId: 0, count: 1 });
    await cut(5, 2);
    await fresh.database.admin((client) =>
      tamper(client, `UPDATE tutti.audit SET target = 'x' WHERE tenant_id = 5`),
    );
    const passed = async (): Promise<void> => {
      clock.pass(hourMs);
      await eventually(async () => clock.nextAt !== null);
    };

    await heads.start();
    assert.deepEqual(await signed(6), []);
    await passed();
    await passed();
    await appendMany(pool, { tenantId: 6, count: 3 });
    await passed();
    await heads.close();

    assert.deepEqual([await signed(0), await signed(5), await signed(6)], [[1], [], [2, 5]]);
    assert.equal(told.length, 3);
    assert.equal(clock.nextAt, null);
    const { heads: agreed, fault } = await log.verify(6);
    assert.deepEqual([agreed, fault], [2, null]);
    const one = await log.sign(2, at);
    assert.equal(one, null);
    assert.ok(
      isSigned(
        JSON.parse(
          readFileSync(join(folder.path, 'two.jsonl'), 'utf8')
            .trimEnd()
            .split('\n')
            .at(-1) as string,
        ),
      ),
    );
  });
});
