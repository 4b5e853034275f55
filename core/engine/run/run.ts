import type { ErrorData } from '../../base/errors.ts';
import type { StepWait } from '../../ports/db/states.ts';
import type { RunKeys } from '../../ports/db/vault.ts';
import type { CompiledReduce, CompiledTask, CompiledWorkflow, Graph } from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import type { RunFacts } from './facts.ts';
import { endItem, endOf, failItems, itemsIn, openItems, resultsOf } from './foreach.ts';
import { HeldOutputs } from './held-outputs.ts';
import { decideInline, isInline, isOutside, strictJournal } from './inline.ts';
import { Joins, serves } from './join.ts';
import { trustOfEnded, trustOfItems, trustOfResults } from './labels.ts';
import type { Next } from './next.ts';
import type { Ended, Outcome } from './outcome.ts';
import { type Gathered, gather, scopeOf } from './scope.ts';
import { asksPerson, isTerminal, type RunStatus } from './states.ts';
import { isAtWork, isIdle, movesByItself, statusOf } from './status.ts';
import {
  type Carried,
  type Container,
  type Item,
  type ItemData,
  move,
  newContainer,
  newStep,
  nodeIn,
  type Step,
  withDependents,
} from './step.ts';

/**
 * One run in its owner's memory: a pure state machine. `start`, `expand` and `settle` change steps and return what to do
 * next; they touch no clock, database or thread, so a property test can drive them through every order of events.
 */
export class Run {
  readonly facts: RunFacts;
  readonly graph: Graph;
  readonly steps: Step[] = [];
  readonly #joins: Joins;
  readonly #outputs: HeldOutputs;
  /** Steps that wait for a person. */
  #asked = 0;
  readonly #changed = new Set<Step>();
  readonly #containers = new Map<Step, Container>();
  /** Ends of steps that the run which this one retries has brought, by step id. */
  #carried: ReadonlyMap<number, Carried> = new Map();
  #open: number;
  #stopped: 'cancelled' | 'failed' | null = null;
  #paused = false;
  status: RunStatus = 'running';
  /** 1 to 10: as it was asked for, until somebody says otherwise. */
  priority: number;
  /** Sequence number of the last entry. */
  seq = 0;
  /** What its bodies are sealed with; null: they are stored as they are. */
  keys: RunKeys | null = null;

  constructor(facts: RunFacts, graph: Graph) {
    this.facts = facts;
    this.graph = graph;
    this.priority = facts.priority;
    this.#joins = new Joins(graph.nodes);
    this.#outputs = new HeldOutputs(graph);
    this.#open = graph.nodes.length;
    for (const place of graph.nodes) this.#add({ node: place.id, itemKey: '', place, item: null });
  }

  /** Whether it is being ended from outside: what runs may end, nothing starts. */
  get isCancelled(): boolean {
    return this.#stopped !== null;
  }

