import type { Recovery, RecoveryRule } from '../../../core/sdk/recovery.ts';
import { agentNames } from './agents.ts';
import type { Dice } from './dice.ts';

const abouts: readonly (RecoveryRule['on'] | null)[] = [
  null,
  ['MODEL_UNAVAILABLE'],
  ['AGENT_FAILED'],
  ['TOOL_FAILED', 'OUTPUT_INVALID'],
  ['TURNS_EXHAUSTED', 'AGENT_TIMEOUT'],
];

/** What somebody has set to follow the failures of an agent, qualified. */
export interface RuleSetting {
  readonly agent: string;
  readonly rules: readonly RecoveryRule[];
}

/** What people have set to follow the failures of agents, which they change while engines live. */
export class RuleBook {
  /** By qualified name. */
  byAgent: ReadonlyMap<string, readonly RecoveryRule[]>;
  /** Raised with every change. */
  version = 0;

  constructor(settings: readonly RuleSetting[] = []) {
    this.byAgent = new Map(settings.map(({ agent, rules }) => [agent, rules]));
  }

  /** Somebody sets rules of an agent, by chance; returns whose. Engines hear of it when they look. */
  set(dice: Dice): string {
    const agent = dice.pick(agentNames);
    this.byAgent = new Map([...this.byAgent, [agent, someRules(dice)]]);
    this.version += 1;
    return agent;
  }
}

/** Rules by chance, of every way to go on. */
export function someRules(dice: Dice): readonly RecoveryRule[] {
  return Array.from({ length: 1 + dice.below(2) }, () => {
    const on = dice.pick(abouts);
    return { ...(on && { on }), ways: someWays(dice) };
  });
}

function someWays(dice: Dice): readonly Recovery[] {
  const ways: Recovery[] = Array.from({ length: dice.below(4) }, () => aWay(dice));
  const last = dice.pick([null, null, 'skip', 'abort'] as const);
  return last ? [...ways, { strategy: last }] : ways;
}

function aWay(dice: Dice): Recovery {
  const retry = { attempts: 1 + dice.below(3), baseMs: dice.pick([0, 400, 5_000]) };
  switch (dice.below(5)) {
    case 0:
      return { strategy: 'retry', retry };
    case 1:
      return { strategy: 'reset', retry };
    case 2:
      return { strategy: 'reassign', to: dice.pick(agentNames) };
    case 3:
      return { strategy: 'fallback' };
    default:
      return { strategy: 'escalate', to: dice.pick(['anna', 'ben']) };
  }
}
