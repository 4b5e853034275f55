import type { Pace, Pieces } from '../../base/pieces.ts';
import type { CompiledForeach, CompiledTask } from '../graph/compiled.ts';
import type { Attempt } from '../loop/attempt.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { Run } from '../run/run.ts';
import { stepScope } from '../run/run-purses.ts';
import { isTerminal } from '../run/states.ts';
import type { Container, Item, Step } from '../run/step.ts';
import type { Caller, Held } from '../schedule/broker-gates.ts';
import { remainingMs } from '../schedule/durations.ts';
import type { ExpectedTurn, ForecastTask } from '../schedule/expected-work.ts';
import { emptyTask, foreachTasks, pointTask } from '../schedule/task-shapes.ts';
import type { Doer, Doers } from './doers.ts';
import type { Experience } from './experience.ts';
import type { Past } from './past.ts';
import {
  awaitedPlaces,
  containersOf,
  isPoint,
  openNeeds,
  type Surroundings,
  waitsForItems,
} from './surroundings.ts';
import { idleTurn, leftOf, withSize } from './turn-left.ts';

/** What tasks are made from. */
export interface TaskParts {
  readonly around: Surroundings;
  readonly experience: Experience;
  readonly past: Past | null;
  readonly doers: Doers;
}

/** A foreach that has not read its items, where no earlier run says how many there are. */
const unknownItems = 1;
/** Nobody knows until when. */
const heldUp = { state: 'waiting', readyAt: null } as const;
/** It has its slot, and nobody knows for how long. */
const endless = { turns: [], ownMs: Number.POSITIVE_INFINITY };
const nobody: Caller = { wish: null, usesErp: false, goesOn: true };

/** A step's tasks, and what it was when they were made. */
interface Made {
  readonly run: Run;
  readonly step: Step;
  readonly status: Step['status'];
  readonly place: ForeachPlace;
  readonly tasks: readonly ForecastTask[];
}

/**
 * Everything that an engine has before it, as a forecast takes it: all of its runs, for they share slots and gates. What is many,
 * steps that have not begun, is gathered in pieces; then, at one moment, what has changed meanwhile and what is under way.
 */
export class Tasks {
  /** What calls under way hold. */
  readonly held = new Map<string, Held>();
  #around: Surroundings;
  readonly #parts: TaskParts;
  readonly #callers = new Map<string, Caller>();
  /** Those of steps that have not begun, which have no purse of their own yet. */
  readonly #common = new Map<Doer, Caller>();
  #queued: ReadonlyMap<Step, Waiting> = new Map();
  #attempts: ReadonlyMap<Step, Attempt> = new Map();
  #awaited: ReturnType<typeof awaitedPlaces> = new Map();
  #made: Made[] = [];

  constructor(parts: TaskParts) {
    this.#parts = parts;
    this.#around = parts.around;
    this.#look();
  }

  callerOf(task: ForecastTask): Caller {
    return this.#callers.get(task.id) ?? nobody;
  }

  /** Takes in what there is. */
  *gather(pace: Pace): Pieces<void> {
    for (const run of this.#around.runs.values()) {
      const containers = containersOf(run);
      const before = yield* itemOrder(containers.values(), pace);
      const opened = new Map<Step, string[]>([...containers.keys()].map((step) => [step, []]));
      for (const step of run.steps) {
        if (!isTerminal(step.status)) {
          const id = taskId(run, step);
          if (step.item) opened.get(step.item.container.step)?.push(id);
          const open = [...openNeeds(run, step), ...(before.get(step) ?? [])];
          const needs = open.map((need) => taskId(run, need));
          this.#made.push(this.#make(run, step, { id, needs, items: opened.get(step) }));
        }
        if (pace.isDue()) yield;
      }
    }
  }

