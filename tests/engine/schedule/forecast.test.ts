import assert from 'node:assert/strict';
import fc from 'fast-check';
import type {
  Forecast,
  ForecastStart,
  ForecastTask,
} from '../../../core/engine/schedule/expected-work.ts';
import { forecast } from '../../../core/engine/schedule/forecast.ts';
import { verifies } from '../../support/verifies.ts';
import { aTask, type Plan, plans, unlimited } from './forecast-plans.ts';
import { slowForecast } from './slow-forecast.ts';
import { WindowGates } from './window-gates.ts';

const run = (plan: Plan): Forecast => forecast({ ...plan, gates: new WindowGates(plan.gates) });

/** Without gates and, unless said otherwise, without limits. */
const plain = (tasks: readonly ForecastTask[], limits = unlimited): Forecast =>
  forecast({ now: 0, tasks, limits, gates: null });

const aTurn = (ms: number, more: object = {}) => ({
  ms,
  bound: { input: 60, output: 40 },
  use: { input: 10, output: 10 },
  ...more,
});

describe('forecast', () => {
  it('starts everything when the scheduler driven step by step starts it', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const tasks = plan.tasks.map((task) => ({
          ...task,
          state: task.state === 'running' ? ('ready' as const) : task.state,
          // Some take no time at all.
          ownMs: task.ownMs % 5 === 0 ? 0 : task.ownMs,
        }));
        const still = { ...plan, tasks };

        assert.deepEqual(run(still).times, slowForecast(still));
      }),
      { numRuns: 400 },
    );
  });

  it('starts at once what was passed over for a follow-up whose slot another start then took', () => {
    const call = (tokens: number) => {
      const size = { input: tokens, output: 0 };
      return { ms: 1_000, thenMs: 0, bound: size, use: size };
    };
    const plan: Plan = {
      now: 0,
      tasks: [
        aTask('talk', { model: 'm', priority: 10, turns: [call(60), call(60)] }),
        aTask('first', { module: 'b', priority: 9 }),
        aTask('passed', { module: 'b', model: 'm', turns: [call(30)] }),
        aTask('taker', { ownMs: 5_000 }),
      ],
      limits: { running: 2, perRun: 2, perModule: 1 },
      runLimits: new Map(),
      gates: { m: { tokens: 100 } },
    };
    const { times } = run(plan);

    assert.equal(times.get('taker')?.startMs, 1_000);
    assert.equal(times.get('passed')?.startMs, 1_000);
    assert.deepEqual(times, slowForecast(plan));
  });

  it('says the same when asked the same, whatever was asked before', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        assert.deepEqual(run(plan), run(plan));
      }),
      { numRuns: 50 },
    );
  });

  it('starts nothing before what it needs has ended, and in the end everything', () => {
    verifies('R2.topological');
    fc.assert(
      fc.property(plans, (plan) => {
        const { times } = run(plan);
        for (const { id, needs, join, state, readyAt } of plan.tasks) {
          const { startMs, endMs } = times.get(id) ?? { startMs: null, endMs: null };
          assert.ok(startMs !== null && endMs !== null && startMs <= endMs, `${id} never ends`);
          if (state === 'waiting') assert.ok(startMs >= (readyAt as number));
          const ends = needs.map((need) => times.get(need)?.endMs as number);
          if (state === 'pending' && ends.length > 0)
            assert.ok(startMs >= (join === 'any' ? Math.min(...ends) : Math.max(...ends)));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the limits of engine, run and module at every moment, as counted from outside', () => {
    fc.assert(
      fc.property(plans, ({ tasks: any, ...plan }) => {
        // Steps of one piece: what they hold is what lies between their start and their end.
        const tasks = any.map((task) => ({
          ...task,
          turns: [],
          state: task.state === 'running' ? ('ready' as const) : task.state,
        }));
        const { times } = run({ ...plan, tasks });
        const work = tasks.filter(({ isPoint, ownMs }) => !isPoint && ownMs > 0);
        for (const { id } of work) {
          const at = times.get(id)?.startMs as number;
          const running = work.filter((other) => {
            const { startMs, endMs } = times.get(other.id) ?? {};
            return (startMs as number) <= at && at < (endMs as number);
          });
          const count = (of: (task: ForecastTask) => boolean) => running.filter(of).length;
          assert.ok(running.length <= plan.limits.running);
          for (const { module } of running)
            assert.ok(count((each) => each.module === module) <= plan.limits.perModule);
          const runLimit = Math.min(plan.limits.perRun, plan.runLimits.get('r1') as number);
          assert.ok(count((each) => each.run === 'r1') <= runLimit);
          assert.ok(count((each) => each.run === 'r2') <= plan.limits.perRun);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the limits of models in every minute and at every moment, as counted from outside', () => {
    verifies('R6.sliding-window', 'R6.concurrent');
    fc.assert(
      fc.property(plans, (plan) => {
        const calls: { model: string | null; at: number; endsAt: number }[] = [];
        const gates = new WindowGates(plan.gates);
        const counting = Object.assign(Object.create(gates) as WindowGates, {
          take: ({ task, turn }: ForecastStart, at: number) => {
            calls.push({ model: task.model, at, endsAt: at + (turn?.ms ?? 0) });
            return gates.take({ task, turn }, at);
          },
          blocker: (start: ForecastStart, at: number) => gates.blocker(start, at),
          settle: (...args: Parameters<WindowGates['settle']>) => gates.settle(...args),
          waitMs: (start: ForecastStart, at: number) => gates.waitMs(start, at),
        });

        forecast({ ...plan, gates: counting });

        for (const { model, at } of calls) {
          const of = calls.filter((call) => call.model === model);
          const { requests = 1e6, concurrency = 1e6 } = plan.gates[model ?? ''] ?? {};
          assert.ok(of.filter((call) => call.at <= at && at < call.at + 60_000).length <= requests);
          assert.ok(of.filter((call) => call.at <= at && at < call.endsAt).length <= concurrency);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('takes exactly as long as the longest chain where nothing is limited, and says that work is the bound', () => {
    fc.assert(
      fc.property(plans, ({ now, tasks }) => {
        const free = forecast({ now, tasks, limits: unlimited, gates: null });

        assert.equal(free.makespanMs, free.criticalPathMs);
        assert.equal(free.bottleneck.kind, 'work');
        assert.deepEqual(free.waits, []);
      }),
      { numRuns: 200 },
    );
  });

  it('is never faster than the longest chain, nor slower than one step after the other', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const limited = forecast({ ...plan, gates: null });
        const workMs = plan.tasks.reduce((sum, task) => sum + workOf(task), 0);
        const lastArrival = Math.max(
          0,
          ...plan.tasks.map(({ state, readyAt }) =>
            state === 'waiting' ? (readyAt as number) - plan.now : 0,
          ),
        );

        assert.ok(limited.makespanMs >= limited.criticalPathMs);
        assert.ok(limited.makespanMs <= lastArrival + workMs + 1);
      }),
      { numRuns: 200 },
    );
  });

  // Graham, Bounds on multiprocessing timing anomalies (SIAM J. Appl. Math. 17, 1969): any two list schedules of the same work on
  // m and m' ≥ m slots differ by no more than 1 + (m − 1) / m'.
  it('becomes worse by more slots by no more than scheduling anomalies allow, and by none without dependencies of equal steps', () => {
    fc.assert(
      fc.property(
        plans,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        (plan, slots, more) => {
          const tasks = plan.tasks.map((task) => ({
            ...task,
            turns: [],
            state: task.needs.length > 0 ? ('pending' as const) : ('ready' as const),
            join: 'all_done' as const,
          }));
          const makespan = (running: number, each = tasks) =>
            plain(
              each.map((task) => ({ ...task, readyAt: 0 })),
              { ...unlimited, running },
            ).makespanMs;
          const equal = tasks.map((task) => ({
            ...task,
            needs: [],
            isPoint: false,
            state: 'ready' as const,
            ownMs: 1_000,
          }));

          assert.ok(
            makespan(slots + more) <= makespan(slots) * (1 + (slots - 1) / (slots + more)) + 1e-6,
          );
          assert.ok(makespan(slots + more, equal) <= makespan(slots, equal));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('names the limit that keeps ready work waiting longest, and how much of all waiting that is', () => {
    const tasks = Array.from({ length: 10 }, (_, at) =>
      aTask(`t${at}`, { model: 'm', module: at < 4 ? 'a' : 'b', turns: [aTurn(1_000)] }),
    );

    const byRequests = forecast({
      now: 0,
      tasks,
      limits: unlimited,
      gates: new WindowGates({ m: { requests: 5 } }),
    });
    const byModule = plain(tasks, { ...unlimited, perModule: 1 });

    assert.deepEqual(byRequests.bottleneck, { kind: 'model_requests', name: 'model:m', share: 1 });
    assert.equal(byRequests.makespanMs, 61_250);
    // Of four steps in turn the later wait 1 + 2 + 3 s, of six 1 + … + 5 s.
    assert.deepEqual(byModule.waits, [
      { kind: 'module', name: 'b', stepMs: 15_000, share: 15 / 21 },
      { kind: 'module', name: 'a', stepMs: 6_000, share: 6 / 21 },
    ]);
  });

  it('lets a step give its slot back between turns, and its next turn go before new starts', () => {
    const turns = [aTurn(1_000, { thenMs: 500 }), aTurn(1_000)];
    const tasks = ['x', 'y', 'z'].map((id) => aTask(id, { model: 'm', turns }));

    const { times } = plain(tasks, { ...unlimited, running: 1 });

    assert.deepEqual(
      [...times.values()],
      [
        { startMs: 0, endMs: 2_500 },
        { startMs: 2_500, endMs: 5_000 },
        { startMs: 5_000, endMs: 7_500 },
      ],
    );
  });

  it('counts what runs against the limits, settles what it holds, and waits for what is left of it', () => {
    const gates = new WindowGates({ m: { concurrency: 1 } });
    const running = aTask('running', { state: 'running', model: 'm', turns: [aTurn(700)] });
    const held = new Map([['running', gates.take({ task: running, turn: aTurn(0) }, 0)]]);

    const tasks = [running, aTask('next', { model: 'm', turns: [aTurn(1_000)] })];
    const { times, bottleneck } = forecast({ now: 0, tasks, limits: unlimited, gates, held });

    assert.deepEqual(times.get('next'), { startMs: 700, endMs: 1_700 });
    assert.equal(bottleneck.kind, 'model_concurrency');
    assert.deepEqual(plain(tasks, { ...unlimited, running: 1 }).times.get('next')?.startMs, 700);
  });

  it('does without the model where waiting would not help', () => {
    const gates = {
      blocker: () => ({ kind: 'budget', name: 'tenant', goesWithout: true }),
      blockers: () => [],
      take: () => assert.fail('nothing is taken'),
      settle: () => {},
      waitMs: () => null,
    };
    const tasks = [aTask('poor', { model: 'm', turns: [aTurn(9_000)], ownMs: 50 })];

    assert.deepEqual(forecast({ now: 0, tasks, limits: unlimited, gates }).times.get('poor'), {
      startMs: 0,
      endMs: 50,
    });
  });

  it('foresees no start for what waits for a person, nor for what needs it', () => {
    const tasks = [
      aTask('asked', { state: 'waiting', readyAt: null }),
      aTask('after', { needs: ['asked'] }),
      aTask('free'),
    ];

    const { times, makespanMs, criticalPathMs } = plain(tasks);

    assert.deepEqual(times.get('after'), { startMs: null, endMs: null });
    assert.deepEqual([makespanMs, criticalPathMs], [1_000, 1_000]);
  });

  it('gives up on what a gate will never let pass', () => {
    const gates = {
      blocker: () => ({ kind: 'budget', name: 'tenant' }),
      blockers: () => [],
      take: () => null,
      settle: () => {},
      waitMs: () => 50,
    };

    const { times } = forecast({
      now: 0,
      tasks: [aTask('x', { erp: true })],
      limits: unlimited,
      gates,
    });

    assert.deepEqual(times.get('x'), { startMs: null, endMs: null });
  });

  it('takes far less time than what it foresees: 10,000 steps of three turns', () => {
    const tasks = Array.from({ length: 10_000 }, (_, at) =>
      aTask(`t${at}`, {
        module: `m${at % 13}`,
        model: `g${at % 3}`,
        needs: at < 1_000 ? [] : [`t${at - 1_000}`],
        state: at < 1_000 ? 'ready' : 'pending',
        turns: [aTurn(1_000 + ((at * 37) % 3_000)), aTurn(2_000), aTurn(500)],
      }),
    );
    const before = process.cpuUsage();

    const { makespanMs } = plain(tasks, { running: 256, perRun: 256, perModule: 128 });

    const { user } = process.cpuUsage(before);
    assert.ok(makespanMs > 100_000);
    assert.ok(user < 5_000_000, `${user / 1_000} ms`);
  });
});

function workOf({ turns, ownMs, isPoint }: ForecastTask): number {
  if (isPoint) return 0;
  return turns.length === 0
    ? ownMs
    : turns.reduce((sum, { ms, thenMs = 0 }) => sum + ms + thenMs, 0);
}
