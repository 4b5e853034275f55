import { isEngineError } from '../../base/errors.ts';

/**
 * Begins a run under the caller's idempotency key. Where that key is already the key of a run which the caller may not see, it says no more
 * than `see` does of that run: neither its id nor what it is.
 * @throws what `see` throws; KEY_REUSED when the caller may see that run
 */
export async function byOwnKey<T>(
  begin: () => Promise<T>,
  see: (runId: string) => Promise<unknown>,
): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    const isReused = isEngineError(error) && error.code === 'KEY_REUSED';
    const run = isReused ? error.details?.run : undefined;
    if (typeof run === 'string') await see(run);
    throw error;
  }
}
