import { toPlainJson } from '../base/plain-data.ts';
import { excessOf, type Largest } from '../base/size.ts';

/** What an effect may have brought, to be kept whole: it is sent to the engine and stored with the effect. */
const largest: Largest = { bytes: 4_000_000, values: 20_000 };
/** Of what is larger the first members that have no more than this are kept: ids, versions, states. */
const mostMembers = 100;
const largestMember: Largest = { bytes: 1_000, values: 50 };
/** Says what was left out; no tool's result has a member of that name. */
const leftOut = '#left_out';

/**
 * What is kept of what an effect has brought: all of it, or of what is too large its small members and why the rest was left out. It has
 * happened, whatever its tool answers: nothing is refused here, and nothing done again for it.
 */
export function keptOutcome(result: unknown): unknown {
  const excess = excessOf(toPlainJson(result) ?? 'null', largest);
  if (excess === null) return result;
  const isList = Array.isArray(result) || typeof result !== 'object';
  const members = isList ? [] : Object.entries(result as object).slice(0, mostMembers);
  const small = members.filter(
    (member) => excessOf(toPlainJson(member) ?? '', largestMember) === null,
  );
  return { ...Object.fromEntries(small), [leftOut]: excess };
}

/** Why what an effect has brought is not kept whole, as in: what it brought `has …`. Null: it is. */
export function leftOutOf(outcome: unknown): string | null {
  const { [leftOut]: why } = Object(outcome) as Readonly<Record<string, unknown>>;
  return typeof why === 'string' ? why : null;
}
