import { requestOverheadTokens } from '../../ports/models/prices.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { ExpectedAttempt } from '../schedule/durations.ts';
import type { ExpectedTurn } from '../schedule/expected-work.ts';

const nothingUsed = { input: 0, output: 0 };

/** A turn as a forecast takes it. */
export function turnOf(turn: ExpectedAttempt['turns'][number]): ExpectedTurn {
  const { ms, thenMs, input, output, bytes } = turn;
  const bound = { input: bytes + requestOverheadTokens, output };
  return { ms, thenMs, bound, use: { input, output } };
}

/** The turns after `done` of them; one that goes on longer than expected has at least its last before it. */
export function leftOf(turns: readonly ExpectedTurn[], done: number): readonly ExpectedTurn[] {
  if (done === 0) return turns;
  return done < turns.length ? turns.slice(done) : turns.slice(-1);
}

/** The size of the next call is known where it is asked for already. */
export function withSize(
  turns: readonly ExpectedTurn[],
  item: Waiting | undefined,
): readonly ExpectedTurn[] {
  const [first, ...rest] = turns;
  if (!first?.bound || !item?.wish) return turns;
  const input = item.wish.bytes + requestOverheadTokens;
  return [{ ...first, bound: { ...first.bound, input } }, ...rest];
}

/** Time in a slot without a call. */
export function idleTurn(ms: number): ExpectedTurn {
  return { ms, bound: null, use: nothingUsed };
}
