import type { ModelProfile } from '../../sdk/agent.ts';
import type { ModelTarget } from './model.ts';
import { hasKey, type ModelEnv } from './open.ts';

/** Which model answers for each profile. */
export type Profiles = Readonly<Record<ModelProfile, ModelTarget>>;

const openai: Profiles = {
  fast: { provider: 'openai', model: 'gpt-6-luna' },
  standard: { provider: 'openai', model: 'gpt-6.1-terra' },
  deep: { provider: 'openai', model: 'gpt-6.1-sol' },
};
const anthropic: Profiles = {
  fast: { provider: 'anthropic', model: 'claude-haiku-5-5' },
  standard: { provider: 'anthropic', model: 'claude-sonnet-5-5' },
  deep: { provider: 'anthropic', model: 'claude-opus-5-5' },
};

/**
 * The models that agents use: the configuration's where it names any, else those of the provider whose key is set
 * (OPENAI_API_KEY before ANTHROPIC_API_KEY). Null when nothing can be called: then playbooks run.
 */
export function chooseProfiles(
  configured: Partial<Profiles> | undefined,
  env: ModelEnv,
): Profiles | null {
  if (configured && Object.keys(configured).length > 0) {
    const standard = configured.standard ?? configured.deep ?? (configured.fast as ModelTarget);
    const profiles = {
      fast: configured.fast ?? standard,
      standard,
      deep: configured.deep ?? standard,
    };
    return Object.values(profiles).every((target) => hasKey(target, env)) ? profiles : null;
  }
  for (const provider of [openai, anthropic]) if (hasKey(provider.standard, env)) return provider;
  return null;
}
