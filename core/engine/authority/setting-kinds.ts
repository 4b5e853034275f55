import type { z } from 'zod';
import { autonomyValue, type CallScope, shadowValue } from '../../sdk/authority.ts';
import { matches } from '../../sdk/policy.ts';
import type { RecoveryFault } from '../../sdk/recovery.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { SettingKind } from '../recovery/setting-kind.ts';

type Loaded = Pick<Registry, 'agents' | 'tools'>;

/** The settings of a tenant that say what agents may do now, over what policies grant. */
export function authorityKinds(registry: Loaded): readonly SettingKind[] {
  const shared = {
    scope: 'tenant',
    usual: { value: [], source: 'default' },
    // Who takes an agent out of the configuration does not take back what was said of the others.
    outlives: true,
    inForce: (value: unknown) => value,
  } as const;
  return [
    {
      ...shared,
      name: 'autonomy',
      about: 'How far agents may go with which tools, in place of what policies grant.',
      check: (value) => faultOf(autonomyValue, value, registry),
    },
    {
      ...shared,
      name: 'shadow',
      about: 'Whose effects are only observed: what they would have done says tutti shadow.',
      check: (value) => faultOf(shadowValue, value, registry),
    },
  ];
}

function faultOf(schema: z.ZodType, value: unknown, loaded: Loaded): RecoveryFault | null {
  const parsed = schema.safeParse(value);
  const issue = parsed.error?.issues[0];
  if (issue) return { path: issue.path.join('.'), reason: issue.message };
  const faults = (parsed.data as readonly CallScope[]).flatMap((scope, index) =>
    misfitsOf(scope, loaded).map(({ path, reason }) => ({ path: `${index}.${path}`, reason })),
  );
  return faults[0] ?? null;
}

/** Patterns that fit nothing, which are misspelled more often than early. */
function misfitsOf({ agents = [], tools = [] }: CallScope, loaded: Loaded): RecoveryFault[] {
  const outward = [...loaded.tools.values()].filter(({ effect }) => effect !== 'read');
  const actors = [...loaded.agents.keys()];
  const misfit = (kind: string, patterns: readonly string[], names: readonly string[]) =>
    patterns.flatMap((pattern, index) =>
      names.some((name) => matches([pattern], name))
        ? []
        : [{ path: `${kind}.${index}`, reason: `'${pattern}' fits no ${nounOf(kind)}` }],
    );
  return [
    ...misfit('agents', agents, actors),
    ...misfit(
      'tools',
      tools,
      outward.map(({ name }) => name),
    ),
  ];
}

function nounOf(kind: string): string {
  return kind === 'agents' ? 'agent that is loaded' : 'loaded tool that has an effect';
}
