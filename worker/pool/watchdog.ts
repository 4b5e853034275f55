import type { Clock } from '../../core/base/clock.ts';

const lookEveryMs = 100;
/** A thread that has not beaten for so much of its own time runs something that never yields. */
const silentMs = 1_500;
/** Loading the modules takes longer than any beat. */
const bootMs = 20_000;
/** Buffers are not limited by a thread's heap limits: 1,000 MB lived under a limit of 64 MB. */
const externalCapMb = 512;
const heapCapMb = 512;
/** A thread that does not yield cannot tell its heap; the growth of its process tells, faster than any heap reaches its limit. */
const growthCapMb = 400;
/** Beats that are missing before growth is a thread's own. */
const growthSilentMs = 250;

/** What can be seen of a thread from outside. */
export interface Vitals {
  /** Counts up for as long as the thread yields. */
  readonly beat: number;
  /** How long it has not beaten, or has been loading, of its own doing; see `Silence`. */
  readonly silentMs: number;
  /** Its heap at the last beat, MB. */
  readonly heapMb: number;
  /** Its memory outside the heap at the last beat, MB. */
  readonly externalMb: number;
  /** The memory of its process now, MB. */
  readonly processMb: number;
}

/** What the watchdog looks at: a lane, or a process with one. */
export interface Watched {
  readonly isReady: boolean;
  /** The heap that it may have, MB. @default 512 */
  readonly heapMb?: number | undefined;
  /** What the watchdog saw when something new came last. */
  seen: Seen;
  /** `now` is monotonic ms. */
  look(now: number): Vitals;
  /** Gives it up, for a reason that is told to whoever asks why. */
  abort(reason: string): void;
}

/** What the watchdog remembers. */
export interface Seen {
  readonly beat: number;
  readonly isReady: boolean;
  readonly processMb: number;
}

/** Before the first look. */
export const unseen: Seen = { beat: -1, isReady: false, processMb: 0 };

/** Looks at everybody's heartbeat and memory and aborts who has stopped or holds too much. Returns how to end it. */
export function watch(watched: () => Iterable<Watched>, clock: Clock): () => void {
  let cancel = clock.after(lookEveryMs, look);
  function look(): void {
    const now = clock.monotonic();
    for (const each of watched()) {
      const { isReady, seen } = each;
      const vitals = each.look(now);
      const { beat, processMb } = vitals;
      if (beat !== seen.beat || isReady !== seen.isReady) each.seen = { beat, isReady, processMb };
      const fault = faultOf(each, vitals);
      if (fault) each.abort(fault);
    }
    cancel = clock.after(lookEveryMs, look);
  }
  return () => cancel();
}

function faultOf(
  { isReady, seen, heapMb: capMb = heapCapMb }: Watched,
  vitals: Vitals,
): string | null {
  const { silentMs: silent, heapMb, externalMb, processMb } = vitals;
  if (!isReady) return silent > bootMs ? `it did not load within ${bootMs} ms` : null;
  if (silent > silentMs) return `it did not yield for ${silentMs} ms`;
  const grownMb = processMb - seen.processMb;
  if (silent > growthSilentMs && grownMb > growthCapMb)
    return `it took ${grownMb} MB of memory without yielding (limit ${growthCapMb})`;
  if (heapMb > capMb) return `its heap held ${heapMb} MB (limit ${capMb})`;
  if (externalMb > externalCapMb)
    return `it held ${externalMb} MB of buffers (limit ${externalCapMb})`;
  return null;
}
