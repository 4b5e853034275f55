import type { Clock } from '../base/clock.ts';

/** How often it is looked whether anything still runs. */
const lookMs = 20;

/** Resolves when nothing runs any more, or after `patienceMs`. */
export function drained(clock: Clock, live: () => number, patienceMs: number): Promise<void> {
  const until = clock.monotonic() + patienceMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (clock.monotonic() >= until || live() === 0) resolve();
      else clock.after(lookMs, look);
    };
    look();
  });
}
