import { readFileSync } from 'node:fs';

const everyMs = 10;

/**
 * How long this thread keeps its own timers waiting. The time in which it waits for a core, which is the affair of who else is on
 * this machine, does not count; where the system does not tell it (elsewhere than on Linux), it does.
 */
export class OwnDelay {
  readonly #delaysMs: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #at = performance.now();
  #waitedMs = waitedMs();

  constructor() {
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  /** Ends the measurement and returns how many delays there were and what 99 of 100 of them are at most, ms. */
  end(): { readonly count: number; readonly p99Ms: number } {
    clearInterval(this.#timer);
    const sorted = this.#delaysMs.toSorted((a, b) => a - b);
    return { count: sorted.length, p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
  }

  #look(): void {
    const now = performance.now();
    const waited = waitedMs();
    this.#delaysMs.push(Math.max(0, now - this.#at - everyMs - (waited - this.#waitedMs)));
    this.#at = now;
    this.#waitedMs = waited;
  }
}

/**
 * How long a thread has been ready and waited for a core since it began, ms; `PID/task/PID` is the first thread of another process. 0 where the
 * system does not tell it.
 * @see https://docs.kernel.org/scheduler/sched-stats.html: the second number is the time on the run queue, ns
 */
export function waitedMs(thread = 'thread-self'): number {
  try {
    return Number(readFileSync(`/proc/${thread}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
