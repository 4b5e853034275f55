import { requestOverheadTokens } from '../../ports/models/prices.ts';
import type { CompiledForeach, CompiledTask } from '../graph/compiled.ts';
import type { Attempt } from '../run/attempt.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import type { Container, Item, Step } from '../run/step.ts';
import type { Waiting } from '../run/waiting.ts';
import { type ExpectedAttempt, remainingMs } from '../schedule/durations.ts';
import type { ExpectedTurn, ForecastTask } from '../schedule/expected-work.ts';
import type { Experience } from './experience.ts';
import type { Caller, Held } from './gates.ts';
import type { Past } from './past.ts';
import {
  containersOf,
  type Doer,
  doerOf,
  isPoint,
  openNeeds,
  type Surroundings,
  waitsForItems,
} from './surroundings.ts';

/** What tasks are made from. */
export interface TaskParts {
  readonly around: Surroundings;
  readonly experience: Experience;
  readonly past: Past | null;
}

/** A foreach that has not read its items, where no earlier run says how many there are. */
const unknownItems = 1;
/** A failed call that is asked for again comes back to the queue in about so long, milliseconds; its delay is drawn at random. */
const retryDelayMs = 500;
const noTokens = { input: 0, output: 0 };

/** Everything that an engine has before it, as a forecast takes it: all of its runs, for they share slots and gates. */
export class Tasks {
  readonly all: readonly ForecastTask[];
  /** What calls under way hold. */
  readonly held = new Map<string, Held>();
  readonly #parts: TaskParts;
  readonly #callers = new Map<string, Caller>();
  readonly #queued: ReadonlyMap<Step, Waiting>;
  readonly #attempts: ReadonlyMap<Step, Attempt>;

  constructor(parts: TaskParts) {
    this.#parts = parts;
    const { scheduler, attempts, runs } = parts.around;
    const queued = [...scheduler.values()].sort((a, b) => a.order - b.order);
    this.#queued = new Map(queued.map((item) => [item.step, item]));
    this.#attempts = new Map([...attempts.values()].map((attempt) => [attempt.step, attempt]));
    const all = [...runs.values()].flatMap((run) => this.#ofRun(run));
    const places = new Map(queued.map((item, index) => [taskId(item.owner, item.step), index]));
    const placeOf = ({ id }: ForecastTask): number => places.get(id) ?? queued.length;
    this.all = all.sort((a, b) => placeOf(a) - placeOf(b));
  }

  callerOf(task: ForecastTask): Caller {
    return this.#callers.get(task.id) ?? nobody;
  }

  #ofRun(run: Run): readonly ForecastTask[] {
    const containers = containersOf(run);
    const before = itemOrder(containers.values());
    return run.steps
      .filter(({ status }) => !isTerminal(status))
      .flatMap((step) => {
        const needs = [...openNeeds(run, step), ...(before.get(step) ?? [])];
        const ids = needs.map((need) => taskId(run, need));
        if (step.kind === 'foreach')
          return this.#ofForeach(run, step, { ids, container: containers.get(step) });
        return [isPoint(step) ? this.#point(run, step, ids) : this.#ofStep(run, step, ids)];
      });
  }

  /** A foreach ends with its items. Those that are not known are made up, as many as there should be. */
  #ofForeach(
    run: Run,
    step: Step,
    {
      ids,
      container,
    }: { readonly ids: readonly string[]; readonly container: Container | undefined },
  ): readonly ForecastTask[] {
    if (container) {
      const open = container.items.flatMap(({ steps }) =>
        steps.filter(({ status }) => !isTerminal(status)),
      );
      return [
        this.#point(
          run,
          step,
          open.map((each) => taskId(run, each)),
        ),
      ];
    }
    const { body, concurrency, id: node } = step.place as CompiledForeach;
    const count = this.#parts.past?.itemsOf(run.facts.workflow, node) ?? unknownItems;
    const own = taskId(run, step);
    const begin = { ...this.#point(run, step, ids), id: `${own} begin` };
    const idOf = (item: number, index: number) => `${own} ${item} ${index}`;
    const items = Array.from({ length: count }, (_, item) =>
      body.map((place, index) => {
        const earlier = item < concurrency ? [] : body.map((_, at) => idOf(item - concurrency, at));
        const first = place.deps.length === 0 ? [begin.id, ...earlier] : [];
        const needs = [...place.deps.map((dep) => idOf(item, dep)), ...first];
        return { ...this.#madeUp(run, { ...step, place }, idOf(item, index)), needs };
      }),
    ).flat();
    const ends = items.map(({ id }) => id);
    return [begin, ...items, this.#point(run, step, ends)];
  }

  /** A task for a step that is not there yet. */
  #madeUp(run: Run, step: Step, id: string): ForecastTask {
    const doer = this.#doer(run, step);
    this.#note(id, run, step);
    const { turns, ownMs } = this.#expected(doer);
    return { ...this.#task(run, step, doer), id, turns: turns.map(turnOf), ownMs };
  }

  #point(run: Run, step: Step, needs: readonly string[]): ForecastTask {
    const { join } = step.place;
    const isOpen = step.kind === 'foreach' && step.status === 'running';
    return {
      ...{ id: taskId(run, step), run: run.facts.id, module: '', model: null, erp: false },
      ...{
        priority: 1,
        service: serviceOf(run),
        needs,
        state: 'pending',
        readyAt: null,
        turns: [],
        ownMs: 0,
      },
      ...(!isOpen && { join }),
      isPoint: true,
    };
  }

  #ofStep(run: Run, step: Step, needs: readonly string[]): ForecastTask {
    const doer = this.#doer(run, step);
    const task = { ...this.#task(run, step, doer), needs };
    this.#note(task.id, run, step);
    const expected = this.#expected(doer);
    if (step.status === 'running') return this.#begun(task, step, expected);
    const { turns, ownMs } = expected;
    const left = doer.mode === 'model' ? leftOf(turns, step.recorded) : turns;
    return {
      ...task,
      ...waitOf(run, step),
      turns: withSize(left.map(turnOf), this.#queued.get(step)),
      ownMs,
    };
  }

  /** A step that has begun: it calls a model, works without one, or waits for its next call. */
  #begun(task: ForecastTask, step: Step, { turns, ownMs }: ExpectedAttempt): ForecastTask {
    const { clock } = this.#parts.around;
    const now = clock.monotonic();
    const attempt = this.#attempts.get(step);
    if (!attempt || attempt.mode === 'playbook') {
      const elapsedMs = clock.now() - (step.startedAt ?? clock.now());
      return { ...task, state: 'running', turns: [], ownMs: remainingMs(ownMs, elapsedMs) };
    }
    const track = this.#parts.experience.trackOf(attempt);
    const done = attempt.recorded + track.turns;
    if (step.isAsking) return this.#asking(task, step, leftOf(turns, done).map(turnOf));
    const { call } = attempt;
    if (call) {
      this.held.set(task.id, { grant: call.grant, erpProbe: null });
      const [turn, ...rest] = leftOf(turns, done).map(turnOf);
      const ms = remainingMs(turn?.ms ?? ownMs, now - call.grant.permit.at);
      return {
        ...task,
        state: 'running',
        turns: [{ ...(turn ?? idle(0)), ms }, ...rest],
        ownMs: 0,
      };
    }
    const restMs = remainingMs(turns[done - 1]?.thenMs ?? 0, now - (track.workingSince ?? now));
    return {
      ...task,
      state: 'running',
      turns: [idle(restMs), ...turns.slice(done).map(turnOf)],
      ownMs: restMs,
    };
  }

  #asking(task: ForecastTask, step: Step, turns: readonly ExpectedTurn[]): ForecastTask {
    const item = this.#queued.get(step);
    const now = this.#parts.around.clock.now();
    const place = item
      ? ({ state: 'ready', readyAt: item.readyAt } as const)
      : ({ state: 'waiting', readyAt: now + retryDelayMs } as const);
    return { ...task, ...place, service: 'follow_up', turns: withSize(turns, item), ownMs: 0 };
  }

