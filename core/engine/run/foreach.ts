import type { ErrorData } from '../../base/errors.ts';
import { isTerminal } from './states.ts';
import type { Container, Item, Step } from './step.ts';

/** How a step can end; `skipped` is never an attempt's outcome. */
export type Ended =
  | { readonly kind: 'succeeded'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly error: ErrorData }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'skipped' };

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
