import assert from 'node:assert/strict';
import { noDay } from '../../../core/engine/limits/purse.ts';
import { applyRetention } from '../../../core/engine/retention/apply.ts';
import { placeHold, releaseHold } from '../../../core/engine/retention/hold.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { eventually } from '../../support/eventually.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { cloneOf, type FreshDatabase, templateDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const full = { step: 2, attempt: 2, entry: 7, payload: 7, ledger: 2, finding: 2, effect: 2 };
const ofJanuary = (partition: string) => partition.endsWith('_y2020m01');
const day = (text: string) => new Date(`${text}T12:00:00Z`);

const template = 'old';
let made: Promise<void> | undefined;

/** A database that has been there since January 2020: its partitions are made once and copied. */
async function oldDatabase(): Promise<FreshDatabase> {
  made ??= templateDatabase(template, async (url) => {
    const database = await openDatabase({ url, dataFolder: '/nonexistent' });
    await database.ensurePartitions(day('2020-01-15'));
    await database.close();
  });
  await made;
  return await cloneOf(template);
}

describe('retention', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let past: Past;
  const policy = retentionPolicy({ journalDays: 365 });

  beforeEach(async () => {
    fresh = await oldDatabase();
    past = new Past(fresh.database);
  });
  afterEach(function () {
    return fresh.drop(this);
  });

  const apply = (now: string, chosen = policy) =>
    applyRetention(fresh.database, chosen, { now: day(now) });

  it('drops a month once its newest run is past the policy, and not a day earlier', async () => {
    const january = await past.plant({ at: day('2020-01-10') });
    const late = await past.plant({ at: day('2020-01-31'), endedAt: day('2020-02-02') });

    const early = await apply('2021-02-01');
    const before = await past.rowsOf(january);
    const { runs, dropped, postponed } = await apply('2021-02-03');

    assert.deepEqual([early.runs, early.dropped], [0, []]);
    assert.deepEqual(before, { run: 1, ...full });
    assert.equal(runs, 2);
    assert.deepEqual(
      dropped,
      ['attempt', 'entry', 'payload', 'step'].map((table) => `${table}_y2020m01`),
    );
    assert.deepEqual(postponed, []);
    assert.deepEqual(
      await past.partitions('y2020m'),
      ['attempt', 'entry', 'payload', 'step'].flatMap((table) => [
        `${table}_y2020m02`,
        `${table}_y2020m03`,
      ]),
    );
    const none = { run: 0, step: 0, attempt: 0, entry: 0, payload: 0, ledger: 0, finding: 0 };
    for (const id of [january, late])
      assert.deepEqual(await past.rowsOf(id), { ...none, effect: 2 });
    const erasures = await past.one(
      `SELECT count(*)::int AS rows, min(reason) AS reason FROM tutti.erasure WHERE what = 'journal'`,
    );
    assert.deepEqual(erasures, { rows: 2, reason: 'retention: ended 2020-01-10' });
  });

  it('keeps a held run readable through its tables when its month goes, until it is released', async () => {
    const other = await past.plant({ at: day('2020-01-10') });
    const held = await past.plant({ at: day('2020-01-11') });
    const runId = held;
    await placeHold(fresh.database, { tenantId: 1, runId, reason: 'case 7', actor });

    const { dropped } = await apply('2021-06-01');
    const kept = await past.rowsOf(held);
    const bodies = await past.bodiesOf(held);
    const gone = await past.rowsOf(other);
    await releaseHold(fresh.database, { tenantId: 1, runId, actor });
    const after = await apply('2021-06-02');

    assert.equal(dropped.filter(ofJanuary).length, 4);
    assert.equal(gone.run, 0);
    assert.deepEqual(kept, { run: 1, ...full });
    assert.deepEqual(bodies, { effect: 2, finding: 2, input: 1, output: 2 });
    assert.deepEqual([after.runs, after.swept], [1, 18]);
    assert.equal((await past.rowsOf(held)).entry, 0);
  });

  it('leaves a month alone while a run of it has not ended', async () => {
    const ended = await past.plant({ at: day('2020-01-10') });
    const open = await past.plant({ at: day('2020-01-11'), endedAt: null });

    const { runs, dropped } = await apply('2022-01-01');

    assert.deepEqual([runs, dropped.filter(ofJanuary)], [0, []]);
    assert.deepEqual(await past.rowsOf(ended), { run: 1, ...full });
    assert.deepEqual(await past.bodiesOf(open), { effect: 2, finding: 2, input: 1, output: 2 });
  });

  it('keeps a run with an effect in review', async () => {
    const id = await past.plant({ at: day('2020-01-10') });
    await past.one(
      `UPDATE tutti.effect SET state = 'needs_review' WHERE run_id = $1 AND step = 0`,
      [id],
    );

    await apply('2022-01-01');

    assert.deepEqual(await past.rowsOf(id), { run: 1, ...full });
    assert.deepEqual(await past.bodiesOf(id), { effect: 2, finding: 0, input: 0, output: 0 });
  });

  it('erases bodies by the days of their class, keeps hash and size, and says what it did', async () => {
    verifies('R12.erasure');
    const id = await past.plant({ at: day('2020-01-10') });
    const before = await past.one(
      'SELECT array_agg(sha256 ORDER BY seq) AS hashes, sum(size)::int AS size FROM tutti.payload',
    );

    const first = await apply('2020-06-01');
    const early = await past.bodiesOf(id);
    const second = await apply('2020-06-01');
    await apply('2021-03-01', retentionPolicy({}));

    assert.deepEqual([first.bodies, second.bodies], [3, 0]);
    assert.deepEqual(early, { effect: 2, finding: 2, input: 0, output: 0 });
    assert.deepEqual(await past.bodiesOf(id), { effect: 0, finding: 0, input: 0, output: 0 });
    assert.deepEqual(await past.rowsOf(id), { run: 1, ...full });
    const after = await past.one(
      'SELECT array_agg(sha256 ORDER BY seq) AS hashes, sum(size)::int AS size FROM tutti.payload WHERE erased_at IS NOT NULL',
    );
    assert.deepEqual(after, before);
    assert.deepEqual(await past.one('SELECT count(binds)::int AS binds FROM tutti.effect'), {
      binds: 0,
    });
    const noted = await past.one(
      `SELECT array_agg(what || ' ' || payloads ORDER BY what) AS notes FROM tutti.erasure`,
    );
    assert.deepEqual(noted, {
      notes: ['bodies effect 2', 'bodies finding 2', 'bodies input 1', 'bodies output 2'],
    });
  });

  it('forgets what was erased from a run once both are past the days of the journal, and no engine could by itself', async () => {
    verifies('R12.erasure');
    const kept = await past.plant({ at: day('2020-01-10') });
    await placeHold(fresh.database, { tenantId: 1, runId: kept, reason: 'case 7', actor });
    const note = (at: string, run: string, what: string) =>
      past.one(
        `INSERT INTO tutti.erasure (tenant_id, run_id, what, reason, actor, payloads, at)
         VALUES (1, $1, $2, 'asked', '{}', 3, $3) RETURNING id`,
        [run, what, day(at)],
      );
    const gone = '018f0000-0000-7000-8000-000000000000';
    await note('2020-03-01', gone, 'old');
    await note('2020-03-01', kept, 'old of a run that is held');
    await note('2020-03-03', gone, 'not so old');

    await apply('2021-03-02');
    const notes = () =>
      past.one(
        'SELECT array_agg(what ORDER BY what) AS notes FROM tutti.erasure WHERE reason = $1',
        ['asked'],
      );

    assert.deepEqual(await notes(), { notes: ['not so old', 'old of a run that is held'] });
    await assert.rejects(past.one('DELETE FROM tutti.erasure RETURNING id'), /permission denied/);
    await apply('2021-03-04');
    assert.deepEqual(await notes(), { notes: ['old of a run that is held'] });
  });

  it('leaves no text of a run whose journal goes before its bodies would have', async () => {
    verifies('R12.erasure');
    const [gone, held] = [
      await past.plant({ at: day('2020-01-10') }),
      await past.plant({ at: day('2020-01-10') }),
    ];
    for (const id of [gone, held])
      await past.one(
        `INSERT INTO tutti.approval (tenant_id, id, run_id, step, path, digest, tier, required, state, requested_by, expires_at, title, shown, deciders)
         VALUES (1, gen_random_uuid(), $1, 0, 'each', '', 'node', 1, 'granted', '{}', now(), 'Pay Ada?', '{"name":"Ada"}', '{}')`,
        [id],
      );
    await placeHold(fresh.database, { tenantId: 1, runId: held, reason: 'case 7', actor });

    const { runs } = await apply('2020-03-15', retentionPolicy({ journalDays: 30 }));

    assert.equal(runs, 1);
    const told = (id: string) =>
      past.one(
        `SELECT (SELECT count(*)::int FROM tutti.effect e WHERE run_id = $1 AND e::text LIKE '%Ada%') AS effects,
           (SELECT count(*)::int FROM tutti.approval a WHERE run_id = $1 AND a::text LIKE '%Ada%') AS questions,
           (SELECT count(*)::int FROM tutti.effect WHERE run_id = $1) AS keys`,
        [id],
      );
    assert.deepEqual(await told(gone), { effects: 0, questions: 0, keys: 2 });
    assert.deepEqual(await told(held), { effects: 2, questions: 1, keys: 2 });
  });

  it('trims the feed by the age of what it points to', async () => {
    await past.plant({ at: day('2020-01-10') });
    await past.plant({ at: day('2020-01-20'), keys: [] });

    const { feedRows } = await apply('2020-01-25');

    assert.equal(feedRows, 7);
    assert.deepEqual(await past.one('SELECT count(*)::int AS rows FROM tutti.feed'), { rows: 1 });
  });

  it('postpones a month that a reader sits on, and does not make writers wait for the reader', async () => {
    await past.plant({ at: day('2020-01-10') });
    const reader = await fresh.database.connect('tutti_engine');
    await reader.query('BEGIN; SELECT count(*) FROM tutti.entry');
    const writing = keepWriting(past);

    const busy = await apply('2022-01-01');
    const { longestMs } = await writing.stop();
    await reader.query('COMMIT');
    const free = await apply('2022-01-01');

    // Writers that a slow machine makes slow may keep another table busy, too.
    const postponed = busy.postponed.filter(ofJanuary);
    assert.ok(postponed.includes('entry_y2020m01'), postponed.join());
    assert.deepEqual(free.dropped.filter(ofJanuary), postponed);
    assert.ok(longestMs < 20_000, `a flush took ${longestMs} ms`);
  });

  it('loses nothing of what is written while months are dropped and bodies erased', async () => {
    const ids: string[] = [];
    for (let at = 1; at <= 20; at++)
      ids.push(await past.plant({ at: day(`2020-01-${String(at).padStart(2, '0')}`) }));
    for (const runId of ids.slice(0, 10))
      await placeHold(fresh.database, { tenantId: 1, runId, reason: 'case', actor });
    const writing = keepWriting(past);

    const dropped: string[] = [];
    await eventually(async () => {
      dropped.push(...(await apply('2022-01-01')).dropped.filter(ofJanuary));
      return dropped.length === 4;
    });
    const { ids: written, longestMs } = await writing.stop();

    assert.ok(written.length > 0);
    for (const id of written) assert.deepEqual(await past.rowsOf(id), { run: 1, ...full });
    for (const id of ids.slice(0, 10)) assert.deepEqual(await past.rowsOf(id), { run: 1, ...full });
    assert.ok(longestMs < 20_000, `a flush took ${longestMs} ms`);
  });

  it('forgets engines a week after they have gone, and the purses of days past the policy', async () => {
    const pool = fresh.database.pool('tutti_engine', 1);
    const own = await past.plant({ at: day('2021-01-10') });
    const engine = async (state: string, at: string): Promise<string> => {
      const { rows } = await pool.query<{ id: string }>(
        `INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, state, lease_until)
         VALUES (gen_random_uuid(), 'h', 1, $2, 'test', '[1,2)', $1, $2) RETURNING id`,
        [state, day(at)],
      );
      return rows[0]?.id as string;
    };
    const owner = await engine('gone', '2021-01-01');
    await pool.query('UPDATE tutti.run SET owner = $1 WHERE id = $2', [owner, own]);
    const stay = [
      await engine('gone', '2021-01-20'),
      await engine('alive', '2021-01-01'),
      owner,
    ].sort();
    await engine('gone', '2021-01-01');
    await pool.query(
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd)
       VALUES (1, 'tenant', '2020-01-20', 1), (1, 'tenant', '2020-01-26', 1), (1, 'run:' || $1, '${noDay}', 1)`,
      [own],
    );

    await apply('2021-01-25');

    const engines = await pool.query<{ id: string }>('SELECT id::text FROM tutti.engine');
    const purses = await pool.query<{ scope: string }>(
      'SELECT scope FROM tutti.budget ORDER BY period',
    );
    assert.deepEqual(engines.rows.map(({ id }) => id).sort(), stay);
    assert.deepEqual(
      purses.rows.map(({ scope }) => scope),
      [`run:${own}`, 'tenant'],
    );
  });
});

/** Stores one run of today after another, in the statements that a flush is made of, until it is stopped. */
function keepWriting(past: Past) {
  let stopped = false;
  const written = (async () => {
    const ids: string[] = [];
    let longestMs = 0;
    while (!stopped) {
      const before = performance.now();
      ids.push(await past.plant({ at: new Date() }));
      longestMs = Math.max(longestMs, performance.now() - before);
    }
    return { ids, longestMs };
  })();
  return {
    async stop() {
      stopped = true;
      return written;
    },
  };
}
