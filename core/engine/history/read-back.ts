import type {
  CompiledCompute,
  CompiledForeach,
  CompiledItemNode,
  CompiledNode,
  CompiledReduce,
  CompiledTask,
  CompiledWorkflow,
  Graph,
} from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import { namesAll, type Sources } from '../graph/sources.ts';
import type { RunFacts } from '../run/facts.ts';
import { type Result, resultsOf } from '../run/foreach.ts';
import { isInline, remake } from '../run/inline.ts';
import { type Gathered, gather, scopeOf } from '../run/scope.ts';
import { type Container, type Item, nodeIn } from '../run/step.ts';
import type { StoredContent, StoredOutput, StoredOutputs } from '../store/stored-outputs.ts';
import {
  itemsOf,
  namedIn,
  openedBy,
  type ReadBackItems,
  type Seen,
  wantedIn,
} from './read-back-items.ts';

/** A step's place in its graph. */
export type StepPlace = { readonly place: CompiledNode; readonly foreach: null } | PlaceInItem;

/** In the item of a foreach that has this key. */
interface PlaceInItem {
  readonly place: CompiledItemNode;
  readonly foreach: CompiledForeach;
  readonly key: string;
}

/** A run, as far as one of its steps is told of. */
export interface ReadBackParts {
  readonly facts: Pick<RunFacts, 'businessDate' | 'company'>;
  /** The part that tells of the step: its nodes wait for what they are made of (`graph/part.ts`). */
  readonly graph: Graph;
  readonly stored: StoredOutputs;
}

/**
 * What a step of a run was given, and what its expressions made. How steps have ended is read from their rows; what expressions made of that is
 * made again. Only what the step's own data is made of is read, however large the run is.
 */
export class ReadBack {
  readonly #parts: ReadBackParts;
  /** Of nodes at the top. */
  readonly #rows = new Map<string, StoredOutput | undefined>();
  /** Null: nothing. */
  readonly #outputs = new Map<string, Promise<{ readonly output: unknown } | null>>();
  readonly #results = new Map<string, Promise<readonly Result[]>>();
  #isErased = false;

  constructor(parts: ReadBackParts) {
    this.#parts = parts;
  }

  /** Whether something that was read has been erased: what is made without it is worth nothing. */
  get isErased(): boolean {
    return this.#isErased;
  }

