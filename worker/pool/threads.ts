import { Piscina } from 'piscina';

/**
 * It is not what bounds an agent (the watchdog does, far below): one allocation that leaps over this limit by more than 16 MB ends the
 * process, not the thread. At 256 MB three of ten ways to exhaust a heap did (a growing Map, large arrays, long strings); at 1,024 MB none.
 */
const usualHeapMb = 1_024;

/**
 * Opens `count` Piscina threads, each for one lane; a thread that ends is replaced.
 * @param options.kept how many there are whether lanes need them or not: 0 opens one with each lane, and none in place of one that ends
 * @param options.heapMb the largest heap of each
 */
export function openThreads(
  count: number,
  { kept = count, heapMb = usualHeapMb }: { readonly kept?: number; readonly heapMb?: number } = {},
): Piscina {
  const threads = new Piscina({
    filename: new URL('../thread/entry.ts', import.meta.url).href,
    // All or none: a lane that is opened while Piscina replaces its thread would get a second one.
    minThreads: kept,
    maxThreads: count,
    // a lane is one task that never ends; we multiplex on its port
    concurrentTasksPerWorker: 1,
    // no task waits in Piscina's queue for long, so there is no hop to save; an idle thread's timers must not freeze
    atomics: 'disabled',
    idleTimeout: 5_000,
    recordTiming: false,
    // A young generation of 8 MB saves 20 MB a thread and costs nothing measurable.
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8 },
  });
  threads.on('error', () => {
    // A thread that fails while idle is replaced by Piscina; a lane's own end is told by its task.
  });
  return threads;
}
