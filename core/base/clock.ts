/**
 * Time as a seam: everything that waits or stamps does it through a Clock, so that tests run on a fake one.
 *
 * `now` is wall time in ms since the epoch; `monotonic` is ms that never step back, for durations and windows.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** Node fires a timer of more milliseconds than a 32-bit integer holds at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    if (delayMs <= longestTimerMs) {
      const timer = setTimeout(run, delayMs).unref();
      return () => clearTimeout(timer);
    }
    let cancel = systemClock.after(longestTimerMs, () => {
      cancel = systemClock.after(delayMs - longestTimerMs, run);
    });
    return () => cancel();
  },
};
