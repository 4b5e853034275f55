import type { TurnDone } from '../../ports/dispatcher.ts';
import type { Quota } from '../../ports/models/model.ts';
import type { CallEnd } from '../limits/broker.ts';

/** How a call ended, as the broker hears it. */
export function endOf({ usage, sent, error, quota }: TurnDone): CallEnd {
  const {
    status,
    retryAfterMs,
    quota: last = quota,
  } = (error?.details ?? {}) as {
    readonly status?: number;
    readonly retryAfterMs?: number;
    readonly quota?: Quota;
  };
  return {
    usage,
    sent,
    ...(error && {
      error: {
        code: error.code,
        // A refusal without a status came within a reply that had begun.
        isBegun: status === undefined,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    }),
    ...(last && { quota: last }),
  };
}
