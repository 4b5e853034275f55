import { z } from 'zod';
import type { BreakerLimits, Config } from '../../ports/config.ts';
import { checkRecovery, type RecoveryRule } from '../../sdk/recovery.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import { authorityKinds } from '../authority/setting-kinds.ts';
import { usualBreaker } from '../limits/breaker.ts';
import {
  budgetScopes,
  configuredMicroUsd,
  dailyLimit,
  largestDailyMicroUsd,
} from '../limits/daily-limit.ts';
import type { SettingKind } from './setting-kind.ts';

/** The tenant number under which settings stand that hold for the whole installation. */
export const installation = 0;

/** What the kinds of settings follow from. */
export interface SettingParts {
  readonly registry: Pick<Registry, 'agents' | 'modules' | 'workflows' | 'tools'>;
  readonly config: Pick<Config, 'breaker' | 'budgets' | 'roles'>;
}

/** Name of the setting that replaces an agent's rules. */
export function recoverySetting(agent: string): string {
  return `recovery:${agent}`;
}

/** Name of the setting that holds what a scope may spend a day. */
export function budgetSetting(scope: string): string {
  return `budget:${scope}`;
}

export const breakerSetting = 'breaker';

const whole = z.int().nonnegative();
const breakerValue = z
  .strictObject({
    failures: whole.max(1_000),
    probeMs: whole.min(1).max(86_400_000),
    successes: whole.min(1).max(1_000),
  })
  .partial();

/** Every setting that there is for the modules that are loaded when it is asked, by name: the same map until that changes. */
export function liveSettingKinds(parts: SettingParts): () => ReadonlyMap<string, SettingKind> {
  let last: { readonly agents: unknown; readonly kinds: ReadonlyMap<string, SettingKind> } | null =
    null;
  return () => {
    const { agents } = parts.registry;
    if (last?.agents !== agents) last = { agents, kinds: settingKinds(parts) };
    return last.kinds;
  };
}

function settingKinds({ registry, config }: SettingParts): ReadonlyMap<string, SettingKind> {
  // What a tool node tries, its workflow says.
  const agents = [...registry.agents.values()].filter(({ isTool }) => !isTool);
  const kinds = [
    breakerKind(config.breaker),
    ...agents.map((each) => recoveryKind(each, registry)),
    ...budgetScopes(registry).map((scope) => budgetKind(scope, config)),
    ...authorityKinds(registry, config.roles),
  ];
  return new Map(kinds.map((kind) => [kind.name, kind]));
}

function breakerKind(configured: BreakerLimits | undefined): SettingKind {
  const usual = { ...usualBreaker, ...configured };
  return {
    name: breakerSetting,
    about: 'When a model or connector that fails is left alone, probed, and used again.',
    scope: 'installation',
    usual: { value: usual, source: configured ? 'configuration' : 'default' },
    check(value) {
      const parsed = breakerValue.safeParse(value);
      const issue = parsed.error?.issues[0];
      return issue ? { path: issue.path.join('.'), reason: issue.message } : null;
    },
    inForce: (value) => ({ ...usual, ...(value as BreakerLimits) }),
  };
}

const dailyMicroUsd = whole.max(largestDailyMicroUsd);

/** In micro-USD; null: the scope has no limit of its own, and the tenant's holds. */
function budgetKind(scope: string, { budgets = {} }: SettingParts['config']): SettingKind {
  const { microUsd, source } = dailyLimit(scope, budgets, () => undefined);
  const configured = configuredMicroUsd(scope, budgets) !== undefined;
  return {
    name: budgetSetting(scope),
    about: `Micro-USD that models may cost a UTC day: ${scope === 'tenant' ? 'all runs' : scope.replace(':', ' ')}.`,
    scope: 'tenant',
    usual: {
      value: source === 'tenant' ? null : microUsd,
      source: configured ? 'configuration' : 'default',
    },
    check(value) {
      const issue = dailyMicroUsd.safeParse(value).error?.issues[0];
      return issue ? { path: '', reason: issue.message } : null;
    },
    inForce: (value) => value,
  };
}

function recoveryKind(
  { name, agent }: RegisteredAgent,
  { agents }: Pick<Registry, 'agents'>,
): SettingKind {
  const retry: readonly RecoveryRule[] = [
    { ways: [{ strategy: 'retry', retry: { attempts: agent.limits?.attempts ?? 3 } }] },
  ];
  return {
    name: recoverySetting(name),
    about: `What follows a failure of ${name}.`,
    scope: 'tenant',
    usual: agent.recovery
      ? { value: agent.recovery, source: 'agent' }
      : { value: retry, source: 'default' },
    check: (value) => checkRecovery(value, name, (each) => agents.get(each)?.agent),
    inForce: (value) => value,
  };
}
