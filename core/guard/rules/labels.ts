import type { Policy } from '../../sdk/policy/policy.ts';
import { matches } from '../../sdk/policy/policy.ts';
import type { ExternalGrant } from '../../sdk/policy/tier.ts';
import { isReversal } from '../../sdk/reversal.ts';
import type { Facts } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/**
 * What a context that has read text from outside writes or sends, a person agrees to first. A policy's `external` grant lets it pass
 * without one: where it checks master data, when the tool's `grounded` finds the sensitive arguments there.
 */
export function labels(facts: Facts): Ruling | null {
  const { agent, tool, attended, grounded } = facts;
  // What is taken back, the engine has planned from its own record: ids and versions, nothing that anybody wrote.
  if (!isHeld(facts) || isReversal(facts)) return null;
  const check = checkOf(facts);
  if (check === 'none' || (check === 'master_data' && grounded === null)) return null;
  if (check === null || typeof grounded !== 'string')
    return { kind: attended ? 'approve' : 'propose', rule: 'labels.external' };
  return refuse(
    'labels.master_data',
    `'${agent}' has read text from outside, and '${tool}' is to do what master data does not confirm: ${grounded}.`,
    facts.policies.find((each) => each.external?.some((grant) => isOf(grant, facts))),
  );
}

/** Whether a call is one that text from outside may have asked for, and that changes something. */
function isHeld({ trust, effect }: Pick<Facts, 'trust' | 'effect'>): boolean {
  return trust === 'external' && (effect === 'write' || effect === 'send');
}

/** Whether the answer depends on the tool's `grounded`. */
export function asksMasterData(facts: Parameters<typeof isHeld>[0] & Asked): boolean {
  return isHeld(facts) && checkOf(facts) === 'master_data';
}

interface Asked {
  readonly agent: string;
  readonly tool: string;
  readonly policies: readonly Policy[];
}

function isOf(
  { agents, tools }: ExternalGrant,
  { agent, tool }: Pick<Asked, 'agent' | 'tool'>,
): boolean {
  return matches(agents, agent) && matches(tools, tool);
}

/** What grants ask for: of several that match the strictest; null where none does. */
export function checkOf({ agent, tool, policies }: Asked): ExternalGrant['check'] | null {
  const checks = policies
    .flatMap(({ external = [] }) => external)
    .filter((grant) => isOf(grant, { agent, tool }))
    .map(({ check }) => check);
  if (checks.includes('master_data')) return 'master_data';
  return checks[0] ?? null;
}
