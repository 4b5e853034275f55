import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type {
  CompiledForeach,
  CompiledNode,
  CompiledReduce,
  CompiledTask,
  Graph,
} from '../graph/compile.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import { type Ended, endItem, failItems, openItems } from './foreach.ts';
import { Joins } from './join.ts';
import type { RunStatus } from './states.ts';
import { type Container, type Item, move, newStep, type Step } from './step.ts';

/** What a run says about itself for as long as it lives. */
export interface RunFacts {
  readonly tenantId: number;
  readonly id: string;
  readonly workflow: string;
  readonly input: unknown;
  /** Company code, or null for a run over the whole group. */
  readonly company: string | null;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly priority: number;
  readonly attended: boolean;
  readonly createdAt: number;
}

/** How an attempt of a step ended. */
export type Outcome =
  | {
      readonly kind: 'succeeded';
      readonly output: unknown /** The output as stored. */;
      readonly json: string;
    }
  | { readonly kind: 'failed'; readonly error: ErrorData }
  | { readonly kind: 'cancelled' };

/** What the engine has to do next for a run. */
export type Next =
  | { readonly kind: 'ready'; readonly step: Step }
  | { readonly kind: 'expand'; readonly container: Container }
  | { readonly kind: 'gated'; readonly step: Step }
  | { readonly kind: 'ended'; readonly status: RunStatus };

/**
 * One run in its owner's memory: a pure state machine. `start`, `expand` and `settle` change steps and return what to do
 * next; they touch no clock, database or thread, so a property test can drive them through every order of events.
 */
export class Run {
  readonly facts: RunFacts;
  readonly graph: Graph;
  readonly steps: Step[] = [];
  readonly #joins: Joins;
  readonly #outputs: Record<string, { readonly output: unknown }> = {};
  readonly #changed = new Set<Step>();
  readonly #containers = new Map<Step, Container>();
  #open: number;
  #cancelled = false;
  status: RunStatus = 'running';
  /** Sequence number of the last entry. */
  seq = 0;

  constructor(facts: RunFacts, graph: Graph) {
    this.facts = facts;
    this.graph = graph;
    this.#joins = new Joins(graph.nodes);
    this.#open = graph.nodes.length;
    for (const place of graph.nodes) this.#add({ node: place.id, itemKey: '', place, item: null });
  }

  /** Whether somebody has asked it to end: what runs may end, nothing starts. */
  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Steps that changed since the last call; each is a row of the next flush. */
  takeChanged(): readonly Step[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
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
    const items = itemsByKey(node, values, this.scope());
    for (const [key, value] of items) this.#addItem(container, key, value);
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

  /** Puts a running step back to be tried again. */
  retry(step: Step, now: number): void {
    move(step, 'ready');
    step.readyAt = now;
    this.touch(step);
  }

  /** Overwrites the end of a step whose rows could not be stored; what followed from it stands. */
  fail(step: Step, error: ErrorData): void {
    Object.assign(step, { status: 'failed', error, output: null, outputSeq: null });
    this.touch(step);
  }

  /** Ends everything that has not started; running steps are the engine's to abort, each then settles as cancelled. */
  cancel(now: number): readonly Next[] {
    this.#cancelled = true;
    const next: Next[] = [];
    for (const step of this.steps) {
      if (step.status === 'pending' || step.status === 'ready')
        this.#close(step, { kind: 'cancelled' }, now);
    }
    for (const { step } of this.#containers.values()) {
      if (step.status === 'running') this.#close(step, { kind: 'cancelled' }, now);
    }
    this.#open = this.steps.filter(
      (step) => step.status === 'running' || step.status === 'waiting',
    ).length;
    return this.#closed(next);
  }

  /** What a step's agent is given. @throws EXPRESSION_INVALID */
  inputOf(step: Step): unknown {
    if (step.kind === 'reduce') return this.#reduceInput(step.place as CompiledReduce);
    return (step.place as CompiledTask).input(this.scope(step.item));
  }

