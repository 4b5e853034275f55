import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Forecast, ForecastTask } from '../../../core/engine/schedule/expected-work.ts';
import { forecast } from '../../../core/engine/schedule/forecast.ts';
import { aTask, type Plan, plans, unlimited } from './forecast-plans.ts';
import { WindowGates } from './window-gates.ts';

const watched = (plan: Plan, watch: string): Forecast =>
  forecast({ ...plan, gates: new WindowGates(plan.gates), watch });

/** Every task of a plan that does not run, with its forecast. */
function* waiting(
  plan: Plan,
): Iterable<{ task: ForecastTask; startMs: number | null } & Pick<Forecast, 'ifLifted'>> {
  for (const task of plan.tasks) {
    if (task.state === 'running' || task.isPoint) continue;
    const { times, ifLifted } = watched(plan, task.id);
    yield { task, ifLifted, startMs: times.get(task.id)?.startMs ?? null };
  }
}

describe('ifLifted', () => {
  it('changes nothing that a forecast says', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { ifLifted: _, ...seen } = watched(plan, plan.tasks[0]?.id ?? '');
        const { ifLifted: none, ...unseen } = watched(plan, '');

        assert.deepEqual(seen, unseen);
        assert.deepEqual(none, []);
      }),
      { numRuns: 50 },
    );
  });

  it('names something in the way of every step that does not start now, and nothing of one that does', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        for (const { ifLifted, startMs } of waiting(plan))
          assert.equal(ifLifted.length === 0, startMs === plan.now);
      }),
      { numRuns: 100 },
    );
  });

  it('starts a step now when the only thing in its way is lifted, and never later than without lifting', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        for (const { ifLifted, startMs } of waiting(plan)) {
          if (ifLifted.length === 1) assert.equal(ifLifted[0]?.startMs, plan.now);
          for (const lifted of ifLifted) {
            assert.ok(lifted.startMs !== null && startMs !== null);
            assert.ok(lifted.startMs <= startMs);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('starts a step that would never start once the first thing in its way is lifted, and the rest has gone by itself', () => {
    fc.assert(
      fc.property(plans, fc.nat(24), (plan, which) => {
        const task = plan.tasks[which % plan.tasks.length] as ForecastTask;
        const asked = {
          ...task,
          state: 'waiting' as const,
          readyAt: null,
          needs: [],
          isPoint: false,
        };
        const tasks = plan.tasks.map((each) => (each === task ? asked : each));

        const { times, ifLifted } = watched({ ...plan, tasks }, task.id);

        assert.equal(times.get(task.id)?.startMs, null);
        assert.equal(ifLifted[0]?.kind, 'wait');
        assert.notEqual(ifLifted[0]?.startMs, null);
        for (const { startMs } of ifLifted.slice(1)) assert.equal(startMs, null);
      }),
      { numRuns: 200 },
    );
  });

  it('is what happens when a step is let go in earnest', () => {
    fc.assert(
      fc.property(plans, fc.nat(24), (plan, which) => {
        const task = plan.tasks[which % plan.tasks.length] as ForecastTask;
        const held = {
          ...task,
          state: 'waiting' as const,
          readyAt: null,
          needs: [],
          isPoint: false,
        };
        const having = (each: ForecastTask) => ({
          ...plan,
          tasks: [...plan.tasks.filter((other) => other !== task), each],
        });
        const free = { ...held, state: 'ready' as const, readyAt: plan.now };

        const { ifLifted } = watched(having(held), task.id);
        const { times } = watched(having(free), '');

        assert.ok((times.get(task.id)?.startMs as number) <= (ifLifted[0]?.startMs as number));
      }),
      { numRuns: 400 },
    );
  });

  it('lists what stands in the way in the order of admission', () => {
    const turn = { ms: 1_000, bound: { input: 60, output: 40 }, use: { input: 1, output: 1 } };
    const busy = { model: 'm', turns: [turn], run: 'r1' };
    const tasks = [
      aTask('first', busy),
      aTask('second', busy),
      aTask('last', { ...busy, needs: ['first'] }),
    ];
    const gates = new WindowGates({ m: { concurrency: 1, requests: 1 } });

    const { ifLifted } = forecast({
      now: 0,
      tasks,
      limits: { ...unlimited, perRun: 1 },
      gates,
      watch: 'last',
    });

    assert.deepEqual(
      ifLifted.map(({ kind }) => kind),
      ['dependency', 'run', 'model_concurrency', 'model_requests', 'queue'],
    );
  });
});
