import { EngineError } from '../../base/errors.ts';
import { canonicalJson } from '../../base/ids.ts';
import { toStorableText } from '../../base/text.ts';
import type { CompiledForeach } from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import type { Ended } from './outcome.ts';
import { isTerminal } from './states.ts';
import type { Container, Item, ItemData, Member, Step } from './step.ts';

/** Takes the next items up to the foreach's concurrency. */
export function openItems(container: Container): readonly Item[] {
  const opened: Item[] = [];
  while (
    !container.stopped &&
    container.open < container.node.concurrency &&
    container.next < container.items.length
  ) {
    const item = container.items[container.next] as Item;
    container.next += 1;
    container.open += 1;
    item.released = true;
    opened.push(item);
  }
  return opened;
}

/** Notes the end of an item once all of its steps have ended; `stop` when its failure ends the foreach. */
export function endItem(item: Item): 'ended' | 'stop' | null {
  if (!item.released || !item.steps.every((step) => isTerminal(step.status))) return null;
  const { container } = item;
  container.open -= 1;
  container.ended += 1;
  item.released = false;
  const failed = item.steps.some((step) => step.status === 'failed');
  return failed && container.node.onItemFailure === 'stop' && !container.stopped ? 'stop' : 'ended';
}

/** Gives up the items that have not been opened; returns their steps, which are to be skipped. */
export function failItems(container: Container): readonly Step[] {
  container.stopped = true;
  const left = container.items.slice(container.next);
  container.next = container.items.length;
  container.ended += left.length;
  return left.flatMap((item) => item.steps);
}

/** What a foreach opens: its items by themselves, or in batches in the order of their first items. By the data alone. @throws WORKFLOW_INVALID */
export function itemsIn(
  node: CompiledForeach,
  values: readonly unknown[],
  scope: ExpressionScope,
): readonly Omit<ItemData, 'trust'>[] {
  const items = [...itemsByKey(node, values, scope)].map(([key, value], index) => ({
    key,
    value,
    members: [{ key, index }],
  }));
  const { batch } = node;
  if (!batch) return items;
  const { by, most } = batch;
  const related = Map.groupBy(items, ({ value }) =>
    by ? canonicalJson(by({ ...scope, item: value }) ?? null) : '',
  );
  return [...related.values()].flatMap((together) =>
    Array.from({ length: Math.ceil(together.length / most) }, (_, at) => {
      const batched = together.slice(at * most, (at + 1) * most);
      const members = batched.flatMap((item) => item.members);
      const { key } = members[0] as Member;
      return { key, value: batched.map(({ value }) => value), members };
    }),
  );
}

/** What expressions see of an item, or of a batch. */
export function itemIn(
  { batch }: Pick<CompiledForeach, 'batch'>,
  value: unknown,
): Pick<ExpressionScope, 'item' | 'items'> {
  return batch ? { items: value as readonly unknown[] } : { item: value };
}

/**
 * Items by their keys: ids of one or more characters, at most 200 as ids of records have. As the database has them, for they name steps,
 * their effects and the runs that they start, before a crash and after it. @throws WORKFLOW_INVALID
 */
function itemsByKey(
  { id, key: keyOf }: CompiledForeach,
  values: readonly unknown[],
  scope: ExpressionScope,
): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of values) {
    const named = keyOf({ ...scope, item });
    const key =
      typeof named === 'number' || typeof named === 'string'
        ? toStorableText(String(named))
        : named;
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

/** How something ended that others gather, and what it brought. */
export type Result = Pick<Step, 'status' | 'output' | 'trust'>;

/** A foreach's results, item by item: as if each had been alone, where a step had several. */
export function resultsOf({ items, node }: Container): readonly Result[] {
  if (!node.batch)
    return items.flatMap((item) => node.outputs.map((index) => item.steps[index] as Step));
  const results: Result[] = [];
  for (const { members, steps } of items) {
    const { status, output, trust } = steps[0] as Step;
    const brought = new Map(handedIn(output).map((each) => [each.key, each]));
    for (const { key, index } of members)
      results[index] = { status, trust, output: brought.get(key) ?? null };
  }
  return results;
}

/** What an agent has handed in for a batch; its thread has looked whether every item has its own. */
function handedIn(output: unknown): readonly { readonly key: string }[] {
  return (
    (output as { readonly results?: readonly { readonly key: string }[] } | null)?.results ?? []
  );
}

/** How a foreach ends whose items have all ended. */
export function endOf(container: Container): Ended {
  const { cancelled, items, node } = container;
  if (cancelled) return { kind: 'cancelled' };
  const failed = items.filter(({ steps }) => steps.some(({ status }) => status === 'failed'));
  if (failed.length > 0 && node.onItemFailure === 'stop') {
    const message = `${sizeOf(failed)} of ${sizeOf(items)} items of '${node.id}' failed.`;
    return { kind: 'failed', error: { code: 'AGENT_FAILED', message } };
  }
  const brought = resultsOf(container).filter(({ status }) => status === 'succeeded');
  return { kind: 'succeeded', output: brought.map(({ output }) => output) };
}

const sizeOf = (items: readonly Item[]): number =>
  items.reduce((sum, { members }) => sum + members.length, 0);
