import { z } from 'zod';
import type { Grant, Policy } from './policy/policy.ts';
import { type AccessGrant, accessValue } from './tool-access.ts';

/** Calls that something set at run time is about. Patterns as in a grant; a missing list means all. */
export type CallScope = Omit<Grant, 'autonomy'>;

/** Who may do what by what is set at run time, of one tenant. */
export interface Authority {
  /** Where one of them matches a call, the strictest replaces what policies grant. */
  readonly autonomy: readonly Grant[];
  /** Calls whose effects are only observed. */
  readonly shadow: readonly CallScope[];
  /** Tools that were given to agents and roles, beside what policies give. */
  readonly access: readonly AccessGrant[];
  /** Versions of policies that people have put in force: they stand in the place of what the code says under their names. */
  readonly policies: readonly Policy[];
}

/** Names of the settings that hold it. */
export const authoritySettings = ['autonomy', 'shadow', 'access'] as const;

const patterns = z.array(z.string().min(1).max(200)).min(1).max(1_000).optional();
const callScope = { agents: patterns, tools: patterns, companies: patterns };

/** What the setting `shadow` may hold. */
export const shadowValue = z.array(z.strictObject(callScope)).max(1_000);

/** What the setting `autonomy` may hold. */
export const autonomyValue = z
  .array(
    z.strictObject({ ...callScope, autonomy: z.enum(['observe', 'propose', 'approve', 'act']) }),
  )
  .max(1_000);

/** Nothing is set. */
export const noAuthority: Authority = { autonomy: [], shadow: [], access: [], policies: [] };

/**
 * What is set, from the stored values. One that nobody can read lets nothing happen: grants count as `observe` for every call, a
 * shadow lies on all, and no tool is given to anybody. So it is with policies in force that nobody can read.
 */
export function readAuthority(
  stored: ReadonlyMap<string, unknown>,
  policies: readonly Policy[] | 'unreadable' = [],
): Authority {
  const [grants, scopes, given] = authoritySettings.map((name) => stored.get(name) ?? []);
  const autonomy = autonomyValue.safeParse(grants);
  const shadow = shadowValue.safeParse(scopes);
  const access = accessValue.safeParse(given);
  const isReadable = autonomy.success && policies !== 'unreadable';
  return {
    autonomy: isReadable ? (autonomy.data as readonly Grant[]) : [{ autonomy: 'observe' }],
    shadow: shadow.success ? (shadow.data as readonly CallScope[]) : [{}],
    access: access.success ? (access.data as readonly AccessGrant[]) : [],
    policies: policies === 'unreadable' ? [] : policies,
  };
}
