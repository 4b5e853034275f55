import { getPriority, setPriority } from 'node:os';

/**
 * How much nicer than its process a thread of agents is. Measured beside two threads that compute half of the time, on two cores with much else to
 * do: the main loop's p99 falls by a third. Ten did no better.
 */
const nicer = 5;
const nicest = 19;

/**
 * Lets the main thread, which answers people and writes the journal, go before a thread of agents where cores are scarce.
 * Nothing changes where the system does not tell threads apart (elsewhere than on Linux; `thread` is 0 then) or does not let it.
 */
export function goBehind(thread: number): void {
  if (thread === 0) return;
  try {
    setPriority(thread, Math.min(nicest, getPriority(thread) + nicer));
  } catch {
    // Everybody waits alike then.
  }
}