  /** What an agent, a tool or a workflow was given. @throws EXPRESSION_INVALID · WORKFLOW_INVALID · DB_* */
  async inputOf(at: StepPlace): Promise<unknown> {
    const place = at.place as CompiledTask | CompiledWorkflow | CompiledReduce;
    if (place.kind === 'reduce') return this.#gathered(place);
    const seen = await this.#seen([place], at.foreach ?? place);
    return place.input(scopeOf(seen.facts, seen.nodes, at.foreach && (await this.#seenItem(at))));
  }

  /** The list that a foreach was opened with; undefined: it never was. @throws DB_* */
  async valuesOf({ id }: CompiledForeach): Promise<readonly unknown[] | undefined> {
    const opened = await this.#parts.stored.opened(id);
    return opened && ((this.#read(opened) ?? []) as readonly unknown[]);
  }

  /** What a foreach, or a node that expressions decide, has brought. @throws EXPRESSION_INVALID · WORKFLOW_INVALID · DB_* */
  async outputOf({ place, ...at }: StepPlace): Promise<unknown> {
    if (!at.foreach) return (await this.#outputsOf([place.id]))[place.id]?.output;
    const index = at.foreach.body.findIndex(({ id }) => id === place.id);
    return (await this.#item(at, [index])).steps[index]?.output;
  }

  async #outputsOf(ids: readonly string[]): Promise<ExpressionScope['nodes']> {
    await this.#load(ids);
    const found = ids.map(async (id) => {
      const output = this.#outputs.get(id) ?? this.#outputAt(id);
      this.#outputs.set(id, output);
      return [id, await output] as const;
    });
    const brought = await Promise.all(found);
    return Object.fromEntries(brought.flatMap(([id, output]) => (output ? [[id, output]] : [])));
  }

  async #outputAt(id: string): Promise<{ readonly output: unknown } | null> {
    const row = this.#rows.get(id);
    if (row?.status !== 'succeeded') return null;
    const { nodes, places } = this.#parts.graph;
    const place = nodes[places.get(id) as number] as CompiledNode;
    if (place.kind === 'foreach') return { output: gather(await this.#resultsOf(place)).items };
    if (!isInline(place)) return { output: this.#read(row) };
    const seen = await this.#seen([place], place);
    const gathered = place.kind === 'compute' ? await this.#gathered(place) : gather([]);
    const scope = () => scopeOf(seen.facts, seen.nodes, null);
    return { output: remake(place, { scope, gathered: () => gathered }) };
  }

  /** The outputs that a node at the top works on; of a foreach that has begun those of its items. */
  async #gathered({ from }: CompiledReduce | CompiledCompute): Promise<Gathered> {
    const { nodes } = this.#parts.graph;
    const sources = from.map((index) => nodes[index] as CompiledNode);
    await this.#load(sources.map(({ id }) => id));
    const results = sources.map(async (source): Promise<readonly Result[]> => {
      const { status = 'pending', isBegun = false } = this.#rows.get(source.id) ?? {};
      if (source.kind === 'foreach' && isBegun) return this.#resultsOf(source);
      const { [source.id]: brought } = await this.#outputsOf([source.id]);
      return [{ status, output: brought?.output, trust: 'system' }];
    });
    return gather((await Promise.all(results)).flat());
  }

  #resultsOf(foreach: CompiledForeach): Promise<readonly Result[]> {
    const results = this.#results.get(foreach.id) ?? this.#readResults(foreach);
    this.#results.set(foreach.id, results);
    return results;
  }

  async #readResults(foreach: CompiledForeach): Promise<readonly Result[]> {
    const wanted = wantedIn(foreach.body, foreach.outputs);
    const rows = await this.#parts.stored.items(nodesIn(foreach, wanted));
    const byKey = Map.groupBy(rows, ({ itemKey }) => itemKey);
    return resultsOf(await this.#items({ foreach, wanted, rows: byKey }));
  }

  /** The item of a step, as far as the step sees it. */
  async #seenItem(at: PlaceInItem): Promise<Item> {
    return this.#item(at, namedIn(at.foreach.body, at.place.sources), at.place.sources.item);
  }

  /** `isAsked`: what the item is, is asked for as well. */
  async #item(
    { foreach, key }: Omit<PlaceInItem, 'place'>,
    asked: readonly number[],
    isAsked = false,
  ): Promise<Item> {
    const wanted = wantedIn(foreach.body, asked);
    const rows = await this.#parts.stored.steps(nodesIn(foreach, wanted), key);
    const { items } = await this.#items({ foreach, wanted, rows: new Map([[key, rows]]) }, isAsked);
    return items[0] as Item;
  }

  async #items(
    of: Pick<ReadBackItems, 'foreach' | 'wanted' | 'rows'>,
    isAsked = false,
  ): Promise<Container> {
    const { foreach, wanted } = of;
    const made = wanted.flatMap((index) => foreach.body[index] ?? []).filter(isInline);
    const isOpened = isAsked || foreach.batch !== null || made.some(({ sources }) => sources.item);
    const seen = await this.#seen(made, foreach);
    const opened = isOpened ? await this.#opened(foreach) : null;
    return itemsOf({ ...of, seen, opened, read: (row) => this.#read(row) });
  }

  async #opened(foreach: CompiledForeach): Promise<ReadBackItems['opened']> {
    const seen = await this.#seen([{ sources: foreach.itemSources }], foreach);
    return openedBy(foreach, (await this.valuesOf(foreach)) ?? [], seen);
  }

  /** What some nodes see, all of them at the top or within a foreach: `within` is the one at the top. */
  async #seen(
    readers: readonly { readonly sources: Sources }[],
    within: CompiledNode,
  ): Promise<Seen> {
    const { facts, graph, stored } = this.#parts;
    const named = readers.flatMap(({ sources }) => sources.nodes);
    const all = within.deps.map((index) => (graph.nodes[index] as CompiledNode).id);
    const ids = namesAll(named) ? all : [...new Set(named)].filter((id) => graph.places.has(id));
    const isGiven = readers.some(({ sources }) => sources.input);
    const input = isGiven ? this.#read(await stored.input()) : null;
    return { facts: { ...facts, input }, nodes: await this.#outputsOf(ids) };
  }

  async #load(ids: readonly string[]): Promise<void> {
    const missing = ids.filter((id) => !this.#rows.has(id));
    const rows = await this.#parts.stored.steps(missing);
    const found = new Map(rows.map((row) => [row.node, row]));
    for (const id of missing) this.#rows.set(id, found.get(id));
  }

  #read({ body, isStored = true }: StoredContent & { readonly isStored?: boolean }): unknown {
    this.#isErased ||= isStored && body === null;
    return body === null ? null : JSON.parse(body);
  }
}

function nodesIn(foreach: CompiledForeach, wanted: readonly number[]): readonly string[] {
  return wanted.map((index) => nodeIn(foreach, foreach.body[index] as CompiledItemNode));
}
