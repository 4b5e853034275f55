import { toErrorData } from '../base/errors.ts';
import type { StepScope } from './scope.ts';
import { isStop } from './stopped.ts';

type Recording = Pick<StepScope, 'recorder'>;

/**
 * Waits until the engine has looked at the stops within the last second and found none for a write whose intent is durable: asked
 * last, right before something is written outside. @throws STOPPED: nothing has happened
 */
export async function awaitClearance({ recorder }: Recording, key: string): Promise<void> {
  while (recorder.isCleared?.(key) === false) await recorder.end(key, 'started', null);
}

/**
 * Begins an effect anew; one that is stopped is left as it was: nothing has happened, or an earlier try may have done it.
 * @throws STOPPED
 */
export async function beginAnew(
  { recorder }: Recording,
  key: string,
  { isRepeat }: { readonly isRepeat: boolean },
): Promise<void> {
  try {
    await recorder.end(key, 'started', null);
  } catch (error) {
    if (isStop(error))
      await recorder.end(key, isRepeat ? 'uncertain' : 'conflict', toErrorData(error));
    throw error;
  }
}
