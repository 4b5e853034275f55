import { readFileSync, readlinkSync } from 'node:fs';

/** The longest time between two looks that counts: what is longer is our own lateness. */
const longestStepMs = 250;
/** Linux counts time of the processor in hundredths of a second, on every machine. */
const tickMs = 10;

/** What a thread, or the first thread of a process, has done so far. */
interface Work {
  readonly cpuMs: number;
  /** It has a core, or waits for one. */
  readonly isRunnable: boolean;
}

/**
 * For how long somebody has been silent of its own doing: while it ran, and while it slept; not while it waited for a core. On a
 * machine with thirty threads a core, half a second of honest work takes a quarter of a minute. Where the system does not tell
 * (elsewhere than on Linux), all time counts.
 */
export class Silence {
  #sign = Number.NaN;
  #at = 0;
  #cpuMs: number | null = null;
  #silentMs = 0;

  /**
   * Looks at it.
   * @param sign anything that is another number after a sign of life
   * @param now monotonic ms
   * @param stat where the system tells of it, as `threadStat`
   * @returns ms since the look that saw the sign first
   */
  look(sign: number, now: number, stat: string): number {
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#silentMs = 0;
      this.#cpuMs = null;
    } else {
      const work = readWork(stat);
      this.#silentMs += this.#spent(work, Math.min(now - this.#at, longestStepMs));
      this.#cpuMs = work?.cpuMs ?? null;
    }
    this.#at = now;
    return this.#silentMs;
  }

  #spent(work: Work | null, passedMs: number): number {
    if (!work?.isRunnable) return passedMs;
    // The first look after a sign of life does not know what it had used until then.
    return this.#cpuMs === null ? 0 : work.cpuMs - this.#cpuMs;
  }
}

/** Number of the calling thread, as the system knows it; 0 where that does not tell. */
export function ownThread(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}

/** Where the system tells what a thread of this process does. */
export function threadStat(thread: number): string {
  return `/proc/self/task/${thread}/stat`;
}

/** Where the system tells what a process does. */
export function processStat(pid: number | undefined): string {
  return `/proc/${pid}/stat`;
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: state is field 3, user and system time are 14 and 15 */
function readWork(stat: string): Work | null {
  let text: string;
  try {
    text = readFileSync(stat, 'latin1');
  } catch {
    return null;
  }
  // The name in field 2 may hold anything, parentheses and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs,
    isRunnable: fields[0] === 'R',
  };
}