  /** Whether ready steps are held back until somebody resumes it. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** Steps that changed since the last call; each is a row of the next flush. */
  takeChanged(): readonly Step[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Whether a step of it runs or may start: otherwise it only waits, for a moment, a person or another run. */
  get isAtWork(): boolean {
    const live = (step: Step) => step.status === 'running' || !this.#paused;
    return this.steps.some((step) => isAtWork(step, this.#containers.get(step)) && live(step));
  }

  /** Takes over how steps have ended in the run that this one retries; before it starts. */
  carry(ends: ReadonlyMap<number, Carried>): void {
    this.#carried = ends;
  }

  /** Notes a change that the engine made to a step (its start, its thread, its cost). */
  touch(step: Step): void {
    this.#changed.add(step);
  }

  start(now: number): readonly Next[] {
    const next: Next[] = [];
    this.graph.nodes.forEach((node, index) => {
      if (node.deps.length === 0) this.#go(this.steps[index] as Step, now, next);
    });
    return this.#closed(next);
  }

  /** Makes the steps of a foreach's items, or none. @throws WORKFLOW_INVALID for a key that is no text or not unique */
  expand(container: Container, values: readonly unknown[], now: number): readonly Next[] {
    const { node, step } = container;
    const items = itemsIn(node, values, this.scope());
    const trustOf = trustOfItems(this, container, (each) => this.#containers.get(each));
    for (const item of items) this.#addItem(container, { ...item, trust: trustOf(item) }, now);
    const next: Next[] = [];
    if (container.items.length === 0)
      this.#end(step, { kind: 'succeeded', output: [] }, { now, next });
    else this.#release(container, now, next);
    return this.#closed(next);
  }

  /** Ends a running step for good and finds what follows from it. */
  settle(step: Step, outcome: Outcome, now: number): readonly Next[] {
    const next: Next[] = [];
    this.#end(step, outcome, { now, next });
    return this.#closed(next);
  }

  /** Starts another attempt of a ready step. */
  begin(step: Step, now: number): void {
    move(step, 'running');
    step.attempt += 1;
    step.startedAt = now;
  }

  /** Puts a running step back to be tried again, now or at `wakeAt`. */
  retry(step: Step, now: number, wakeAt: number | null = null): void {
    if (wakeAt !== null) this.#wait(step, 'timer', wakeAt);
    else {
      move(step, 'ready');
      step.readyAt = now;
    }
    this.touch(step);
  }

  /** Lets a step wait for a person, or for something else outside, at the longest until `wakeAt`; it holds nothing meanwhile. */
  wait(step: Step, wait: StepWait, wakeAt: number | null = null): void {
    this.#wait(step, wait, wakeAt);
    this.touch(step);
  }

  /** Ends a step's waiting. */
  wake(step: Step, now: number): void {
    move(step, 'ready');
    this.#endWait(step);
    step.readyAt = now;
    this.touch(step);
  }

  /** Holds back what is ready; what runs goes on to its end. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** What its status should be while it lives: a run in which only people can make something go on is `waiting`. */
  liveStatus(): RunStatus {
    if (isTerminal(this.status)) return this.status;
    if (this.#paused) return 'paused';
    const isStill =
      this.#asked > 0 &&
      !this.steps.some((step) => movesByItself(step, this.#containers.get(step)));
    return isStill ? 'waiting' : 'running';
  }

  /** Overwrites the end of a step whose rows could not be stored; what followed from it stands. */
  fail(step: Step, error: ErrorData): void {
    Object.assign(step, { status: 'failed', error, output: null, outputSeq: null });
    this.touch(step);
  }

  /** Ends everything that does not run; running steps are the engine's to abort. It ends as `cancelled`, or `failed` when its own step asked: `by`, which ends by itself. */
  cancel(now: number, as: 'cancelled' | 'failed' = 'cancelled', by?: Step): readonly Next[] {
    this.#stopped ??= as;
    for (const step of this.steps) {
      const isOpen = step !== by && this.#containers.has(step) && step.status === 'running';
      if (isOpen || isIdle(step)) this.#close(step, { kind: 'cancelled' }, now);
    }
    this.#open = this.steps.filter((step) => step.status === 'running').length;
    return this.#closed([]);
  }

  /**
   * Cancels a step, with `subtree` also what waits for it; a foreach with all of its items. What does not run ends at once, and
   * what depends on it goes on as its join asks. Running steps are left to the engine to abort, and are not tried again.
   */
  cancelStep(target: Step, { subtree, now }: { readonly subtree: boolean; readonly now: number }) {
    const next: Next[] = [];
    const steps = subtree ? withDependents(target, this.steps) : [target];
    const containers = steps.flatMap((step) => this.#containers.get(step) ?? []);
    for (const container of containers) {
      container.cancelled = true;
      for (const step of failItems(container).filter(isIdle))
        this.#close(step, { kind: 'cancelled' }, now);
      steps.push(...container.items.flatMap((item) => item.steps));
    }
    const closed = steps.filter(isIdle);
    for (const step of closed) this.#close(step, { kind: 'cancelled' }, now);
    // An item that has not been opened takes note of its cancelled steps when it is.
    for (const step of closed) if (step.item?.released !== false) this.#after(step, { now, next });
    for (const container of containers) this.#closeContainer(container, { now, next });
    const running = steps.filter((step) => step.status === 'running' && step.kind !== 'foreach');
    for (const step of running) step.isCancelling = true;
    return { next: this.#closed(next), running };
  }

  /** What a step's agent, or its workflow, is given. @throws EXPRESSION_INVALID */
  inputOf(step: Step): unknown {
    if (step.kind === 'reduce') return this.#gathered(step);
    return (step.place as CompiledTask | CompiledWorkflow).input(this.scope(step.item));
  }

  /** What it brings, by its workflow's expressions; nothing of what was skipped or failed. */
  output(): unknown {
    return this.graph.output?.(this.scope());
  }

  /** What expressions of this run see. */
  scope(item: Item | null = null): ExpressionScope {
    return scopeOf(this.facts, this.#outputs.held, item);
  }

  #add(identity: Pick<Step, 'node' | 'itemKey' | 'place' | 'item'>): Step {
    const step = newStep({ id: this.steps.length, ...identity });
    this.steps.push(step);
    this.touch(step);
    return step;
  }

  #addItem(container: Container, of: ItemData, now: number): void {
    const { node } = container;
    const { key } = of;
    const item: Item = { container, ...of, steps: [], released: false };
    for (const place of node.body)
      item.steps.push(this.#add({ node: nodeIn(node, place), itemKey: key, place, item }));
    container.items.push(item);
    for (const step of item.steps) {
      const carried = this.#carried.get(step.id);
      if (carried) this.#take(step, carried, now);
    }
  }

  #go(step: Step, now: number, next: Next[]): void {
    const carried = this.#carried.get(step.id);
    if (carried) {
      this.#take(step, carried, now);
      return this.#after(step, { now, next });
    }
    move(step, 'ready');
    step.readyAt = now;
    this.touch(step);
    const decided = decideInline(step.place, {
      scope: () => this.scope(step.item),
      gathered: () => this.#gathered(step),
      isStrict: this.facts.journal >= strictJournal,
    });
    if (decided) {
      this.#end(step, decided, { now, next });
      if (isInline(step)) next.push({ kind: 'decided', step });
    } else if (step.kind === 'foreach') this.#openForeach(step, now, next);
    else next.push({ kind: isOutside(step) ? 'open' : 'ready', step });
  }

  /** The outputs that a reduce or a compute works on. */
  #gathered(step: Step): Gathered {
    const sources = step.item?.steps ?? this.steps;
    const { from } = step.place as CompiledReduce;
    return gather(
      from.flatMap((index) => {
        const source = sources[index] as Step;
        const container = this.#containers.get(source);
        return container ? resultsOf(container) : [source];
      }),
    );
  }

  #openForeach(step: Step, now: number, next: Next[]): void {
    move(step, 'running');
    step.startedAt = now;
    const container = newContainer(step);
    this.#containers.set(step, container);
    next.push({ kind: 'expand', container });
  }

  #release(container: Container, now: number, next: Next[]): void {
    if (container.isReleasing) return;
    container.isReleasing = true;
    for (let items = openItems(container); items.length > 0; items = openItems(container))
      for (const item of items) this.#releaseItem(item, now, next);
    container.isReleasing = false;
  }

  #releaseItem(item: Item, now: number, next: Next[]): void {
    const ended = item.steps.filter(({ status }) => isTerminal(status));
    for (const step of item.steps)
      if (step.status === 'pending' && (step.place as CompiledTask).deps.length === 0)
        this.#go(step, now, next);
    for (const step of ended) this.#endInItem(step, item, { now, next });
  }

  /** Ends a step as it has ended in the run that this one retries. */
  #take(step: Step, { ended, ...told }: Carried, now: number): void {
    move(step, 'ready');
    step.readyAt = now;
    Object.assign(step, told);
    this.#close(step, ended, now);
  }

  #wait(step: Step, wait: StepWait, wakeAt: number | null): void {
    move(step, 'waiting');
    Object.assign(step, { wait, wakeAt });
    if (asksPerson(wait)) this.#asked += 1;
  }

  #endWait(step: Step): void {
    if (asksPerson(step.wait)) this.#asked -= 1;
    Object.assign(step, { wait: null, wakeAt: null });
  }

  #end(step: Step, outcome: Ended, at: { readonly now: number; readonly next: Next[] }): void {
    this.#close(step, outcome, at.now);
    this.#after(step, at);
  }

