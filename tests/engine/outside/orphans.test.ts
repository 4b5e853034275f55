import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { newId } from '../../../core/base/ids.ts';
import { Budget } from '../../../core/engine/limits/budget.ts';
import { ChildEnds } from '../../../core/engine/outside/child-ends.ts';
import { Children } from '../../../core/engine/outside/children.ts';
import type { SetAside } from '../../../core/engine/set-aside.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
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
  graph: ({ task }) => void task({ id: 'only', agent: worker, input: {} }),
});

const parent = defineWorkflow({
  name: 'lab.parent',
  graph: ({ workflow }) => void workflow({ id: 'child', workflow: one, input: {} }),
});

const config = {
  modules: [
    defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one, parent] }),
  ],
};
const actor = { kind: 'person', id: 'tester' } as const;

describe('a run that nobody waits for any more', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** Lets seconds pass until something holds. */
  const pass = ({ clock }: HandEngine, holds: () => Promise<boolean> | boolean): Promise<boolean> =>
    eventually(async () => {
      clock.pass(1_000);
      return await holds();
    });
  /** What an engine does each second. */
  function endOrphans(): Promise<void> {
    const store = new Store(engines.pool);
    const registry = loadRegistry(config, []);
    const ends = new ChildEnds(engines.pool, {} as SetAside);
    return new Children({
      ...{ pool: engines.pool, store, registry, ends },
      budget: new Budget(),
    }).endOrphans();
  }
  async function messagesTo(id: string): Promise<readonly string[]> {
    const text = 'SELECT kind FROM tutti.inbox WHERE run_id = $1';
    const { rows } = await engines.pool.query<{ kind: string }>(text, [id]);
    return rows.map(({ kind }) => kind);
  }
  const cancelsOf = async (id: string): Promise<number> =>
    (await engines.entriesOf(id, ['run.cancelling'])).length;
  /** A run whose parent was cancelled while its only step runs. */
  async function orphan(hand: HandEngine): Promise<string> {
    const before = hand.dispatcher.jobs.length;
    const { id, ended } = await hand.start('lab.parent');
    await pass(hand, () => hand.dispatcher.jobs.length > before);
    const { runId } = await hand.dispatcher.next('only', before + 1);
    await hand.engine.ask({ tenantId: 1, runId: id, kind: 'cancel', actor });
    assert.equal(await ended, 'cancelled');
    return runId;
  }

  it('is asked to end once, however long what runs of it takes', async () => {
    verifies('R8.cancel');
    const id = newId();
    await engines.pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, parent_run_id, parent_step, ended_at)
       VALUES (1, $1, 'lab', 1, '{}', 1, '2026-06-30', 'UTC', 'cancelled', '{}', NULL, NULL, now()),
         (1, $2, 'lab', 1, '{}', 1, '2026-06-30', 'UTC', 'running', '{}', $1, 0, NULL)`,
      [newId(), id],
    );
    await endOrphans();
    await endOrphans();
    assert.deepEqual(await messagesTo(id), ['cancel']);

    // Its owner has heard, and waits for what runs.
    await engines.pool.query(
      `WITH taken AS (DELETE FROM tutti.inbox WHERE run_id = $1)
       INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) VALUES (1, $1, 1, 'run.created', '{}'), (1, $1, 2, 'run.cancelling', '{}'), (1, $1, 3, 'turn.ended', '{}')`,
      [id],
    );
    await endOrphans();
    assert.deepEqual(await messagesTo(id), []);
  });

  it('ends with its next engine, whether the one before has heard that it is to or not', async () => {
    verifies('R9.restart');
    const first = await engines.open();
    const heard = await orphan(first);
    await pass(first, async () => (await cancelsOf(heard)) > 0);
    const unheard = await orphan(first);
    await first.engine.stop();

    const next = await engines.open();
    next.dispatcher.answerCancels();
    const statuses = () => Promise.all([heard, unheard].map((id) => engines.statusOf(id)));
    await pass(next, async () => (await statuses()).join() === 'cancelled,cancelled');
  });
});
