import type { ModelProfile } from '../../sdk/agent.ts';
import type { Config, ModelChain } from '../config.ts';
import type { ModelTarget } from './model.ts';
import { hasKey, type ModelEnv } from './open.ts';

/** Which models answer for each profile, in order; never an empty chain. */
export type Profiles = Readonly<Record<ModelProfile, Required<ModelChain>>>;

const openai = {
  fast: { provider: 'openai', model: 'gpt-6-luna' },
  standard: { provider: 'openai', model: 'gpt-6.1-terra' },
  deep: { provider: 'openai', model: 'gpt-6.1-sol' },
};
const anthropic = {
  fast: { provider: 'anthropic', model: 'claude-haiku-5-5' },
  standard: { provider: 'anthropic', model: 'claude-sonnet-5-5' },
  deep: { provider: 'anthropic', model: 'claude-opus-5-5' },
};

/**
 * The models that agents use: the configuration's where it names any, else those of the provider whose key is set
 * (OPENAI_API_KEY before ANTHROPIC_API_KEY). A target without a key is left out of its chain; null when a chain has none left, or
 * nothing can be called at all: then playbooks run.
 */
export function chooseProfiles(configured: Config['models'], env: ModelEnv): Profiles | null {
  if (configured && Object.keys(configured).length > 0) {
    const standard = configured.standard ?? configured.deep ?? configured.fast ?? [];
    const { fast = standard, deep = standard } = configured;
    return callable({ fast, standard, deep }, env);
  }
  for (const provider of [openai, anthropic])
    if (hasKey(provider.standard, env)) return callable(provider, env);
  return null;
}

/** The models that rehearsals seem to call: the configuration's, or the first provider's, whether their keys are set or not. */
export function rehearsedProfiles(configured: Config['models']): Profiles {
  const everyKey = new Proxy({}, { get: () => 'set' });
  return chooseProfiles(configured, everyKey) as Profiles;
}

type Written = NonNullable<NonNullable<Config['models']>[ModelProfile]>;

function callable(
  written: Readonly<Record<ModelProfile, Written>>,
  env: ModelEnv,
): Profiles | null {
  const chain = (of: Written): Required<ModelChain> => {
    const { targets, choose = 'order' } = chainOf(of);
    return { targets: targets.filter((target) => hasKey(target, env)), choose };
  };
  const { fast, standard, deep } = written;
  const profiles = { fast: chain(fast), standard: chain(standard), deep: chain(deep) };
  return Object.values(profiles).every(({ targets }) => targets.length > 0) ? profiles : null;
}

function chainOf(written: Written): ModelChain {
  if (isList(written)) return { targets: written };
  return 'targets' in written ? written : { targets: [written] };
}

function isList(written: Written): written is readonly ModelTarget[] {
  return Array.isArray(written);
}
