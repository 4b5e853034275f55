import { EngineError } from '../../../base/errors.ts';
import type { BatchItem, BatchLimits } from './batch.ts';

/** A request as it goes over the wire: one JSON text. */
export interface EncodedItem {
  readonly model: string;
  readonly json: string;
  readonly bytes: number;
}

// A batch is held in memory while it is sent, so ours stay far below what providers take.
const splitBytes = 32 * 1024 * 1024;

/**
 * The id of a request on the wire, with the batch's mark before it: what Anthropic shows of a batch's origin. Both providers take
 * what Anthropic does, `[a-zA-Z0-9_-]{1,64}`; OpenAI documents no bounds.
 * @see https://platform.claude.com/docs/en/build-with-claude/batch-processing (2026-11)
 * @throws INPUT_INVALID
 */
export function toWireId(mark: string, id: string): string {
  if (!/^[a-zA-Z0-9-]{1,27}$/.test(mark)) {
    throw invalid(`its mark '${mark.slice(0, 80)}' is not 1 to 27 letters, digits and hyphens`);
  }
  if (!/^[a-zA-Z0-9_-]{1,36}$/.test(id)) {
    throw invalid(`'${id.slice(0, 80)}' is no id of 1 to 36 letters, digits, '-' and '_'`);
  }
  return `${mark}_${id}`;
}

/** The way back from the wire; undefined for an id that is not of our making. */
export function readWireId(
  wireId: string,
): { readonly mark: string; readonly id: string } | undefined {
  const [, mark, id] = /^([a-zA-Z0-9-]{1,27})_([a-zA-Z0-9_-]{1,36})$/.exec(wireId) ?? [];
  return mark === undefined || id === undefined ? undefined : { mark, id };
}

/** Checks a batch against what the provider takes. @throws INPUT_INVALID */
export function checkItems(
  items: readonly BatchItem[],
  encoded: readonly EncodedItem[],
  limits: BatchLimits,
): void {
  if (items.length === 0) throw invalid('it has no request');
  if (items.length > limits.items) {
    throw invalid(`it has ${items.length} requests, more than ${limits.items}`);
  }
  const bytes = encoded.reduce((sum, item) => sum + item.bytes + 1, 0);
  if (bytes > limits.bytes) throw invalid(`it has ${bytes} bytes, more than ${limits.bytes}`);
  if (new Set(items.map(({ id }) => id)).size < items.length) {
    throw invalid('two of its requests have the same id');
  }
  const models = new Set(encoded.map(({ model }) => model));
  if (limits.isOneModel && models.size > 1) {
    throw invalid(`its requests name ${models.size} models, and the provider takes one a batch`);
  }
}

function invalid(why: string): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    `The batch cannot be submitted: ${why}; split the requests with \`split\`.`,
  );
}

/** Groups requests, in their order, into batches that a provider takes. Pure. */
export function splitItems(
  items: readonly BatchItem[],
  limits: BatchLimits,
  sizeOf: (item: BatchItem) => number,
): BatchItem[][] {
  const groups: BatchItem[][] = [];
  const open = new Map<string, { readonly items: BatchItem[]; bytes: number }>();
  const maxBytes = Math.min(limits.bytes, splitBytes);
  for (const item of items) {
    const kind = limits.isOneModel ? item.request.model : '';
    const bytes = sizeOf(item) + 1;
    let group = open.get(kind);
    if (!group || group.items.length >= limits.items || group.bytes + bytes > maxBytes) {
      group = { items: [], bytes: 0 };
      open.set(kind, group);
      groups.push(group.items);
    }
    group.items.push(item);
    group.bytes += bytes;
  }
  return groups;
}