  #task(run: Run, step: Step, { registered, model, usesErp }: Doer): ForecastTask {
    const { join, priority } = step.place as CompiledTask;
    return {
      ...{
        id: taskId(run, step),
        run: run.facts.id,
        module: registered.module,
        model,
        erp: usesErp,
      },
      ...{ priority, service: serviceOf(run), needs: [], join },
      ...{ state: 'pending', readyAt: null, turns: [], ownMs: 0 },
    };
  }

  #doer(run: Run, step: Step): Doer {
    return doerOf(run, step, this.#parts.around);
  }

  #expected(doer: Doer): ExpectedAttempt {
    return this.#parts.experience.expected(doer, this.#parts.past);
  }

  #note(id: string, run: Run, step: Step): void {
    const { registered, model, usesErp, goesOn } = this.#doer(run, step);
    const wish =
      model === null ? null : this.#parts.around.turns.wish({ run, step, registered }, 0);
    this.#callers.set(id, { wish, usesErp, goesOn });
  }
}

const nobody: Caller = { wish: null, usesErp: false, goesOn: true };

/** The id of a step's task. */
export function taskId({ facts }: Run, { id }: Pick<Step, 'id'>): string {
  return `${facts.id} ${id}`;
}

/** What the first steps of unopened items wait for: the item that has its place now, as if items ended in their order. */
function itemOrder(containers: Iterable<Container>): ReadonlyMap<Step, readonly Step[]> {
  const before = new Map<Step, readonly Step[]>();
  for (const { items, next, node } of containers) {
    if (next >= items.length) continue;
    const line: readonly Item[] = [
      ...items.slice(0, next).filter(({ released }) => released),
      ...items.slice(next),
    ];
    line.forEach(({ steps }, index) => {
      const earlier = line[index - node.concurrency];
      if (!earlier) return;
      const open = earlier.steps.filter(({ status }) => !isTerminal(status));
      for (const step of steps) if (waitsForItems(step)) before.set(step, open);
    });
  }
  return before;
}

function serviceOf({ facts }: Run): ForecastTask['service'] {
  return facts.attended ? 'interactive' : 'batch';
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

/** The turns after `done` of them; one that goes on longer than expected has at least its last before it. */
function leftOf(turns: ExpectedAttempt['turns'], done: number): ExpectedAttempt['turns'] {
  return done < turns.length ? turns.slice(done) : turns.slice(-1);
}

function turnOf({
  ms,
  thenMs,
  input,
  output,
  bytes,
}: ExpectedAttempt['turns'][number]): ExpectedTurn {
  return {
    ms,
    thenMs,
    bound: { input: bytes + requestOverheadTokens, output },
    use: { input, output },
  };
}

/** The size of the next call is known where it is asked for already. */
function withSize(
  turns: readonly ExpectedTurn[],
  item: Waiting | undefined,
): readonly ExpectedTurn[] {
  const [first, ...rest] = turns;
  if (!first || !item?.wish) return turns;
  const input = item.wish.bytes + requestOverheadTokens;
  return [{ ...first, bound: { ...first.bound, input } }, ...rest];
}

/** Time in a slot without a call. */
function idle(ms: number): ExpectedTurn {
  return { ms, bound: noTokens, use: noTokens };
}
