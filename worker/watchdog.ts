import type { Clock } from '../core/base/clock.ts';
import type { Lane } from './lane.ts';

const lookEveryMs = 200;
/** A thread that has not beaten for this long runs something that never yields. */
const silentMs = 1_500;
/** Loading the modules takes longer than any beat. */
const bootMs = 20_000;
/** When our own look comes later than this, the machine is busy and nobody is to blame. */
const lateMs = 400;
/** Buffers are not limited by a thread's heap limits: 1,000 MB lived under a limit of 64 MB. */
const externalCapMb = 512;

/** Looks at every lane's heartbeat and memory and aborts one that has stopped. Returns how to end it. */
export function watchLanes(lanes: () => Iterable<Lane>, clock: Clock): () => void {
  let last = clock.monotonic();
  let cancel = clock.after(lookEveryMs, look);
  function look(): void {
    const now = clock.monotonic();
    const late = now - last > lookEveryMs + lateMs;
    last = now;
    for (const lane of lanes()) {
      const { beat, isReady } = lane;
      // Loading may have kept it from beating; from the moment it is ready it has the full time again.
      if (late || beat !== lane.seen.beat || isReady !== lane.seen.isReady)
        lane.seen = { beat, isReady, at: now };
      const limit = lane.isReady ? silentMs : bootMs;
      if (now - lane.seen.at > limit)
        lane.abort(
          lane.isReady ? `it did not yield for ${limit} ms` : `it did not load within ${limit} ms`,
        );
      else if (lane.externalMb > externalCapMb)
        lane.abort(`it held ${lane.externalMb} MB of buffers (limit ${externalCapMb})`);
    }
    cancel = clock.after(lookEveryMs, look);
  }
  return () => cancel();
}