  /** What expressions of this run see. */
  scope(item: Item | null = null): ExpressionScope {
    const { input, businessDate, company } = this.facts;
    const scope = {
      input,
      run: { today: businessDate, company: company ?? '' },
      nodes: this.#outputs,
    };
    if (!item) return scope;
    const each = Object.fromEntries(
      item.steps.map((step) => [step.place.id, { output: step.output }]),
    );
    return { ...scope, item: item.value, each };
  }

  #reduceInput(node: CompiledReduce): unknown {
    const items: unknown[] = [];
    let missing = 0;
    for (const index of node.from) {
      const source = this.steps[index] as Step;
      const container = this.#containers.get(source);
      const sources = container ? resultsOf(container) : [source];
      for (const each of sources) {
        if (each.status === 'succeeded') items.push(each.output);
        else missing += 1;
      }
    }
    return { items, missing };
  }

  #add(identity: Pick<Step, 'node' | 'itemKey' | 'place' | 'item'>): Step {
    const step = newStep({ id: this.steps.length, ...identity });
    this.steps.push(step);
    this.touch(step);
    return step;
  }

  #addItem(container: Container, key: string, value: unknown): void {
    const { node } = container;
    const item: Item = { container, key, value, steps: [], released: false };
    const alone = node.body.length === 1;
    for (const place of node.body) {
      item.steps.push(
        this.#add({ node: alone ? node.id : `${node.id}/${place.id}`, itemKey: key, place, item }),
      );
    }
    container.items.push(item);
  }

  #go(step: Step, now: number, next: Next[]): void {
    move(step, 'ready');
    step.readyAt = now;
    this.touch(step);
    if (step.kind === 'gate') this.#decideGate(step, now, next);
    else if (step.kind === 'foreach') this.#openForeach(step, now, next);
    else next.push({ kind: 'ready', step });
  }

  #decideGate(step: Step, now: number, next: Next[]): void {
    const node = step.place as Extract<CompiledNode, { kind: 'gate' }>;
    try {
      const open = node.when(this.scope()) === true;
      if (open) this.#end(step, { kind: 'succeeded', output: null }, { now, next });
      else this.#skip(step, now, next);
    } catch (error) {
      this.#end(step, { kind: 'failed', error: toErrorData(error) }, { now, next });
    }
    next.push({ kind: 'gated', step });
  }

  #openForeach(step: Step, now: number, next: Next[]): void {
    move(step, 'running');
    step.startedAt = now;
    const container: Container = {
      step,
      node: step.place as CompiledForeach,
      items: [],
      next: 0,
      open: 0,
      ended: 0,
      stopped: false,
    };
    this.#containers.set(step, container);
    next.push({ kind: 'expand', container });
  }

  #release(container: Container, now: number, next: Next[]): void {
    for (const item of openItems(container)) {
      for (const step of item.steps) {
        if ((step.place as CompiledTask).deps.length === 0) this.#go(step, now, next);
      }
    }
  }

  #skip(step: Step, now: number, next: Next[]): void {
    this.#end(step, { kind: 'skipped' }, { now, next });
  }

  #end(step: Step, outcome: Ended, at: { readonly now: number; readonly next: Next[] }): void {
    this.#close(step, outcome, at.now);
    if (step.item) this.#endInItem(step, step.item, at);
    else this.#endAtTop(step, at);
  }

  #close(step: Step, outcome: Ended, now: number): void {
    move(step, outcome.kind);
    step.endedAt = now;
    if (outcome.kind === 'succeeded') step.output = outcome.output;
    if (outcome.kind === 'failed') step.error = outcome.error;
    this.touch(step);
  }

  #endAtTop(step: Step, at: { readonly now: number; readonly next: Next[] }): void {
    this.#open -= 1;
    if (step.status === 'succeeded') this.#outputs[step.place.id] = { output: step.output };
    if (this.#cancelled) return;
    for (const index of step.place.dependents) {
      const dependent = this.steps[index] as Step;
      const verdict = this.#joins.after(index, step.status === 'succeeded');
      if (dependent.status !== 'pending') continue;
      if (verdict === 'go') this.#go(dependent, at.now, at.next);
      else if (verdict === 'skip') this.#skip(dependent, at.now, at.next);
    }
  }

  #endInItem(step: Step, item: Item, at: { readonly now: number; readonly next: Next[] }): void {
    const { container } = item;
    const index = item.steps.indexOf(step);
    if (!this.#cancelled) {
      for (const dependentIndex of item.steps[index]?.place.dependents ?? []) {
        const dependent = item.steps[dependentIndex] as Step;
        if (dependent.status !== 'pending') continue;
        const verdict = Joins.among(dependent.place, item.steps);
        if (verdict === 'go') this.#go(dependent, at.now, at.next);
        else if (verdict === 'skip') this.#skip(dependent, at.now, at.next);
      }
    } else this.#open -= 1;
    const ended = endItem(item);
    if (!ended || this.#cancelled) return;
    if (ended === 'stop')
      for (const each of failItems(container)) this.#close(each, { kind: 'skipped' }, at.now);
    this.#release(container, at.now, at.next);
    this.#closeContainer(container, at);
  }

  #closeContainer(container: Container, at: { readonly now: number; readonly next: Next[] }): void {
    if (container.ended < container.items.length || container.step.status !== 'running') return;
    const results = resultsOf(container);
    const failed = container.items.filter((item) =>
      item.steps.some((step) => step.status === 'failed'),
    ).length;
    if (failed > 0 && container.node.onItemFailure === 'stop') {
      const error = toErrorData(
        new EngineError(
          'AGENT_FAILED',
          `${failed} of ${container.items.length} items of '${container.node.id}' failed.`,
        ),
      );
      this.#end(container.step, { kind: 'failed', error }, at);
      return;
    }
    const output = results.filter((step) => step.status === 'succeeded').map((step) => step.output);
    this.#end(container.step, { kind: 'succeeded', output }, at);
  }

  #closed(next: Next[]): readonly Next[] {
    if (this.#open > 0 || this.status !== 'running') return next;
    this.status = statusOf(this.steps, this.graph.partial, this.#cancelled);
    next.push({ kind: 'ended', status: this.status });
    return next;
  }
}

