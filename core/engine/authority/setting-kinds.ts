import type { z } from 'zod';
import { shortName } from '../../sdk/agent-document.ts';
import { autonomyValue, type CallScope, shadowValue } from '../../sdk/authority.ts';
import { matches } from '../../sdk/policy/policy.ts';
import type { RecoveryFault } from '../../sdk/recovery.ts';
import type { Registry } from '../../sdk/registry.ts';
import { type AccessGrant, accessValue, type RoleHolders } from '../../sdk/tool-access.ts';
import type { SettingKind } from '../recovery/setting-kind.ts';

type Loaded = Pick<Registry, 'agents' | 'tools'>;

/** The settings of a tenant that say what agents may do now, over what policies grant. */
export function authorityKinds(registry: Loaded, roles: RoleHolders = {}): readonly SettingKind[] {
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
    {
      ...shared,
      name: 'access',
      about: 'Which tools agents and roles were given beside what policies give: tutti tools.',
      check: (value) => accessFaultOf(value, registry, roles),
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

/** What is wrong with what is given. Agents may be made while Tutti runs, so a name that fits none of those that are loaded may still be right. */
function accessFaultOf(
  value: unknown,
  { tools }: Loaded,
  holders: RoleHolders,
): RecoveryFault | null {
  const parsed = accessValue.safeParse(value);
  const issue = parsed.error?.issues[0];
  if (issue) return { path: issue.path.join('.'), reason: issue.message };
  const faults = (parsed.data as readonly AccessGrant[]).flatMap((grant, index) => [
    ...misfits(grant.tools, [...tools.keys()], { path: `${index}.tools`, noun: 'loaded tool' }),
    ...misfits(grant.roles ?? [], Object.keys(holders), {
      path: `${index}.roles`,
      noun: 'role of the configuration',
    }),
  ]);
  return faults[0] ?? null;
}

function misfits(
  patterns: readonly string[],
  names: readonly string[],
  { path, noun }: { readonly path: string; readonly noun: string },
): RecoveryFault[] {
  return patterns.flatMap((pattern, index) =>
    names.some((name) => matches([pattern], name))
      ? []
      : [{ path: `${path}.${index}`, reason: `'${pattern}' fits no ${noun}` }],
  );
}

/** Patterns that fit nothing, which are misspelled more often than early. */
function misfitsOf({ agents = [], tools = [] }: CallScope, loaded: Loaded): RecoveryFault[] {
  const outward = [...loaded.tools.values()].filter(({ effect }) => effect !== 'read');
  const actors = [...loaded.agents.keys()];
  const outwardNames = outward.map(({ name }) => name);
  return [
    ...misfits(
      agents.filter((each) => shortName(each) === null),
      actors,
      { path: 'agents', noun: 'agent that is loaded' },
    ),
    ...misfits(tools, outwardNames, { path: 'tools', noun: 'loaded tool that has an effect' }),
  ];
}
