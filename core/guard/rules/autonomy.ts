import { autonomyOf, grantersOf } from '../../sdk/policy/policy.ts';
import { isReversal } from '../../sdk/reversal.ts';
import type { Facts } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/** How far the agent may go with the tool in the company. */
export function autonomy(facts: Facts): Ruling | null {
  if (facts.effect === 'read') return { kind: 'allow', rule: 'effect.read' };
  // Whoever asks for an undo has decided it, and what an agent may do is not what it may have taken back.
  if (isReversal(facts)) return { kind: 'allow', rule: 'undo.asked' };
  const level = autonomyOf(facts);
  const rule = `autonomy.${level}`;
  const granters = grantersOf(level, facts);
  const by = typeof granters === 'string' ? {} : { policy: granters[0] };
  switch (level) {
    case 'observe':
      return {
        ...refuse(rule, `'${facts.agent}' may only observe with '${facts.tool}'.`),
        ...by,
      };
    case 'propose':
      return { kind: 'propose', rule, ...by };
    case 'approve':
      return { kind: facts.attended ? 'approve' : 'propose', rule, ...by };
    case 'act':
      return { kind: 'allow', rule, ...by };
  }
}
