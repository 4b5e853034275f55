import { z } from 'zod';
import { digest } from '../../../core/base/ids.ts';
import { registered } from '../../../core/engine/versions/published.ts';
import type { ModelTarget } from '../../../core/ports/models/model.ts';
import type { Profiles } from '../../../core/ports/models/profiles.ts';
import { type AgentDeclaration, defineAgent } from '../../../core/sdk/agent.ts';
import type { WorkflowData } from '../../../core/sdk/node.ts';
import type { RegisteredAgent, Registry } from '../../../core/sdk/registry.ts';

/** Output tokens that a call is reserved with. */
export const outputTokens = 300;

type Choices = Partial<
  Pick<AgentDeclaration, 'model' | 'priority' | 'onBudget' | 'limits' | 'recovery'>
>;

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

const falls: Choices['recovery'] = [
  { on: ['MODEL_UNAVAILABLE'], ways: [{ strategy: 'fallback' }] },
];

/** Agents of two modules that differ in whatever the engine looks at. */
export const agents: ReadonlyMap<string, RegisteredAgent> = new Map(
  [
    agent('alpha.work', {}),
    agent('alpha.hasty', { limits: { timeoutMs: 5_000, attempts: 2 } }),
    agent('alpha.strict', { onBudget: 'fail', priority: 8 }),
    agent('alpha.steady', { recovery: falls }),
    agent('beta.work', { model: 'fast', priority: 3 }),
    agent('beta.poor', { model: 'fast', limits: { costMicroUsd: 4_500 } }),
    agent('beta.once', { model: 'fast', priority: 9, limits: { attempts: 1 } }, false),
    agent('beta.asks', { model: 'fast', onBudget: 'ask' }),
  ].map((each) => [each.name, each]),
);

export const agentNames: readonly string[] = [...agents.keys()];

const registry: Registry = {
  modules: [],
  agents,
  tools: new Map(),
  workflows: new Map(),
  entities: new Map(),
  policies: [],
  calendars: [],
  schedules: new Map(),
  hooks: new Map(),
  digest: '',
};

/** What is loaded, with the workflows that steps may start. */
export function registryWith(workflows: readonly WorkflowData[]): Registry {
  if (workflows.length === 0) return registry;
  const stored = workflows.map((data) => ({ data, digest: digest(data), module: null }));
  return {
    ...registry,
    workflows: new Map(stored.map((each) => [each.data.name, registered(each)])),
  };
}

/** How the target of a call is chosen where its profile has two; null: each profile has one. */
export type Choose = 'order' | 'cost' | null;

/** Two models behind three profiles; in some lives calls of the first may go to the second. */
export function profilesOf(choose: Choose): Profiles {
  const target = (model: string): ModelTarget => ({
    provider: 'sim',
    model,
    maxOutputTokens: outputTokens,
  });
  const alone = { targets: [target('sim-standard')], choose: 'order' } as const;
  const targets = [target('sim-fast'), ...(choose ? [target('sim-standard')] : [])];
  return { fast: { targets, choose: choose ?? 'order' }, standard: alone, deep: alone };
}

/** One micro-USD a token of input, two a token of output. */
const price = {
  input: 1_000_000,
  cachedInput: 1_000_000,
  cacheWrite: 1_000_000,
  output: 2_000_000,
};
export const prices = { 'sim-fast': price, 'sim-standard': price };

/** The models that an agent's calls may go to, in the order of its chain. */
export function modelsOf(qualified: string, choose: Choose): readonly string[] {
  const profile = agents.get(qualified)?.agent.model ?? 'standard';
  return profilesOf(choose)[profile].targets.map(({ model }) => model);
}

/** Whether an agent goes on with its playbook when a call is denied. */
export function goesOn(qualified: string): boolean {
  const { agent: declared } = agents.get(qualified) as RegisteredAgent;
  const { onBudget = 'playbook', procedure } = declared;
  return onBudget === 'playbook' && procedure !== undefined;
}

/** Milliseconds that an attempt of an agent may take, without what it waits for calls. */
export function timeoutOf(qualified: string): number {
  return agents.get(qualified)?.agent.limits?.timeoutMs ?? 120_000;
}