  /** The tasks, in the order of the queue, as they are at this moment. */
  at(around: Surroundings): readonly ForecastTask[] {
    this.#around = around;
    this.#look();
    const places = new Map([...this.#queued.keys()].map((step, index) => [step, index]));
    const first: ForecastTask[] = [];
    const rest: ForecastTask[] = [];
    for (const made of this.#made) {
      const { run, step, status, place } = made;
      if (isTerminal(step.status)) continue;
      const isAsItWas = step.status === status && status !== 'running';
      const { tasks } = isAsItWas ? made : this.#make(run, step, place);
      const index = places.get(step);
      for (const task of tasks)
        if (index === undefined) rest.push(task);
        else first[index] = task;
    }
    this.#made = [];
    return [...first.filter((task) => task !== undefined), ...rest];
  }

  #look(): void {
    const { scheduler, attempts } = this.#around;
    const queued = [...scheduler.values()].sort((a, b) => a.order - b.order);
    this.#queued = new Map(queued.map((item) => [item.step, item]));
    this.#attempts = new Map([...attempts.values()].map((attempt) => [attempt.step, attempt]));
    this.#awaited = awaitedPlaces(this.#around);
  }

  #make(run: Run, step: Step, place: ForeachPlace): Made {
    return { run, step, status: step.status, place, tasks: this.#tasksOf(run, step, place) };
  }

  #tasksOf(run: Run, step: Step, { items, ...place }: ForeachPlace): readonly ForecastTask[] {
    if (step.kind === 'foreach') return this.#ofForeach(run, step, { ...place, items });
    return [isPoint(step) ? this.#ofPoint(run, step, place) : this.#ofStep(run, step, place)];
  }

  /** What no agent does: one that waits for something outside ends at its moment, or nobody knows when. */
  #ofPoint(run: Run, step: Step, place: Place): ForecastTask {
    if (step.status !== 'waiting') return pointTask(run, place, step.place.join);
    if (step.wakeAt === null || step.wait !== 'timer')
      return { ...emptyTask(run, place), state: 'waiting', readyAt: null };
    return { ...pointTask(run, place), state: 'waiting', readyAt: step.wakeAt };
  }

