import type { CompiledForeach, CompiledNode, Graph } from '../../../core/engine/graph/compiled.ts';
import { readPath } from '../../../core/engine/run/step.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { EntryLine, StepLine, StoredRun } from './database.ts';
import { type Accuse, nameOfRun, type Seen } from './seen.ts';

/** What may be anything: it hangs on which of several came first. */
const anything = Symbol('anything');

interface Listed {
  readonly id: string;
  readonly odd: number;
}

/** I19: who starts is given what those before it have brought, by the rows alone; and a run brings what its nodes have. */
export class Given {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  readonly #ended = new Set<string>();

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  launched({ runId, stepPath, attempt, input, batch }: Job): void {
    const stored = this.#world.database.runs.get(runId);
    if (!stored) return;
    const rows = new Rows(stored, this.#world.graphOf(runId));
    const line = rows.at(stepPath);
    if (!line) return;
    const begun = stored.entries.findLast(
      (entry) =>
        entry.kind === 'step.started' && entry.step === line.id && entry.attempt === attempt,
    );
    const expected = rows.givenTo(stepPath, begun?.seq ?? Number.POSITIVE_INFINITY);
    if (!isLike(input, expected.input))
      this.#accuse(
        'I19',
        `${stepPath} of ${nameOfRun(runId)} is given ${JSON.stringify(input)}, and ought to be ${shown(expected.input)}`,
      );
    if (batch && !isLike(batch, expected.keys))
      this.#accuse('I19', `${stepPath} works on ${batch.join()}, and ought to on ${expected.keys}`);
  }

  /** A step has started a run, which works on what the step is given. */
  started(
    runId: string,
    { path, input }: { readonly path: string; readonly input: unknown },
  ): void {
    const stored = this.#world.database.run(runId);
    // What a retry has taken over is durable before its rows are, which may come with the next part of a flush.
    const isTaken = ({ step, data }: EntryLine) => data.carried === true && step !== null;
    if (stored.entries.some((entry) => isTaken(entry) && !stored.steps.has(entry.step ?? -1)))
      return;
    const rows = new Rows(stored, this.#world.graphOf(runId));
    // What else has ended when it starts one is told nowhere.
    if (rows.isRace(path)) return;
    const expected = rows.givenTo(path, Number.POSITIVE_INFINITY);
    if (!isLike(input, expected.input))
      this.#accuse(
        'I19',
        `${path} of ${nameOfRun(runId)} gives ${JSON.stringify(input)}, and ought to give ${shown(expected.input)}`,
      );
  }

  look(): void {
    for (const stored of this.#world.database.runs.values()) {
      if (!stored.ended || this.#ended.has(stored.id)) continue;
      this.#ended.add(stored.id);
      const graph = this.#world.graphOf(stored.id);
      const told = stored.entries.find(({ kind }) => kind === 'run.ended')?.body ?? null;
      if (!graph.output || told === null) continue;
      const expected = new Rows(stored, graph).broughtByAll();
      if (!isLike(JSON.parse(told), expected))
        this.#accuse('I19', `${stored.id} brings ${told}, its nodes ${shown(expected)}`);
    }
  }
}

/** What the rows of a run tell of its outputs, worked out without the engine. */
class Rows {
  readonly #stored: StoredRun;
  readonly #nodes: readonly CompiledNode[];
  readonly #byPath: ReadonlyMap<string, StepLine>;

  constructor(stored: StoredRun, { nodes }: Graph) {
    this.#stored = stored;
    this.#nodes = nodes;
    this.#byPath = new Map([...stored.steps.values()].map((row) => [pathOfLine(row), row]));
  }

  at(path: string): StepLine | undefined {
    return this.#byPath.get(path);
  }

