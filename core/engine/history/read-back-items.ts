import type { CompiledForeach, CompiledItemNode } from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import { inOrder } from '../graph/reach.ts';
import { isNamed, type Sources } from '../graph/sources.ts';
import { itemsIn } from '../run/foreach.ts';
import { isInline, remake } from '../run/inline.ts';
import { gather, scopeOf } from '../run/scope.ts';
import {
  type Container,
  type Item,
  type ItemData,
  newContainer,
  newStep,
  nodeIn,
  type Step,
} from '../run/step.ts';
import type { StoredOutput } from '../store/stored-outputs.ts';

/** What expressions see beside their item. */
export interface Seen {
  readonly facts: Parameters<typeof scopeOf>[0];
  readonly nodes: ExpressionScope['nodes'];
}

/** An item as it was opened, but for its label. */
type Opened = Omit<ItemData, 'trust'>;

/** Items of a foreach, as they are put together again. */
export interface ReadBackItems {
  readonly foreach: CompiledForeach;
  /** Indexes of the nodes whose outputs are wanted (`wantedIn`). */
  readonly wanted: readonly number[];
  /** The rows of those, by the items' keys, in the order of the items. */
  readonly rows: ReadonlyMap<string, readonly StoredOutput[]>;
  /** By key; null: nobody asks what the items are. */
  readonly opened: ReadonlyMap<string, Opened> | null;
  readonly seen: Seen;
  /** What a row's body says. */
  readonly read: (row: StoredOutput) => unknown;
}

/** The indexes of an item's nodes whose outputs some of them are made of, those included; each after what it is made of itself. */
export function wantedIn(
  body: readonly CompiledItemNode[],
  asked: readonly number[],
): readonly number[] {
  const wanted = new Set(asked);
  for (const index of wanted) {
    const place = body[index];
    if (place && isInline(place))
      for (const source of namedIn(body, place.sources)) wanted.add(source);
  }
  return inOrder(body).filter((index) => wanted.has(index));
}

/** The indexes of an item's nodes that something of the same item is made of. */
export function namedIn(
  body: readonly CompiledItemNode[],
  { each }: Pick<Sources, 'each'>,
): readonly number[] {
  return body.flatMap(({ id }, index) => (isNamed(each, id) ? [index] : []));
}

/** The items that a foreach was opened with, by their keys. @throws WORKFLOW_INVALID · EXPRESSION_INVALID */
export function openedBy(
  foreach: CompiledForeach,
  values: readonly unknown[],
  { facts, nodes }: Seen,
): ReadonlyMap<string, Opened> {
  const items = itemsIn(foreach, values, scopeOf(facts, nodes, null));
  return new Map(items.map((item) => [item.key, item]));
}

/** Puts items together, with what the wanted nodes have brought in them. @throws EXPRESSION_INVALID */
export function itemsOf(items: ReadBackItems): Container {
  const { foreach, wanted, rows, opened, seen, read } = items;
  const node = { id: -1, node: foreach.id, itemKey: '', place: foreach, item: null };
  const container = newContainer(newStep(node));
  for (const [key, own] of rows) {
    const { value = null, members = [{ key, index: container.items.length }] } =
      opened?.get(key) ?? {};
    const item: Item = {
      ...{ container, key, value, members, trust: 'system' },
      ...{ steps: [], released: true },
    };
    for (const place of foreach.body)
      item.steps.push(newStep({ id: -1, node: nodeIn(foreach, place), itemKey: key, place, item }));
    for (const index of wanted) fill(item, index, { rows: own, seen, read });
    container.items.push(item);
  }
  return container;
}

function fill(
  { steps }: Item,
  index: number,
  {
    rows,
    seen,
    read,
  }: Pick<ReadBackItems, 'seen' | 'read'> & { readonly rows: readonly StoredOutput[] },
): void {
  const step = steps[index] as Step;
  const row = rows.find(({ node }) => node === step.node);
  step.status = row?.status ?? step.status;
  if (row?.status !== 'succeeded') return;
  const { place, item } = step;
  const from = place.kind === 'compute' ? place.from : [];
  const scope = () => scopeOf(seen.facts, seen.nodes, item);
  const gathered = () => gather(from.map((source) => steps[source] as Step));
  step.output = isInline(place) ? remake(place, { scope, gathered }) : read(row);
}