  /** A foreach ends with its items. Those that are not known are made up, as many as there should be. */
  #ofForeach(
    run: Run,
    step: Step,
    { id, needs, items: open }: ForeachPlace,
  ): readonly ForecastTask[] {
    if (open) return [pointTask(run, { id, needs: open })];
    const { body, concurrency, join, id: node } = step.place as CompiledForeach;
    const count = this.#parts.past?.itemsOf(run.facts.workflow, node) ?? unknownItems;
    const items = Array.from({ length: count }, (_, item) =>
      body.map((place, index) => ({
        id: `${id} ${item} ${index}`,
        deps: place.deps,
        make: (at: Place) => {
          const made = { ...step, place, kind: place.kind };
          return [isPoint(made) ? pointTask(run, at, place.join) : this.#toCome(run, made, at)];
        },
      })),
    );
    return foreachTasks(run, { id, needs, join, concurrency, items });
  }

  #ofStep(run: Run, step: Step, place: Place): ForecastTask {
    const task = this.#toCome(run, step, place);
    const doer = this.#parts.doers.of(run, step);
    if (step.status === 'running') return this.#begun(task, step, doer);
    // A conversation that goes on begins with what was recorded, and asks for its next call then.
    const isGoingOn = doer.mode === 'model' && step.recorded > 0;
    const turns = isGoingOn ? [idleTurn(0), ...leftOf(doer.turns, step.recorded)] : doer.turns;
    const wait = this.#around.standstill.of(run, step) ? heldUp : waitOf(run, step);
    return { ...task, ...wait, turns: withSize(turns, this.#queued.get(step)) };
  }

  /** A task with all of its work before it. */
  #toCome(run: Run, step: Step, place: Place): ForecastTask {
    const doer = this.#parts.doers.of(run, step);
    const { registered, model, usesErp, turns, expected } = doer;
    const { join, priority } = step.place as CompiledTask;
    this.#callers.set(place.id, this.#caller(run, step, doer));
    return {
      ...emptyTask(run, place),
      ...{ module: registered.module, model, erp: usesErp, priority, turns, ownMs: expected.ownMs },
      ...(join && { join }),
    };
  }

  #caller(run: Run, step: Step, doer: Doer): Caller {
    const hasBegun = step.status === 'running';
    const known = hasBegun ? undefined : this.#common.get(doer);
    if (known) return known;
    const { registered, model, usesErp, goesOn } = doer;
    const { turns } = this.#around;
    const wish = model === null ? null : turns.wish({ run, step, registered }, 0);
    if (hasBegun || !wish) return { wish, usesErp, goesOn };
    const own = stepScope(run, step);
    const scopes = wish.scopes.filter((scope) => scope !== own);
    const caller = { wish: { ...wish, scopes }, usesErp, goesOn };
    this.#common.set(doer, caller);
    return caller;
  }

  /** A step that has begun: it calls a model, works without one, or waits for its next call. */
  #begun(task: ForecastTask, step: Step, { turns, expected }: Doer): ForecastTask {
    const { clock } = this.#around;
    const now = clock.monotonic();
    const running = { ...task, state: 'running' } as const;
    if (this.#awaited.has(step)) return { ...running, ...endless };
    const attempt = this.#attempts.get(step);
    if (!attempt || attempt.mode === 'playbook') {
      const elapsedMs = clock.now() - (step.startedAt ?? clock.now());
      return { ...running, turns: [], ownMs: remainingMs(expected.ownMs, elapsedMs) };
    }
    const track = this.#parts.experience.trackOf(attempt);
    const done = attempt.recorded + track.turns;
    const { call } = attempt;
    if (step.isAsking) return this.#asking(task, attempt, leftOf(turns, done));
    if (call) {
      this.held.set(task.id, { grant: call.grant, erpProbe: null });
      const [turn, ...rest] = leftOf(turns, done);
      const ms = remainingMs(turn?.ms ?? expected.ownMs, now - call.grant.permit.at);
      return { ...running, turns: [{ ...(turn ?? idleTurn(0)), ms }, ...rest], ownMs: 0 };
    }
    const then = turns[done - 1]?.thenMs ?? 0;
    const restMs = remainingMs(then, now - (track.workingSince ?? now));
    return { ...running, turns: [idleTurn(restMs), ...turns.slice(done)], ownMs: restMs };
  }

  #asking(
    task: ForecastTask,
    { run, step, asksAt }: Attempt,
    turns: readonly ExpectedTurn[],
  ): ForecastTask {
    const item = this.#queued.get(step);
    if (this.#around.standstill.of(run, step)) return { ...task, ...heldUp, turns, ownMs: 0 };
    const place = item
      ? ({ state: 'ready', readyAt: item.readyAt } as const)
      : ({ state: 'waiting', readyAt: asksAt ?? this.#around.clock.now() } as const);
    return { ...task, ...place, service: 'follow_up', turns: withSize(turns, item), ownMs: 0 };
  }
}

type Place = Pick<ForecastTask, 'id' | 'needs'>;
/** `items`: the tasks of its items that have not ended, once they are known. */
type ForeachPlace = Place & { readonly items: readonly string[] | undefined };

/** The id of a step's task. */
export function taskId({ facts }: Run, { id }: Pick<Step, 'id'>): string {
  return `${facts.id} ${id}`;
}

/** What the first steps of unopened items wait for: the item that has its place now, as if items ended in their order. */
function* itemOrder(
  containers: Iterable<Container>,
  pace: Pace,
): Pieces<ReadonlyMap<Step, readonly Step[]>> {
  const before = new Map<Step, readonly Step[]>();
  for (const { items, next, node } of containers) {
    if (next >= items.length) continue;
    const line: readonly Item[] = [
      ...items.slice(0, next).filter(({ released }) => released),
      ...items.slice(next),
    ];
    for (const [index, { steps }] of line.entries()) {
      const earlier = line[index - node.concurrency];
      if (!earlier) continue;
      const open = openOf(earlier.steps);
      for (const step of steps) if (waitsForItems(step)) before.set(step, open);
      if (pace.isDue()) yield;
    }
  }
  return before;
}

function openOf(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ status }) => !isTerminal(status));
}

/** What holds a step that has not begun, as far as a forecast can see its end. */
function waitOf(
  run: Run,
  { status, wait, wakeAt, readyAt }: Step,
): Pick<ForecastTask, 'state' | 'readyAt'> {
  if (run.isPaused) return { state: 'waiting', readyAt: null };
  if (status === 'waiting') return { state: 'waiting', readyAt: wait === 'timer' ? wakeAt : null };
  return { state: status === 'ready' ? 'ready' : 'pending', readyAt };
}
