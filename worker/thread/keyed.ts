import type { z } from 'zod';
import type { AnyAgent } from '../../core/sdk/agent.ts';

/** At most so many keys are named in what an agent is told of its answer. */
const named = 20;

/** An agent that works on several items in one step: what it hands in has one result for each of them, by the item's key. */
export function keyedAgent(agent: AnyAgent, keys: readonly string[]): AnyAgent {
  const output = (agent.output as z.ZodType).superRefine((handedIn, context) => {
    const fault = faultOf(handedIn, keys);
    if (fault !== null) context.addIssue({ code: 'custom', path: ['results'], message: fault });
  });
  return { ...agent, output };
}

/** What is wrong with the results of a batch, or null. */
function faultOf(handedIn: unknown, keys: readonly string[]): string | null {
  const { results } = Object(handedIn) as { readonly results?: unknown };
  if (!Array.isArray(results)) return 'must be a list of one result an item, each with its key';
  const given = results.map((each) => (Object(each) as { readonly key?: unknown }).key);
  const missing = keys.filter((key) => !given.includes(key));
  const others = given.filter(
    (key, at) => given.indexOf(key) !== at || !keys.includes(key as string),
  );
  if (missing.length > 0) return `must have one result for each item; missing: ${list(missing)}`;
  if (others.length > 0) return `must have one result for each item; too many: ${list(others)}`;
  return null;
}

function list(keys: readonly unknown[]): string {
  const shown = keys.slice(0, named).map((key) => JSON.stringify(key) ?? 'no key');
  return keys.length > named
    ? `${shown.join(', ')} and ${keys.length - named} more`
    : shown.join(', ');
}
