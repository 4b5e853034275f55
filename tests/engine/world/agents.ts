import { z } from 'zod';
import type { Profiles } from '../../../core/ports/models/profiles.ts';
import { type AgentDeclaration, defineAgent } from '../../../core/sdk/agent.ts';
import type { RegisteredAgent, Registry } from '../../../core/sdk/registry.ts';

/** Output tokens that a call is reserved with. */
export const outputTokens = 300;

type Choices = Partial<Pick<AgentDeclaration, 'model' | 'priority' | 'onBudget' | 'limits'>>;

function agent(qualified: string, choices: Choices, playbook = true): RegisteredAgent {
  const [module, name] = qualified.split('.') as [string, string];
  const declared = defineAgent({
    name,
    purpose: 'Works.',
    instructions: 'Work.',
    input: z.unknown(),
    output: z.unknown(),
    tools: {},
    ...choices,
  });
  return {
    name: qualified,
    module,
    agent: playbook ? declared.playbook(async () => null) : declared,
  };
}

/** Agents of two modules that differ in whatever the engine looks at. */
export const agents: ReadonlyMap<string, RegisteredAgent> = new Map(
  [
    agent('alpha.work', {}),
    agent('alpha.hasty', { limits: { timeoutMs: 5_000, attempts: 2 } }),
    agent('alpha.strict', { onBudget: 'fail', priority: 8 }),
    agent('beta.work', { model: 'fast', priority: 3 }),
    agent('beta.poor', { model: 'fast', limits: { costMicroUsd: 4_500 } }),
    agent('beta.once', { model: 'fast', priority: 9, limits: { attempts: 1 } }, false),
  ].map((each) => [each.name, each]),
);

export const agentNames: readonly string[] = [...agents.keys()];

export const registry: Registry = {
  modules: [],
  agents,
  tools: new Map(),
  workflows: new Map(),
  entities: new Map(),
  policies: [],
  digest: '',
};

const target = (model: string) => ({ provider: 'sim', model, maxOutputTokens: outputTokens });

/** Two models behind three profiles. */
export const profiles: Profiles = {
  fast: target('sim-fast'),
  standard: target('sim-standard'),
  deep: target('sim-standard'),
};

/** One micro-USD a token of input, two a token of output. */
const price = {
  input: 1_000_000,
  cachedInput: 1_000_000,
  cacheWrite: 1_000_000,
  output: 2_000_000,
};
export const prices = { 'sim-fast': price, 'sim-standard': price };

export function modelName(qualified: string): string {
  return profiles[agents.get(qualified)?.agent.model ?? 'standard'].model;
}
