import assert from 'node:assert/strict';
import type pg from 'pg';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { newId } from '../../../core/base/ids.ts';
import { History } from '../../../core/engine/history/history.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { advisoryLocks } from '../../../core/ports/db/locks.ts';
import { eventually } from '../../support/eventually.ts';
import type { FakeClock } from '../../support/fixtures/clock.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const one = defineWorkflow({
  name: 'lab.one',
  graph: ({ task }) => {
    task({ id: 'only', agent: worker, input: {} });
  },
});

const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one] })],
};

describe('an engine whose housekeeping is due while a backup is written', () => {
  const engines = new HandEngines(config);
  let hand: HandEngine;
  let backup: pg.PoolClient;

  before(() => engines.prepare());
  beforeEach(async () => {
    hand = await engines.open();
    hand.dispatcher.answerCancels();
    backup = await engines.pool.connect();
    // As ports/db/backup/save.ts holds it until the backup is whole.
    await backup.query(`SELECT pg_advisory_lock_shared(${advisoryLocks.schema})`);
    hand.clock.pass(61_000);
    await eventually(async () => {
      hand.clock.pass(1_000);
      const { rowCount } = await engines.pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rowCount !== 0;
    });
  });
  afterEach(async () => {
    backup.release(true);
    await engines.stop();
  });
  after(function () {
    return engines.drop(this);
  });

  it('goes on with everything else', async () => {
    verifies('R8.cancel');
    const run = await hand.start('lab.one');
    await hand.dispatcher.next('only');
    const actor = { kind: 'person', id: 'tester' } as const;
    const message = { tenantId: 1, runId: run.id, kind: 'cancel', dedupe: 'cancel' } as const;

    await new Inbox(engines.pool).send({ ...message, actor });

    await eventually(async () => {
      hand.clock.pass(1_000);
      return (await engines.statusOf(run.id)) === 'cancelled';
    });
  });

  it('ends without waiting for the backup', async () => {
    await hand.engine.stop();

    assert.deepEqual(hand.failures, []);
  });
});

describe('an engine that keeps house', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  it('erases nothing before its time by the clock of the database, though its own is years ahead', async () => {
    verifies('R12.erasure');
    const past = new Past(engines.database);
    const id = await past.plant({ at: new Date(Date.now() - 86_400_000) });
    const before = await past.bodiesOf(id);
    const { clock } = await engines.open(Date.now() + 20 * 366 * 86_400_000);

    await throughAfter(clock, 61_000);

    assert.deepEqual(await past.bodiesOf(id), before);
    assert.equal((await past.rowsOf(id)).run, 1);
  });

  it('does so again a day later, though its clock was years ahead and is set right', async () => {
    const ahead = 20 * 366 * 86_400_000;
    const { clock } = await engines.open(Date.now() + ahead);
    await throughAfter(clock, 61_000);

    clock.set(-ahead);

    await throughAfter(clock, 3_600_000);
  });

  it('forgets what was asked of a run that had ended before it heard of it, which nobody is shown', async () => {
    const past = new Past(engines.database);
    const id = await past.plant({ at: new Date(Date.now() - 2 * 86_400_000) });
    const message = { tenantId: 1, runId: id, kind: 'priority', dedupe: 'priority' } as const;
    const actor = { kind: 'person', id: 'tester' } as const;
    const history = new History(engines.database);
    const { priority } = await history.detail(1, id);

    await new Inbox(engines.pool).send({ ...message, data: { priority: priority + 1 }, actor });
    const shown = await history.detail(1, id);
    const { clock } = await engines.open();

    assert.equal(shown.priority, priority);
    await eventually(async () => {
      clock.pass(61_000);
      const left = await engines.pool.query('SELECT FROM tutti.inbox WHERE run_id = $1', [id]);
      return left.rowCount === 0;
    });
  });

  /** Lets time pass, in such pieces, until it has been through once more: an engine that is long gone is what it forgets last. */
  async function throughAfter(clock: FakeClock, pieceMs: number): Promise<void> {
    const id = newId();
    await engines.pool.query(
      `INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, state, lease_until)
       VALUES ($1, 'h', 1, now(), 'test', '[1,2)', 'gone', now() - interval '8 days')`,
      [id],
    );
    const isThere = 'SELECT FROM tutti.engine WHERE id = $1';
    await eventually(async () => {
      clock.pass(pieceMs);
      return (await engines.pool.query(isThere, [id])).rowCount === 0;
    });
  }
});
