import { EngineError, type ErrorData, isEngineError, toErrorData } from '../../core/base/errors.ts';
import type { FromThread, ToThread } from '../../core/ports/dispatcher.ts';

/**
 * So many messages go, and are heard, together at most: more of a tick would keep waiting whoever could begin with the first of them. Each message is some 20 µs of work beside
 * what it says, so not many fewer either.
 */
export const mostTogether = 32;

type Send<M> = (batch: readonly M[]) => void;

/**
 * Sends what goes together. What cannot be sent is of somebody's own making, and must not take with it what others say: all else goes, and
 * `unsent` hears of that alone.
 */
export function deliver<M>(
  batch: readonly M[],
  send: Send<M>,
  unsent: (message: M, thrown: unknown) => void,
): void {
  try {
    send(batch);
  } catch (thrown) {
    if (batch.length > 1) for (const each of batch) deliver([each], send, unsent);
    else for (const only of batch) unsent(only, thrown);
  }
}

/** Sends messages to jobs. One that cannot be sent ends its job, as if that had failed there: `refused` hears of the end, later, as of any other. */
export function deliverToJobs(
  batch: readonly ToThread[],
  send: Send<ToThread>,
  refused: (end: FromThread) => void,
): void {
  deliver(batch, send, (message, thrown) => {
    if (message.kind === 'go') {
      const { ref, agent } = message.job;
      const error = notSent(thrown, 'INPUT_INVALID', `What '${agent}' is given`);
      setImmediate(() => refused(refusal(ref, error)));
    } else if ('ref' in message) {
      const error = notSent(thrown, 'RESULT_UNCLONABLE', 'What the job has asked for');
      send([{ kind: 'cancel', ref: message.ref, error }]);
    }
  });
}

/** Why something could not be sent. */
export function notSent(
  thrown: unknown,
  code: 'INPUT_INVALID' | 'RESULT_UNCLONABLE',
  what: string,
): ErrorData {
  const { message } = toErrorData(thrown);
  if (isEngineError(thrown)) return toErrorData(thrown);
  return toErrorData(new EngineError(code, `${what} cannot be sent to another thread: ${message}`));
}

/** The end of a job of which nothing has run, or is heard any more. */
export function refusal(ref: number, error: ErrorData): FromThread {
  return {
    kind: 'done',
    ref,
    done: { kind: 'failed', error, degraded: false, trust: 'system' },
  };
}
