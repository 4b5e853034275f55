import type { Clock } from '../core/base/clock.ts';

const lookEveryMs = 200;
/** A thread that has not beaten for this long runs something that never yields. */
const silentMs = 1_500;
/** Loading the modules takes longer than any beat. */
const bootMs = 20_000;
/** When our own look comes later than this, the machine is busy and nobody is to blame. */
const lateMs = 400;
/** Buffers are not limited by a thread's heap limits: 1,000 MB lived under a limit of 64 MB. */
const externalCapMb = 512;

/** What the watchdog looks at: a lane, or the process of the suspects. */
export interface Watched {
  readonly isReady: boolean;
  /** Counts up for as long as its thread yields. */
  readonly beat: number;
  /** Memory outside the thread's heap, MB. */
  readonly externalMb: number;
  /** What the watchdog saw last, and when something new came, monotonic ms. */
  seen: { readonly beat: number; readonly isReady: boolean; readonly at: number };
  /** Gives it up, for a reason that is told to whoever asks why. */
  abort(reason: string): void;
}

/** Looks at everybody's heartbeat and memory and aborts who has stopped. Returns how to end it. */
export function watch(watched: () => Iterable<Watched>, clock: Clock): () => void {
  let last = clock.monotonic();
  let cancel = clock.after(lookEveryMs, look);
  function look(): void {
    const now = clock.monotonic();
    const late = now - last > lookEveryMs + lateMs;
    last = now;
    for (const each of watched()) {
      const { beat, isReady } = each;
      // Loading may have kept it from beating; from the moment it is ready it has the full time again.
      if (late || beat !== each.seen.beat || isReady !== each.seen.isReady)
        each.seen = { beat, isReady, at: now };
      const limit = each.isReady ? silentMs : bootMs;
      if (now - each.seen.at > limit)
        each.abort(
          each.isReady ? `it did not yield for ${limit} ms` : `it did not load within ${limit} ms`,
        );
      else if (each.externalMb > externalCapMb)
        each.abort(`it held ${each.externalMb} MB of buffers (limit ${externalCapMb})`);
    }
    cancel = clock.after(lookEveryMs, look);
  }
  return () => cancel();
}
