import { effectKey } from './effects.ts';
import type { Call, Recorder } from './scope.ts';

/** The last call under way of each effect, by what it is known by. */
const underWay = new WeakMap<Recorder, Map<string, Promise<unknown>>>();

/**
 * Does the work of a call with an effect once no other call of its step is at work on the same one: the journal answers by an effect's key,
 * so of two at once each would get what the other was told, and what one has done is the answer of the next. @throws what the work throws
 */
export async function inTurn<T>(
  { tool, scope }: Pick<Call, 'tool' | 'scope'>,
  args: unknown,
  work: () => Promise<T>,
): Promise<T> {
  // Whatever becomes of it, two calls that are one effect are one proposal.
  const key = effectKey(tool, args, { at: scope, proposed: true });
  const calls = underWay.get(scope.recorder) ?? new Map<string, Promise<unknown>>();
  underWay.set(scope.recorder, calls);
  const going = calls.get(key)?.then(work, work) ?? work();
  calls.set(key, going);
  try {
    return await going;
  } finally {
    if (calls.get(key) === going) calls.delete(key);
  }
}
