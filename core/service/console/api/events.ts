import { Problem } from './problem.ts';
import type { Entry, Page } from './shapes.ts';

/** Entries that are told of at first. */
const newest = 50;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
const hopeless: ReadonlySet<number> = new Set([400, 401, 403, 404]);

/** Whether a run's events come in. */
export type Line = 'connecting' | 'live' | 'lost' | 'ended';

/** Where a follower reads: the client. @throws Problem */
export interface Source {
  get<T>(path: string, signal: AbortSignal): Promise<T>;
  open(
    path: string,
    ask: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<Response>;
}

/** Whom a follower tells. */
export interface Listener {
  readonly signal: AbortSignal;
  /** The newest entries that there were, the newest first. */
  onKnown(entries: readonly Entry[]): void;
  /** Entries that have come since, in their order. */
  onEntries(entries: readonly Entry[]): void;
  onLine(line: Line): void;
}

/**
 * Tells of the newest entries of a run, then of every one that comes, until the run has ended or nobody listens any more. A line that breaks is taken up again after
 * the last entry that came (`Last-Event-ID`), so that none is missed and none comes twice.
 */
export async function followRun(client: Source, runId: string, listener: Listener): Promise<void> {
  const { signal, onLine } = listener;
  const run = encodeURIComponent(runId);
  let after: number | undefined;
  let pauseMs = firstPauseMs;
  onLine('connecting');
  while (!signal.aborted) {
    try {
      if (after === undefined) {
        const path = `v1/entries?run=${run}&limit=${newest}`;
        const { items } = await client.get<Page<Entry>>(path, signal);
        listener.onKnown(items);
        after = items[0]?.seq ?? 0;
      }
      const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(after) };
      const response = await client.open(`v1/runs/${run}/events`, { headers, signal });
      if (response.status === 204 || !response.body) return onLine('ended');
      onLine('live');
      for await (const entries of entriesOf(response.body)) {
        after = entries.at(-1)?.seq ?? after;
        pauseMs = firstPauseMs;
        listener.onEntries(entries);
        if (entries.some(({ kind }) => kind === 'run.ended')) return onLine('ended');
      }
    } catch (error) {
      // A run that is not there, or not for whoever looks, does not come by waiting; whatever else broke the line, the same follows.
      if (error instanceof Problem && hopeless.has(error.status)) return onLine('ended');
    }
    if (signal.aborted) return;
    onLine('lost');
    await pause(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

/** The entries of a stream, as many at once as have come. */
async function* entriesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<readonly Entry[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      const entries = blocks.flatMap(entryOf);
      if (entries.length > 0) yield entries;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function entryOf(block: string): readonly Entry[] {
  const data = block.split('\n').find((line) => line.startsWith('data: '));
  return data === undefined ? [] : [JSON.parse(data.slice('data: '.length)) as Entry];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });
}