/** Items by their keys: ids of one or more characters, at most 200 as ids of records have. */
function itemsByKey(
  { id, key: keyOf }: CompiledForeach,
  values: readonly unknown[],
  scope: ExpressionScope,
): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of values) {
    const named = keyOf({ ...scope, item });
    const key = typeof named === 'number' ? String(named) : named;
    if (typeof key !== 'string' || key === '' || key.length > 200) {
      const seen = JSON.stringify(named)?.slice(0, 80);
      throw new EngineError(
        'WORKFLOW_INVALID',
        `Node '${id}' has an item with the key ${seen}; a key is a text of 1 to 200 characters.`,
      );
    }
    if (items.has(key)) {
      throw new EngineError(
        'WORKFLOW_INVALID',
        `Node '${id}' has two items with the key '${key}'; keys are unique.`,
      );
    }
    items.set(key, item);
  }
  return items;
}

/** The steps whose outputs are a foreach's outputs, item by item. */
function resultsOf({ items, node }: Container): readonly Step[] {
  return items.flatMap((item) => node.outputs.map((index) => item.steps[index] as Step));
}

/**
 * A run's final status, a pure function of its steps: a critical step that failed fails the run (or leaves it `partial`
 * where the workflow allows that); any other failure, an item's in a foreach that continues included, leaves it `partial`.
 */
export function statusOf(steps: readonly Step[], partial: boolean, cancelled: boolean): RunStatus {
  if (cancelled) return 'cancelled';
  const failed = steps.filter((step) => step.status === 'failed');
  if (failed.length === 0) return 'succeeded';
  const fatal = failed.some(
    (step) => step.item === null && (!('critical' in step.place) || step.place.critical),
  );
  return fatal && !partial ? 'failed' : 'partial';
}
