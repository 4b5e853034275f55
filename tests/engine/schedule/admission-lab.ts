import fc from 'fast-check';
import type { GateKind } from '../../../core/engine/schedule/blocker-data.ts';
import {
  blockersOf,
  type RefusalFact,
  type StepBlocker,
  type StepFacts,
} from '../../../core/engine/schedule/blockers.ts';
import type { ExpectedTurn } from '../../../core/engine/schedule/expected-work.ts';
import { Keepers } from '../../../core/engine/schedule/keepers.ts';
import { goesBefore, lineOf } from '../../../core/engine/schedule/line.ts';
import type { Ready } from '../../../core/engine/schedule/ready.ts';
import {
  type Blocker,
  type RunningLimits,
  Scheduler,
} from '../../../core/engine/schedule/scheduler.ts';
import type { StepWait } from '../../../core/ports/db/states.ts';
import { aTask } from './forecast-plans.ts';
import { type HeldPermit, WindowGates } from './window-gates.ts';

/** Work of the lab: in the scheduler's queue unless something holds it. */
export interface Work extends Ready {
  readonly turn: ExpectedTurn | null;
  readonly hold: Pick<StepFacts, 'dependencies' | 'isPaused' | 'isOwned' | 'wait'> | null;
}

const free = { dependencies: [], isPaused: false, isOwned: true, wait: null } as const;
const holds = fc.record({
  dependencies: fc.constantFrom([], [{ path: 'a', status: 'running' as const }]),
  isPaused: fc.boolean(),
  isOwned: fc.constantFrom(true, true, false),
  wait: fc.constantFrom<(StepWait | null)[]>(
    null,
    null,
    'timer',
    'review',
    'budget',
    'approval',
    'event',
    'version',
  ),
});

const offer = fc.record({
  kind: fc.constant('offer' as const),
  service: fc.constantFrom('batch' as const, 'interactive' as const, 'follow_up' as const),
  run: fc.constantFrom('r1', 'r2'),
  module: fc.constantFrom('a', 'b'),
  model: fc.constantFrom('m1', 'm2', null),
  erp: fc.boolean(),
  priority: fc.integer({ min: 1, max: 10 }),
  tokens: fc.integer({ min: 1, max: 60 }),
  hold: fc.option(holds, { freq: 3, nil: null }),
});
const end = fc.record({ kind: fc.constant('end' as const), which: fc.nat(30) });

/** What has happened in a lab, and its limits. */
export const histories = fc.record({
  acts: fc.array(fc.oneof({ weight: 3, arbitrary: offer }, { weight: 1, arbitrary: end }), {
    minLength: 4,
    maxLength: 40,
  }),
  limits: fc.record({
    running: fc.integer({ min: 1, max: 8 }),
    perRun: fc.integer({ min: 1, max: 6 }),
    perModule: fc.integer({ min: 1, max: 5 }),
  }),
  gates: fc.record({
    m1: fc.record({
      requests: fc.integer({ min: 1, max: 8 }),
      tokens: fc.integer({ min: 60, max: 300 }),
    }),
    m2: fc.record({ concurrency: fc.integer({ min: 1, max: 2 }) }),
  }),
  /** Models whose breaker, purse or provider refuses. */
  ill: fc.uniqueArray(
    fc.record({
      model: fc.constantFrom('m1', 'm2'),
      blocker: fc.constantFrom('breaker' as const, 'budget' as const, 'closed' as const),
    }),
    { maxLength: 2, selector: ({ model, blocker }) => `${model} ${blocker}` },
  ),
  isErpIll: fc.boolean(),
});
export type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/** A real scheduler and real windows in a random state, between two ticks: all that could start has started. */
export class AdmissionLab {
  readonly now: number;
  readonly waiting = new Set<Work>();
  readonly held = new Set<Work>();
  readonly #running: { readonly work: Work; readonly permit: HeldPermit }[] = [];
  readonly #history: History;
  readonly #scheduler: Scheduler<Work>;
  readonly #gates: WindowGates;

  constructor(history: History) {
    this.#history = history;
    this.#scheduler = new Scheduler(history.limits);
    this.#gates = new WindowGates(history.gates);
    for (const [index, act] of history.acts.entries()) {
      if (act.kind === 'offer') this.#offer(act, index);
      else this.#end(act.which);
      this.tick(index);
    }
    this.now = history.acts.length;
  }

  /** Starts what may start; returns how many did. */
  tick(at = this.now): number {
    const before = this.waiting.size;
    while (this.#pass(at));
    return before - this.waiting.size;
  }

  /** Returns whether somebody was passed over for a follow-up that has lost its slot since. */
  #pass(at: number): boolean {
    const kept = new Keepers<Work>();
    const admits = (work: Work): boolean => {
      const { service, model } = work;
      if (service !== 'follow_up' && model !== null && kept.passOver(model)) return false;
      if (this.#refusals(work, at).length === 0) return true;
      if (service === 'follow_up' && model !== null) kept.keep(model, work);
      return false;
    };
    this.#scheduler.take(at, admits, (work) => {
      this.waiting.delete(work);
      this.#running.push({ work, permit: this.#gates.take(startOf(work), at) });
    });
    return kept.drop(this.#scheduler);
  }

  /** What `blockersOf` says of a waiting step. */
  blockers(work: Work): readonly StepBlocker[] {
    return blockersOf({
      ...(work.hold ?? free),
      now: this.now,
      wakeAt: null,
      run: work.run,
      module: work.module,
      slots: this.#slots(work),
      refusals: this.#refusals(work, this.now),
      ahead: aheadInLine(work, this.waiting) + this.#keeping(work).length,
    });
  }

