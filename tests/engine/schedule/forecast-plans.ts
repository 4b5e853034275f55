import fc from 'fast-check';
import type { ForecastTask } from '../../../core/engine/schedule/expected-work.ts';
import type { RunningLimits } from '../../../core/engine/schedule/scheduler.ts';
import type { GateLimit } from './window-gates.ts';

/** Work and limits that a property is tried on. */
export interface Plan {
  readonly now: number;
  readonly tasks: readonly ForecastTask[];
  readonly limits: RunningLimits;
  readonly runLimits: ReadonlyMap<string, number>;
  readonly gates: Readonly<Record<string, GateLimit>>;
}

export const unlimited: RunningLimits = { running: 1e6, perRun: 1e6, perModule: 1e6 };

/** A task that is ready and takes a second. */
export function aTask(id: string, more: Partial<ForecastTask> = {}): ForecastTask {
  return {
    id,
    run: 'r1',
    module: 'a',
    model: null,
    erp: false,
    priority: 5,
    service: 'batch',
    needs: [],
    state: more.needs ? 'pending' : 'ready',
    readyAt: 0,
    turns: [],
    ownMs: 1_000,
    ...more,
  };
}

const turn = fc.record({
  ms: fc.integer({ min: 1, max: 20_000 }),
  thenMs: fc.constantFrom(0, 0, 40, 900),
  bound: fc.option(fc.record({ input: fc.integer({ min: 1, max: 60 }), output: fc.constant(40) }), {
    freq: 5,
    nil: null,
  }),
  use: fc.record({ input: fc.integer({ min: 0, max: 30 }), output: fc.nat(40) }),
});

const shape = fc.record({
  run: fc.constantFrom('r1', 'r2'),
  module: fc.constantFrom('a', 'b', 'c'),
  model: fc.constantFrom('m1', 'm2', null),
  priority: fc.integer({ min: 1, max: 10 }),
  service: fc.constantFrom('batch' as const, 'interactive' as const),
  state: fc.constantFrom('pending', 'pending', 'ready', 'running', 'waiting'),
  needs: fc.array(fc.nat(100), { maxLength: 3 }),
  join: fc.constantFrom('all_succeeded' as const, 'all_done' as const, 'any' as const),
  readyIn: fc.integer({ min: -90_000, max: 90_000 }),
  turns: fc.array(turn, { maxLength: 3 }),
  ownMs: fc.integer({ min: 1, max: 3_000 }),
  isPoint: fc.constantFrom(false, false, false, true),
});

const limit = fc.constantFrom(1, 2, 3, 5, 1e6);

/** Random graphs under random limits; of each state there is something. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    now: fc.constantFrom(0, 1_766_000_123_456),
    shapes: fc.array(shape, { minLength: 1, maxLength: 25 }),
    running: limit,
    perRun: limit,
    perModule: limit,
    runLimit: limit,
    gates: fc.record({
      m1: fc.record({
        requests: fc.integer({ min: 2, max: 9 }),
        tokens: fc.integer({ min: 100, max: 600 }),
      }),
      m2: fc.record({ concurrency: fc.integer({ min: 1, max: 3 }) }),
    }),
  })
  .map(({ now, shapes, running, perRun, perModule, runLimit, gates }) => ({
    now,
    tasks: shapes.map((each, index) => toTask(each, index, now)),
    limits: { running, perRun, perModule },
    runLimits: new Map([['r1', runLimit]]),
    gates,
  }));

type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

function toTask(
  { readyIn, needs, state, turns, model, ...rest }: Shape,
  index: number,
  now: number,
): ForecastTask {
  const isPoint = rest.isPoint && state === 'pending';
  return {
    ...rest,
    id: `t${index}`,
    model,
    erp: false,
    isPoint,
    ownMs: isPoint ? 0 : rest.ownMs,
    state: state as ForecastTask['state'],
    needs: state === 'pending' && index > 0 ? needs.map((need) => `t${need % index}`) : [],
    readyAt: state === 'waiting' ? now + Math.abs(readyIn) : now - Math.abs(readyIn),
    turns: model === null ? [] : turns,
  };
}