  #after(step: Step, at: { readonly now: number; readonly next: Next[] }): void {
    if (step.item) this.#endInItem(step, step.item, at);
    else this.#endAtTop(step, at);
  }

  #close(step: Step, outcome: Ended, now: number): void {
    move(step, outcome.kind);
    step.endedAt = now;
    if (outcome.kind === 'succeeded') {
      step.output = outcome.output;
      if (step.kind !== 'foreach') step.trust = outcome.trust ?? trustOfEnded(this, step);
    }
    if (outcome.kind === 'failed' || outcome.kind === 'skipped') step.error = outcome.error ?? null;
    this.#endWait(step);
    this.touch(step);
  }

  #endAtTop(step: Step, at: { readonly now: number; readonly next: Next[] }): void {
    this.#open -= 1;
    this.#outputs.ended(step, this.steps);
    if (this.#stopped) return;
    for (const index of step.place.dependents) {
      const dependent = this.steps[index] as Step;
      const verdict = this.#joins.after(index, serves(dependent.place, step.id, step));
      if (dependent.status !== 'pending') continue;
      if (verdict === 'go') this.#go(dependent, at.now, at.next);
      else if (verdict === 'skip') this.#end(dependent, { kind: 'skipped' }, at);
    }
  }

  #endInItem(step: Step, item: Item, at: { readonly now: number; readonly next: Next[] }): void {
    const { container } = item;
    const index = item.steps.indexOf(step);
    if (!this.#stopped) {
      for (const dependentIndex of item.steps[index]?.place.dependents ?? []) {
        const dependent = item.steps[dependentIndex] as Step;
        if (dependent.status !== 'pending') continue;
        const verdict = Joins.among(dependent.place, item.steps);
        if (verdict === 'go') this.#go(dependent, at.now, at.next);
        else if (verdict === 'skip') this.#end(dependent, { kind: 'skipped' }, at);
      }
    } else this.#open -= 1;
    const ended = endItem(item);
    if (!ended || this.#stopped) return;
    if (ended === 'stop')
      for (const each of failItems(container).filter(isIdle))
        this.#close(each, { kind: 'skipped' }, at.now);
    this.#release(container, at.now, at.next);
    this.#closeContainer(container, at);
  }

  #closeContainer(container: Container, at: { readonly now: number; readonly next: Next[] }): void {
    if (container.ended < container.items.length || container.step.status !== 'running') return;
    container.step.trust = trustOfResults(container);
    this.#end(container.step, endOf(container), at);
  }

  #closed(next: Next[]): readonly Next[] {
    if (this.#open > 0 || isTerminal(this.status)) return next;
    this.status = this.#stopped ?? statusOf(this.steps, this.graph.partial);
    next.push({ kind: 'ended', status: this.status });
    return next;
  }
}