  /**
   * Whether the next tick of a scheduler in this very state starts `work`, with what is `lifted` lifted for it alone. Nobody else
   * can start between ticks, and nobody may use what is lifted, so the others are refused.
   */
  startsWith(work: Work, lifted: readonly StepBlocker[]): boolean {
    const isLifted = (kind: string) => lifted.some((each) => each.kind === kind);
    if (this.#holdKinds(work).some((kind) => !isLifted(kind))) return false;
    const twin = this.#twin(isLifted);
    const isBehind = (other: Work) =>
      lineOf(other) === lineOf(work) && aheadInLine(work, [other]) > 0;
    for (const other of this.waiting)
      if (other !== work && !(isLifted('queue') && isBehind(other))) twin.offer(other);
    twin.offer(work);
    const left = this.#refusals(work, this.now).filter(
      ({ blocker, scope }) => !isLifted(scope === 'erp' && blocker !== 'breaker' ? 'erp' : blocker),
    );
    const isKept = this.#keeping(work).length > 0 && !isLifted('queue');
    let starts = false;
    twin.take(
      this.now,
      (other) => other === work && left.length === 0 && !isKept,
      () => {
        starts = true;
      },
    );
    return starts;
  }

  #twin(isLifted: (kind: string) => boolean): Scheduler<Work> {
    const { running, perRun, perModule } = this.#history.limits;
    const limits: RunningLimits = {
      running: isLifted('running') ? 1e6 : running,
      perRun: isLifted('run') ? 1e6 : perRun,
      perModule: isLifted('module') ? 1e6 : perModule,
    };
    const twin = new Scheduler<Work>(limits);
    for (const { work } of this.#running) {
      twin.offer(work);
      twin.take(
        this.now,
        () => true,
        () => {},
      );
    }
    return twin;
  }

  #offer(act: Extract<History['acts'][number], { kind: 'offer' }>, index: number): void {
    const { kind: _, tokens, hold, ...place } = act;
    const bound = { input: tokens, output: 0 };
    const turn = place.model === null ? null : { ms: 1, bound, use: bound };
    const isHeld = hold !== null && holdKinds(hold).length > 0;
    const work = { ...place, turn, hold: isHeld ? hold : null, readyAt: index, order: index };
    if (isHeld) this.held.add({ ...work, readyAt: this.#history.acts.length, order: 1e6 + index });
    else {
      this.waiting.add(work);
      this.#scheduler.offer(work);
    }
  }

  #end(which: number): void {
    const [ended] = this.#running.splice(which % Math.max(1, this.#running.length), 1);
    if (!ended) return;
    this.#scheduler.release(ended.work);
    if (ended.work.turn) this.#gates.settle(ended.permit, ended.work.turn.use, 0);
  }

  #holdKinds({ hold }: Work): readonly string[] {
    return hold ? holdKinds(hold) : [];
  }

  #slots({ run, module }: Work): readonly Blocker[] {
    const { running, perRun, perModule } = this.#history.limits;
    const count = (of: (work: Work) => boolean) =>
      this.#running.filter(({ work }) => of(work)).length;
    return [
      ...(count((other) => other.module === module) >= perModule ? (['module'] as const) : []),
      ...(count((other) => other.run === run) >= perRun ? (['run'] as const) : []),
      ...(this.#running.length >= running ? (['running'] as const) : []),
    ];
  }

  /** Follow-ups that wait for the model of a new start, and are refused there. */
  #keeping({ service, model }: Work): readonly Work[] {
    if (service === 'follow_up' || model === null) return [];
    return [...this.waiting].filter(
      (other) =>
        other.service === 'follow_up' &&
        other.model === model &&
        this.#slots(other).length === 0 &&
        aheadInLine(other, this.waiting) === 0,
    );
  }

  #refusals(work: Work, at: number): readonly RefusalFact[] {
    const { ill, isErpIll } = this.#history;
    const gates = this.#gates.blockers(startOf(work), at);
    return [
      ...gates.map(({ kind, name }) => ({ blocker: kind as GateKind, scope: name, untilMs: null })),
      ...ill
        .filter(({ model }) => model === work.model)
        .map(({ blocker }) => ({ blocker, scope: `model:${work.model}`, untilMs: 5 })),
      ...(work.erp && isErpIll
        ? [{ blocker: 'hour' as const, scope: 'erp', untilMs: 60_000 }]
        : []),
    ];
  }
}

function startOf({ model, turn }: Work) {
  return { task: aTask('', { model }), turn };
}

function holdKinds({ dependencies, isPaused, isOwned, wait }: NonNullable<Work['hold']>) {
  const kinds = {
    timer: 'retry',
    review: 'review',
    budget: 'budget_approval',
    approval: 'approval',
    event: 'event',
    version: 'version',
    batch: 'batch',
    child: 'child',
  };
  return [
    ...(dependencies.length > 0 ? ['dependency'] : []),
    ...(isPaused ? ['paused'] : []),
    ...(isOwned ? [] : ['owner']),
    ...(wait === null ? [] : [kinds[wait]]),
  ];
}

/** How many of those that wait stand before `item` in its own line. O(n). */
function aheadInLine(item: Ready, waiting: Iterable<Ready>): number {
  const line = lineOf(item);
  let ahead = 0;
  for (const other of waiting)
    if (other !== item && lineOf(other) === line && goesBefore(other, item)) ahead += 1;
  return ahead;
}
