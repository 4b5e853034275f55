import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { openTestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));
const three = defineWorkflow({
  name: 'yard.three',
  graph: ({ task }) => {
    for (const id of ['a', 'b', 'c']) task({ id, agent: worker, input: {} });
  },
});
const resting = defineWorkflow({
  name: 'yard.resting',
  graph: ({ wait }) => void wait({ id: 'rest', for: { duration: 'P30D' } }),
});
const parent = defineWorkflow({
  name: 'yard.parent',
  graph: ({ workflow }) => void workflow({ id: 'child', workflow: three, input: {} }),
});
const yard = defineModule({
  name: 'yard',
  version: '1.0.0',
  agents: [worker],
  workflows: [three, resting, parent],
});
const running = 4;
/** Runs at work that an engine has in memory at most. */
const owned = 64;

describe('what an engine has in memory', () => {
  const engines = new HandEngines({ modules: [yard], limits: { running, perRun: 2 } });
  let hand: HandEngine;

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  const owners = async () => {
    const { rows } = await engines.pool.query<{ owned: number; left: number; steps: number }>(
      `SELECT count(owner)::int AS owned, count(*) FILTER (WHERE owner IS NULL AND status = 'queued')::int AS left,
         (SELECT count(*)::int FROM tutti.step) AS steps FROM tutti.run WHERE ended_at IS NULL`,
    );
    return rows[0];
  };

  it('is so many runs and so many steps under way; what is beyond waits in the database', async () => {
    verifies('R2.bounded-queues', 'R3.pool-bound');
    hand = await engines.open();
    const { engine, dispatcher } = hand;
    const runs = [];
    for (let count = 0; count < owned + 6; count += 1) runs.push(await hand.start('yard.three'));

    await eventually(async () => (await owners())?.steps === owned * 3);
    // What the database has, its engine hears of a moment later.
    await eventually(() => dispatcher.jobs.length === running);
    const { runs: held, running: live, waiting } = engine.vitals;
    assert.deepEqual([held, live, waiting], [owned, running, owned * 3 - running]);
    assert.deepEqual(await owners(), { owned, left: 6, steps: owned * 3 });

    let done = 0;
    let most = 0;
    await eventually(() => {
      const jobs = dispatcher.jobs.slice(done);
      most = Math.max(most, jobs.length, engine.vitals.running);
      for (const { ref } of jobs) dispatcher.succeed(ref);
      done += jobs.length;
      assert.ok(engine.vitals.runs <= owned, `${engine.vitals.runs} runs`);
      return done === runs.length * 3;
    });
    const ended = await Promise.all(runs.map((run) => run.ended));

    assert.ok(ended.every((status) => status === 'succeeded'));
    assert.ok(most <= running, `${most} at once`);
    assert.deepEqual([engine.vitals.runs, engine.vitals.waiting], [0, 0]);
  });

  it('is no engine full of runs that only wait: for a moment, for somebody to resume them, or for runs of their own', async () => {
    hand = await engines.open();
    const { engine, dispatcher, clock } = hand;
    for (let count = 0; count < owned; count += 1) await hand.start('yard.resting');
    const paused = await hand.start('yard.three');
    await eventually(() => dispatcher.jobs.length === 2);
    await engine.ask({
      tenantId: 1,
      runId: paused.id,
      kind: 'pause',
      actor: { kind: 'person', id: 'tester' },
    });
    const parents = [];
    for (let count = 0; count < owned; count += 1) parents.push(await hand.start('yard.parent'));

    let done = 0;
    await eventually(() => {
      const jobs = dispatcher.jobs.slice(done);
      for (const { ref } of jobs) dispatcher.succeed(ref);
      done += jobs.length;
      clock.pass(1_000);
      return done === 2 + owned * 3;
    });

    const ended = await Promise.all(parents.map((run) => run.ended));
    assert.ok(ended.every((status) => status === 'succeeded'));
    assert.equal(engine.vitals.runs, owned + 1);
  });
});

describe('agents at work', () => {
  it('are never more at once than one run and one thread may have', async () => {
    verifies('R3.pool-bound');
    const url = new URL('../support/fixtures/crowd.config.ts', import.meta.url);
    const tutti = await openTestEngine(url);
    try {
      const tenantId = await tutti.host.store.tenant('crowd');
      const items = Array.from({ length: 12 }, (_, index) => ({ id: `i${index}` }));
      const run = (name: string, least: number) =>
        tutti.run('crowd', { tenantId, input: { name, least, items } });
      // Of several that begin at once, none need ever have all that a run may have.
      const alone = await run('alone', 3);
      const together = await Promise.all(['one', 'two', 'three'].map((name) => run(name, 5)));

      const seen = await queryAll<{ readonly thread: number; readonly run: number }>(
        tutti.host.database,
        `SELECT (said->>'thread')::int AS thread, (said->>'run')::int AS run FROM tutti.step s
         JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq, LATERAL (SELECT convert_from(p.body, 'UTF8')::jsonb AS said) told
         WHERE s.kind = 'task'`,
      );
      assert.ok([alone, ...together].every(({ status }) => status === 'succeeded'));
      assert.equal(seen.length, 48);
      assert.equal(Math.max(...seen.map(({ thread }) => thread)), 5);
      assert.equal(Math.max(...seen.map(({ run }) => run)), 3);
    } finally {
      await tutti.close();
    }
  });
});
