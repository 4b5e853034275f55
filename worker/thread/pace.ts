import type { Clock } from '../../core/base/clock.ts';

/** How a rehearsal lets time pass. */
export interface Pace {
  /** Resolves when everything that can go on at once has done so. */
  tick(): Promise<void>;
  /** Resolves after `delayMs`. @throws the signal's reason when that aborts first */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** A pace by a clock. */
export function paceOf(clock: Pick<Clock, 'after'>): Pace {
  return {
    tick: () => new Promise((resolve) => setImmediate(resolve)),
    wait: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const end = (): void => {
          disarm();
          reject(signal.reason);
        };
        const disarm = clock.after(delayMs, () => {
          signal.removeEventListener('abort', end);
          resolve();
        });
        signal.addEventListener('abort', end, { once: true });
      }),
  };
}
