import type { Source } from '../api/events.ts';
import { asProblem, isAbort, type Problem } from '../api/problem.ts';
import type { Entry, Page, Step } from '../api/shapes.ts';

/** Steps are read in windows of so many ids. */
const windowSize = 1_000;
/** Windows that are read at most: 20,000 steps. */
const mostWindows = 20;
/** What events of a busy run bring about is read at most so often. */
const pauseMs = 1_000;

/** The steps of a run as far as they were read. */
export interface StepsView {
  /** By id; null until they have come. */
  readonly steps: ReadonlyMap<number, Step> | null;
  readonly problem: Problem | null;
  /** Whether the run has more of them than are read. */
  readonly isCut: boolean;
}

/**
 * Keeps the steps of a run up to date: after an event only the windows of ids that it touches are read again, so that a run of
 * thousands of steps can be watched.
 */
export class StepStore {
  readonly #client: Pick<Source, 'get'>;
  readonly #runId: string;
  readonly #watchers = new Set<() => void>();
  readonly #touched = new Set<number>();
  #view: StepsView = { steps: null, problem: null, isCut: false };
  /** The window behind which there was nothing. */
  #last = 0;
  #isReading = false;
  #gone = new AbortController();

  constructor(client: Pick<Source, 'get'>, runId: string) {
    this.#client = client;
    this.#runId = runId;
  }

  readonly view = (): StepsView => this.#view;

  /** Begins to read when somebody watches, and ends with the last of them. */
  readonly watch = (tell: () => void): (() => void) => {
    if (this.#watchers.size === 0) this.#gone = new AbortController();
    this.#watchers.add(tell);
    this.readAll();
    return () => {
      this.#watchers.delete(tell);
      if (this.#watchers.size === 0) this.#gone.abort();
    };
  };

  /** Reads all of them again. */
  readonly readAll = (): void => {
    for (let window = 0; window <= this.#last; window += 1) this.#touched.add(window);
    void this.#read();
  };

  /** Has those steps read again that entries are about. */
  heed(entries: readonly Entry[]): void {
    for (const { step, kind } of entries) {
      if (step !== null) this.#touched.add(Math.floor(step / windowSize));
      if (kind === 'foreach.expanded') this.#touched.add(this.#last);
      if (kind === 'run.ended') this.readAll();
    }
    if (this.#touched.size > 0) void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { signal } = this.#gone;
    try {
      while (this.#touched.size > 0 && !signal.aborted) {
        for (const window of [...this.#touched].sort((one, other) => one - other)) {
          this.#touched.delete(window);
          await this.#readWindow(window, signal).catch((error: unknown) => {
            // It is still to be read, with what comes next.
            this.#touched.add(window);
            throw error;
          });
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    } catch (error) {
      if (!isAbort(error)) this.#show({ ...this.#view, problem: asProblem(error) });
    } finally {
      this.#isReading = false;
    }
    // Somebody has begun to watch while the last one left.
    if (signal.aborted && !this.#gone.signal.aborted) this.readAll();
  }

  async #readWindow(window: number, signal: AbortSignal): Promise<void> {
    if (window >= mostWindows) return this.#show({ ...this.#view, isCut: true });
    const after = window === 0 ? '' : `&cursor=${window * windowSize - 1}`;
    const path = `v1/runs/${this.#runId}/steps?limit=${windowSize}${after}`;
    const { items, next } = await this.#client.get<Page<Step>>(path, signal);
    const steps = new Map(this.#view.steps);
    for (const step of items) steps.set(step.id, step);
    this.#show({ ...this.#view, steps, problem: null });
    if (next === null || window < this.#last) return;
    this.#last = window + 1;
    this.#touched.add(this.#last);
  }

  #show(view: StepsView): void {
    this.#view = view;
    for (const tell of this.#watchers) tell();
  }
}
