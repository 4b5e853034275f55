import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { encryptStored } from '../../../core/engine/encryption/encrypt.ts';
import { rotateKeys } from '../../../core/engine/encryption/rotate.ts';
import { encryptionStatus } from '../../../core/engine/encryption/status.ts';
import { History } from '../../../core/engine/history/history.ts';
import { eraseRecord, eraseRun } from '../../../core/engine/retention/erase.ts';
import { placeHold } from '../../../core/engine/retention/hold.ts';
import { restoreBackup, writeBackup } from '../../../core/ports/db/backup.ts';
import { type Database, openDatabase } from '../../../core/ports/db/database.ts';
import { vaultOf } from '../../../core/ports/db/vault.ts';
import { readMasterKeys } from '../../../core/ports/encryption/master-keys.ts';
import { emptyDatabase } from '../../support/backup-data.ts';
import { newMasterKey } from '../../support/encrypted.ts';
import { eventually } from '../../support/eventually.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const at = new Date();
const tenantId = 1;
const request = { tenantId, reason: 'asked by the person', actor };
const said = [{ summary: 's' }, { summary: 's' }];
const gone = [{ summary: '' }, { summary: '' }];

describe('encryption at rest', function () {
  this.timeout(180_000);
  const env: Record<string, string> = { MASTER: newMasterKey(), NEXT: newMasterKey() };
  const open = (url: string, keyFrom = 'MASTER', previousFrom: readonly string[] = []) =>
    openDatabase({
      ...{ url, dataFolder: '' },
      encryption: { config: { keyFrom, previousFrom }, env },
    });
  let fresh: FreshDatabase;
  let database: Database;
  let past: Past;

  beforeEach(async () => {
    fresh = await freshDatabase();
    database = await open(fresh.url);
    past = new Past(database);
  });
  afterEach(async function () {
    await database.close();
    await fresh.drop(this);
  });

  const summaries = async (runId: string, of = database) =>
    (await new History(of).findings(tenantId, { runId })).map(({ summary }) => ({ summary }));
  /** A run that was stored as it is, and then encrypted. */
  async function plantSealed(run: Partial<Parameters<Past['plant']>[0]> = {}): Promise<string> {
    const id = await past.plant({ at, ...run });
    await encryptStored(database, { actor });
    return id;
  }

  it('encrypts what was stored before, reads it as before, and tells how much lies how', async () => {
    verifies('R12.encryption');
    const id = await past.plant({ at, body: (key) => JSON.stringify(`Ada Lovelace, ${key}`) });
    const [plain] = await encryptionStatus(database);
    assert.deepEqual([plain?.key, plain?.bodies], ['plain', 7]);
    assert.deepEqual(await findIn(past, 'Ada'), { bodies: 2, binds: 2 });

    const first = await encryptStored(database, { actor });
    const again = await encryptStored(database, { actor });

    assert.deepEqual(
      [first, again],
      [
        { runs: 1, bodies: 7 },
        { runs: 0, bodies: 0 },
      ],
    );
    const { id: key } = readMasterKeys({ keyFrom: 'MASTER' }, env).current;
    const [sealed, ...others] = await encryptionStatus(database);
    assert.deepEqual([sealed?.key, sealed?.bodies, others], [key, 7, []]);
    assert.deepEqual(await findIn(past, 'Ada'), { bodies: 0, binds: 0 });
    assert.deepEqual(await summaries(id), said);
    const proof = await past.one(
      'SELECT bool_and(sha256 = sha256(body) AND size = length(body)) AS same FROM tutti.payload',
    );
    assert.deepEqual(proof, { same: true });
  });

  it('encrypts what people are asked with keys that are there, also where some are erased meanwhile', async () => {
    const id = await past.plant({ at });
    const pool = database.pool('tutti_engine', 3);
    await pool.query(
      `INSERT INTO tutti.approval (tenant_id, id, run_id, step, path, digest, tier, required, state, requested_by, expires_at, title, shown, deciders)
       VALUES ($1, gen_random_uuid(), $2, 0, 'each', '', 'node', 1, 'open', '{}', now() + interval '1 day', 'Pay Ada?', '{}', '{}')`,
      [tenantId, id],
    );
    const eraser = await pool.connect();
    await eraser.query('BEGIN');
    await eraser.query('SELECT FROM tutti.run WHERE id = $1 FOR NO KEY UPDATE', [id]);

    const encrypted = encryptStored(database, { actor });
    await eventually(async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
      );
      return rowCount === 1;
    });
    await eraser.query('DELETE FROM tutti.data_key WHERE run_id = $1', [id]);
    await eraser.query('COMMIT');
    eraser.release();
    await encrypted;

    const { rows } = await pool.query(
      `SELECT EXISTS (SELECT FROM tutti.data_key k WHERE k.run_id = a.run_id AND k.id = a.key_id AND k.class = 'shown') AS "canBeRead" FROM tutti.approval a WHERE a.run_id = $1`,
      [id],
    );
    assert.deepEqual(rows, [{ canBeRead: true }]);
  });

  it('deletes the key with what it erases, so that no old copy can be read, and keeps that of a run that is held', async () => {
    verifies('R12.encryption', 'R12.erasure');
    const [id, other, held] = [await plantSealed(), await plantSealed(), await plantSealed()];
    const copy = await past.one<{ body: Buffer }>(
      `SELECT body FROM tutti.payload WHERE run_id = $1 AND class = 'finding' LIMIT 1`,
      [id],
    );
    await placeHold(database, { tenantId, runId: held, reason: 'case 7', actor });

    await eraseRun(database, id, request);
    await assert.rejects(eraseRun(database, held, request), { code: 'RUN_HELD' });

    // As an old backup would bring it back.
    await past.one(
      `UPDATE tutti.payload SET body = $2, erased_at = NULL WHERE run_id = $1 AND class = 'finding'`,
      [id, copy.body],
    );
    assert.deepEqual(await summaries(id), gone);
    assert.deepEqual([await summaries(other), await summaries(held)], [said, said]);
    const status = await encryptionStatus(database);
    assert.deepEqual(
      status.find(({ key }) => key === 'erased'),
      { key: 'erased', bodies: 2, bytes: copy.body.length * 2 },
    );
  });

  it('seals anew what stays of a run of which a record is erased, and finds the record in sealed texts', async () => {
    verifies('R12.encryption', 'R12.erasure');
    const body = (key: string) => JSON.stringify(key === 'a' ? 'Dear,\nE-17 was paid.' : 'E-171');
    const id = await plantSealed({ body });
    const before = await past.one<{ ids: readonly number[] }>(
      `SELECT array_agg(id) AS ids FROM tutti.data_key WHERE run_id = $1 AND class = 'finding'`,
      [id],
    );

    const erased = await eraseRecord(database, { entity: 'employee', id: 'E-17' }, request);

    assert.deepEqual(erased, { bodies: 3, runs: 1, kept: [] });
    assert.deepEqual(await summaries(id), [{ summary: '' }, { summary: 's' }]);
    const after = await past.one<{ old: number; now: number }>(
      `SELECT count(*) FILTER (WHERE id = ANY ($2))::int AS old, count(*)::int AS now FROM tutti.data_key WHERE run_id = $1 AND class = 'finding'`,
      [id, before.ids],
    );
    assert.deepEqual(after, { old: 0, now: 1 });
  });

  it('opens no body that was altered, or that lies where it was not put', async () => {
    verifies('R12.encryption');
    const [swapped, altered] = [await plantSealed(), await plantSealed()];
    await past.one(
      `UPDATE tutti.payload p SET body = o.body FROM tutti.payload o
       WHERE p.run_id = $1 AND o.run_id = $1 AND p.class = 'finding' AND o.class = 'finding' AND p.seq <> o.seq`,
      [swapped],
    );
    await past.one(
      `UPDATE tutti.payload SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE run_id = $1`,
      [altered],
    );

    for (const id of [swapped, altered])
      await assert.rejects(summaries(id), { code: 'BODY_TAMPERED' });
  });

  it('changes the master key without touching a body, ended and begun again, until the old one opens nothing', async () => {
    verifies('R12.encryption');
    const id = await plantSealed();
    const bodies = await sums(past);
    const rotating = await open(fresh.url, 'NEXT', ['MASTER']);
    const masters = readMasterKeys({ keyFrom: 'NEXT', previousFrom: ['MASTER'] }, env);

    const ended = await rotateKeys(rotating, masters, { actor, signal: AbortSignal.abort() });
    assert.deepEqual(await summaries(id, rotating), said);
    const done = await rotateKeys(rotating, masters, { actor });

    assert.deepEqual(
      [ended, done],
      [
        { keys: 0, left: 6 },
        { keys: 6, left: 0 },
      ],
    );
    assert.deepEqual(await sums(past), bodies);
    assert.deepEqual(await past.one('SELECT array_agg(id) AS ids FROM tutti.master_key'), {
      ids: [masters.current.id],
    });
    const [next, old] = [await open(fresh.url, 'NEXT'), await open(fresh.url)];
    assert.deepEqual(await summaries(id, next), said);
    await assert.rejects(summaries(id, old), { code: 'ENCRYPTION_KEY' });
    for (const each of [rotating, next, old]) await each.close();
  });

  it('says what is missing to a process without the key, and loses nothing', async () => {
    verifies('R12.encryption');
    const id = await plantSealed();
    env.STRANGE = newMasterKey();
    const [none, unset, wrong] = [
      fresh.database,
      await open(fresh.url, 'UNSET'),
      await open(fresh.url, 'STRANGE'),
    ];

    const missing = { code: 'ENCRYPTION_KEY' };
    await assert.rejects(summaries(id, none), {
      ...missing,
      message: /let 'encryption' .* name it/,
    });
    await assert.rejects(summaries(id, unset), { ...missing, message: /UNSET, which is not set/ });
    await assert.rejects(summaries(id, wrong), { ...missing, message: /does not have/ });
    const record = { entity: 'employee', id: 'E-17' };
    await assert.rejects(eraseRecord(none, record, request), missing);

    assert.equal((await new History(none).runs(tenantId)).length, 1);
    assert.deepEqual(await summaries(id), said);
    for (const each of [unset, wrong]) await each.close();
  });

  it('keeps data keys out of backups, whose newest file of keys opens all but what was erased since', async () => {
    verifies('R12.encryption', 'R12.erasure');
    using folder = scratchFolder({});
    const [kept, erased] = [await plantSealed(), await plantSealed()];
    const place = { url: fresh.url, dataFolder: '' };
    const save = (name: string) =>
      writeBackup(place, { path: join(folder.path, name), isForced: false, release: '1.2.3' });
    const old = await save('old');
    await eraseRun(database, erased, request);
    const { keysPath } = await save('new');

    const path = join(folder.path, 'old');
    assert.equal(old.keysPath, `${path}.keys`);
    assert.ok(!old.header.tables.some(({ name }) => name === 'data_key'));
    await using target = await emptyDatabase();
    const there = { url: target.url, dataFolder: '' };
    const absent = join(folder.path, 'absent');
    await assert.rejects(restoreBackup(there, path, { keysPath: absent }), {
      code: 'INPUT_INVALID',
    });
    await restoreBackup(there, path, { keysPath: keysPath as string });
    const restored = await open(target.url);
    assert.deepEqual(
      [await summaries(kept, restored), await summaries(erased, restored)],
      [said, gone],
    );
    await restored.close();
  });

  it('is restored from a backup of before the master key was changed, by the new one alone, and without keys by none', async () => {
    verifies('R12.encryption', 'R13.backup');
    using folder = scratchFolder({});
    const id = await plantSealed();
    const place = { url: fresh.url, dataFolder: '' };
    const save = (name: string) =>
      writeBackup(place, { path: join(folder.path, name), isForced: false, release: '1.2.3' });
    await save('old');
    const masters = readMasterKeys({ keyFrom: 'NEXT', previousFrom: ['MASTER'] }, env);
    await rotateKeys(database, masters, { actor });
    const { keysPath } = await save('new');
    const path = join(folder.path, 'old');

    await using target = await emptyDatabase();
    const there = { url: target.url, dataFolder: '' };
    await restoreBackup(there, path, { keysPath: keysPath as string });
    const next = await open(target.url, 'NEXT');
    await vaultOf(next).check(next.pool('tutti_engine', 1));
    assert.deepEqual(await summaries(id, next), said);
    await next.close();

    await using empty = await emptyDatabase();
    await restoreBackup({ url: empty.url, dataFolder: '' }, path, { keysPath: 'none' });
    const without = await openDatabase({ url: empty.url, dataFolder: '' });
    await vaultOf(without).check(without.pool('tutti_engine', 1));
    assert.equal((await new History(without).runs(tenantId)).length, 1);
    await without.close();
  });

  it('leaves no data keys behind where a backup is refused', async () => {
    verifies('R12.encryption', 'R12.erasure');
    using folder = scratchFolder({ taken: 'an earlier backup' });
    await plantSealed();
    const place = { url: fresh.url, dataFolder: '' };
    const path = join(folder.path, 'taken');

    await assert.rejects(writeBackup(place, { path, isForced: false, release: '1.2.3' }), {
      code: 'INPUT_INVALID',
      message: /already.*--force/,
    });

    assert.deepEqual(readdirSync(folder.path), ['taken']);
  });
});

/** How many bodies, and values that effects bind, hold a word. */
function findIn(
  past: Past,
  word: string,
): Promise<{ readonly bodies: number; readonly binds: number }> {
  return past.one(
    `SELECT (SELECT count(*)::int FROM tutti.payload WHERE position($1::bytea IN body) > 0) AS bodies,
       (SELECT count(*)::int FROM tutti.effect WHERE position($2 IN binds::text) > 0) AS binds`,
    [Buffer.from(word), word],
  );
}

function sums(past: Past): Promise<unknown> {
  return past.one(
    `SELECT array_agg(encode(sha256(body), 'hex') ORDER BY seq) AS sums FROM tutti.payload`,
  );
}