  /** What a step that starts behind entry `before` is given. */
  givenTo(path: string, before: number): { readonly input: unknown; readonly keys: unknown } {
    const { node: name, itemKey } = readPath(path);
    const [top = '', inner] = name.split('/');
    const node = this.#nodes.find(({ id }) => id === top) as CompiledNode;
    if (node.kind === 'foreach') return this.#givenInItem(node, { inner, itemKey, before });
    if (node.kind === 'reduce') return { input: this.#gathered(node, before), keys: null };
    if (node.deps.length === 0) return { input: anything, keys: null };
    // Graphs of lives that broke something once say nothing to their tasks.
    const isTold = node.sources.nodes.length > 0 || 'workflow' in node;
    return { input: isTold ? { seen: this.#seenBy(node, before) } : {}, keys: null };
  }

  /** Whether a step goes on behind the first of several. */
  isRace(path: string): boolean {
    const [top, inner] = readPath(path).node.split('/');
    const node = this.#nodes.find(({ id }) => id === top);
    const body = node?.kind === 'foreach' ? node.body : [];
    return (body.find(({ id }) => id === inner) ?? node)?.join === 'any';
  }

  broughtByAll(): unknown {
    const all = Number.POSITIVE_INFINITY;
    return Object.fromEntries(this.#nodes.map((node) => [node.id, this.#broughtBy(node, all)]));
  }

  #seenBy(node: CompiledNode, before: number): unknown {
    const isRace = node.join === 'any';
    return Object.fromEntries(
      node.deps.map((dep) => {
        const other = this.#nodes[dep] as CompiledNode;
        const hasEntry = /^(task|reduce|wait|approval|workflow)$/.test(other.kind);
        return [other.id, isRace && !hasEntry ? anything : this.#broughtBy(other, before)];
      }),
    );
  }

  #broughtBy(node: CompiledNode, before: number): unknown {
    const row = this.#byPath.get(node.id);
    if (row?.status !== 'succeeded') return null;
    switch (node.kind) {
      case 'gate':
        return null;
      case 'compute':
        // Which of several it saw when the first had succeeded is told nowhere.
        return { n: anything, seen: node.join === 'any' ? anything : this.#seenBy(node, before) };
      case 'foreach':
        return this.#results(node, before).filter((each) => each !== missing);
      default:
        return this.#outputOf(row, before);
    }
  }

  #gathered(node: CompiledNode & { readonly kind: 'reduce' }, before: number): unknown {
    if (node.join === 'any') return anything;
    const results = node.from.flatMap((index) => {
      const source = this.#nodes[index] as CompiledNode;
      if (source.kind === 'foreach') return this.#results(source, before);
      const isThere = this.#byPath.get(source.id)?.status === 'succeeded';
      return [isThere ? this.#broughtBy(source, before) : missing];
    });
    const items = results.filter((each) => each !== missing);
    return { items, missing: results.length - items.length };
  }

  /** What each item of a foreach has brought, in the order of the list. */
  #results(node: CompiledForeach, before: number): readonly unknown[] {
    // One that was never opened lacks as a whole.
    if ((this.#byPath.get(node.id)?.started_at ?? null) === null) return [missing];
    const last = node.body.at(-1)?.id;
    const name = node.body.length === 1 ? node.id : `${node.id}/${last}`;
    const results: unknown[] = [];
    for (const batch of this.#listedIn(node))
      for (const { key, at } of batch) {
        const row = this.#byPath.get(`${name}[${batch[0]?.key}]`);
        const output = row?.status === 'succeeded' ? this.#outputOf(row, before) : missing;
        results[at] = node.batch && output !== missing ? resultFor(output, key) : output;
      }
    return results;
  }

  #givenInItem(
    node: CompiledForeach,
    {
      inner,
      itemKey,
      before,
    }: { readonly inner: string | undefined; readonly itemKey: string; readonly before: number },
  ): { readonly input: unknown; readonly keys: unknown } {
    const place = node.body.find(({ id }) => id === (inner ?? id)) as CompiledNode;
    if (node.batch) {
      const batch = this.#listedIn(node).find(([first]) => first?.key === itemKey) ?? [];
      const keys = batch.map(({ key }) => key);
      return { input: place.sources.item ? { ids: keys } : {}, keys };
    }
    if (!place.sources.item) return { input: {}, keys: null };
    const each = place.deps.map((dep) => {
      const { id } = node.body[dep] as CompiledNode;
      const row = this.#byPath.get(`${node.id}/${id}[${itemKey}]`);
      return [id, row?.status === 'succeeded' ? this.#outputOf(row, before) : null];
    });
    return { input: { id: itemKey, each: Object.fromEntries(each) }, keys: null };
  }

  /** The items of a foreach as it works on them: by themselves, or in batches. */
  #listedIn({ id, batch }: CompiledForeach): readonly (readonly { key: string; at: number }[])[] {
    const step = this.#byPath.get(id)?.id;
    const entry = this.#stored.entries.find(
      (each) => each.kind === 'foreach.expanded' && each.step === step,
    );
    const items = JSON.parse(entry?.body ?? '[]') as readonly Listed[];
    const listed = items.map(({ id: key, odd }, at) => ({ key, at, odd }));
    if (!batch) return listed.map((each) => [each]);
    const groups = batch.by ? [...Map.groupBy(listed, ({ odd }) => odd).values()] : [listed];
    return groups.flatMap((group) =>
      Array.from({ length: Math.ceil(group.length / batch.most) }, (_, at) =>
        group.slice(at * batch.most, (at + 1) * batch.most),
      ),
    );
  }

  /** The output that a step has brought by an entry; null: it came later. */
  #outputOf({ id }: StepLine, before: number): unknown {
    const end = this.#stored.entries.find(
      (entry: EntryLine) => entry.step === id && entry.kind === 'step.succeeded',
    );
    return end?.body && end.seq < before ? JSON.parse(end.body) : null;
  }
}

/** Of an item that has brought nothing. */
const missing = Symbol('missing');

function resultFor(output: unknown, key: string): unknown {
  const { results = [] } = (output ?? {}) as { results?: readonly { readonly key: string }[] };
  return results.find((each) => each.key === key) ?? null;
}

function pathOfLine({ node, item_key: key }: StepLine): string {
  return key === '' ? node : `${node}[${key}]`;
}

function isLike(given: unknown, expected: unknown): boolean {
  if (expected === anything) return true;
  if (typeof expected !== 'object' || expected === null) return given === expected;
  if (typeof given !== 'object' || given === null) return false;
  const [one, other] = [given, expected] as [Record<string, unknown>, Record<string, unknown>];
  const names = Object.keys(other);
  if (names.length !== Object.keys(one).length) return false;
  return names.every((name) => name in one && isLike(one[name], other[name]));
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (each === anything ? '*' : each)) ?? '';
}
