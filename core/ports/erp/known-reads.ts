import type { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';
import { Text } from '../../base/text.ts';
import type { Page, Query } from './connector.ts';
import type { Freshness } from './freshness.ts';

/** How a run's reads are answered from what it has read before. */
export interface RunReads {
  /** The answer to a query: one that is known and not too old, one that somebody waits for already, or what `ask` brings. @throws what `ask` throws */
  read(query: Query, asking: Asking): Promise<KnownPage>;
  /** Tells that a write begins, and by the returned function that it has ended. Null: it may be of any entity. */
  writing(entity: string | null): () => void;
}

/** How the ERP is asked. */
export interface Asking {
  readonly ask: () => Promise<Page>;
  /** Whoever asks gives up with it; others who wait for the same answer then ask themselves. */
  readonly signal: AbortSignal;
}

/** A page, and how long ago the ERP was asked for it when it was read; null: for this read. */
export interface KnownPage {
  readonly page: Page;
  readonly ageMs: number | null;
}

/** Whose reads may answer each other. */
export interface ReadView {
  readonly tenantId: number;
  readonly runId: string;
  readonly company: string | null;
}

/** What a thread answers reads by. */
export interface KnownReadsOptions {
  /** How old an answer of an entity may be, seconds; 0: it is always asked for. */
  readonly secondsOf: (entity: string) => number;
  readonly freshness: Freshness;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Of all answers that are kept. */
  readonly maxBytes: number;
}

/** When the ERP was asked, by both clocks: only that of the wall runs on while a machine sleeps. */
interface Asked {
  readonly mark: number;
  readonly now: number;
  readonly monotonic: number;
}

type Answer = Asked & { readonly page: Page };
type Flight = Asked & { readonly answer: Promise<{ readonly page: Page; readonly bytes: number }> };

/**
 * What the runs of a thread have read of the ERP, for entities of which an answer may be some seconds old. One run's answers are never
 * another's, and none outlives a write or an event that this process knows of. What a rule or an approval looks at does not come here.
 */
export class KnownReads {
  readonly #options: KnownReadsOptions;
  #answers: Promise<LRUCache<string, Answer>> | null = null;
  readonly #flights = new Map<string, Flight>();

  constructor(options: KnownReadsOptions) {
    this.#options = options;
  }

  /** The reads of a run. */
  of(view: ReadView): RunReads {
    const { freshness } = this.#options;
    return {
      read: (query, asking) => this.#read(view, query, asking),
      writing: (entity) => freshness.writing(view.tenantId, entity),
    };
  }

  /** Forgets everything: its entities may be declared otherwise now. */
  clear(): void {
    this.#answers = null;
    this.#flights.clear();
  }

  async #read(view: ReadView, query: Query, asking: Asking): Promise<KnownPage> {
    const { secondsOf, freshness, clock, maxBytes } = this.#options;
    const oldestMs = secondsOf(query.entity) * 1_000;
    if (oldestMs <= 0) return { page: await asking.ask(), ageMs: null };
    this.#answers ??= openAnswers(maxBytes);
    const answers = await this.#answers;
    const mark = freshness.mark(view.tenantId, query.entity);
    if (mark === null) return { page: await asking.ask(), ageMs: null };
    const asked = { mark, now: clock.now(), monotonic: clock.monotonic() };
    const key = JSON.stringify([view.tenantId, view.runId, view.company, query]);
    const answer = answers.get(key);
    if (answer && isGood(answer, asked, oldestMs)) return known(answer.page, ageOf(answer, asked));
    const flight = this.#flights.get(key);
    if (!flight || !isGood(flight, asked, oldestMs))
      return { page: await this.#ask(answers, { key, asked, asking }), ageMs: null };
    // A failure is nobody else's: whoever has waited for it asks by itself.
    const met = await flight.answer.catch(() => null);
    return met ? known(met.page, ageOf(flight, asked)) : { page: await asking.ask(), ageMs: null };
  }

  async #ask(
    answers: LRUCache<string, Answer>,
    at: { readonly key: string; readonly asked: Asked; readonly asking: Asking },
  ): Promise<Page> {
    const { key, asked, asking } = at;
    const answer = untilAborted(asking).then((page) => ({ page, bytes: keep(page) }));
    const flight = { ...asked, answer };
    this.#flights.set(key, flight);
    try {
      const { page, bytes } = await answer;
      answers.set(key, { ...asked, page }, { size: bytes + 2 * key.length });
      return page;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }
}

async function openAnswers(maxSize: number): Promise<LRUCache<string, Answer>> {
  const { LRUCache: Cache } = await import('lru-cache');
  // One answer that is larger than an eighth would cost too many others their place.
  return new Cache({ maxSize, maxEntrySize: Math.ceil(maxSize / 8) });
}

function known(page: Page, ageMs: number): KnownPage {
  return { page, ageMs };
}

function ageOf(asked: Asked, now: Asked): number {
  return Math.max(now.monotonic - asked.monotonic, now.now - asked.now);
}

function isGood(asked: Asked, now: Asked, oldestMs: number): boolean {
  return asked.mark === now.mark && ageOf(asked, now) <= oldestMs;
}

/** What is asked for, until whoever asks gives up: a connector that does not heed the signal keeps nobody waiting. */
function untilAborted({ ask, signal }: Asking): Promise<Page> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    void ask()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Freezes what many will read, and says about how many bytes it takes. */
function keep(value: unknown): number {
  if (typeof value === 'string') return 16 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Text) return 32 + 2 * value.length;
  Object.freeze(value);
  return Object.values(value).reduce((bytes: number, each) => bytes + 16 + keep(each), 32);
}
