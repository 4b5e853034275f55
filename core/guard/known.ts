import type { Deadline } from '../base/deadline.ts';
import type { Connector } from '../ports/erp/connector.ts';
import type { Call } from './scope.ts';

/**
 * The connector of a call that only reads: what its run has read a moment ago is not asked for again. Whatever decides a write (a rule, a
 * look-up, what people are shown, the handler of an effect) keeps the ERP itself. The time that it waits for the answer to somebody else's
 * question is not the tool's: that one may wait for the ERP's limit, and has its own.
 */
export function remembering(
  connector: Connector,
  call: Call,
  { deadline, signal }: { readonly deadline: Deadline; readonly signal: AbortSignal },
): Connector {
  const { known } = call.scope;
  if (!known) return connector;
  return {
    ...connector,
    async query(query, options) {
      const ask = async () => {
        deadline.resume();
        return await connector.query(query, options);
      };
      deadline.pause();
      try {
        const { page, ageMs } = await known.read(query, { ask, signal });
        if (ageMs !== null) noteKnown(call, ageMs);
        return page;
      } finally {
        deadline.resume();
      }
    },
  };
}

function noteKnown(call: Call, ageMs: number): void {
  const { reads = 0, oldestMs = 0 } = call.known ?? {};
  call.known = { reads: reads + 1, oldestMs: Math.max(oldestMs, ageMs) };
}
