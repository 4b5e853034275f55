import assert from 'node:assert/strict';
import type pg from 'pg';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { advisoryLocks } from '../../../core/ports/db/locks.ts';
import { eventually } from '../../support/eventually.ts';
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
    hand.dispatcher.answersCancel = true;
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
