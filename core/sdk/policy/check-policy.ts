import { z } from 'zod';
import { durationMs } from '../../base/duration.ts';
import { Decimal, Money } from '../../base/money.ts';
import { moduleOf } from '../qualified-name.ts';
import type { AnyTool } from '../tool.ts';
import type { Policy } from './policy.ts';
import type { Tier } from './tier.ts';

const names = z.array(z.string().min(1));
const someNames = names.min(1, 'must name at least one');
/** Entries of one list of a document: what two versions let happen is compared entry by entry. */
const most = 1_000;
const duration = z
  .string()
  .refine((text) => lengthOf(text) > 0, 'must be an ISO 8601 duration, for example P2D or PT6H');
const duty = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case');
const tierSchema = z
  .strictObject({
    name: z
      .string()
      .max(64)
      .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, 'must be lower snake case'),
    agents: names.optional(),
    tools: names.optional(),
    companies: names.optional(),
    above: Money.refine(
      ({ amount }) => Decimal.compare(amount, '0') >= 0,
      'must not be below zero: amounts have no sign',
    ).optional(),
    risk: z.enum(['low', 'normal', 'high']).optional(),
    by: someNames,
    required: z.int().min(1).optional(),
    expires: duration.optional(),
    escalate: z.strictObject({ after: duration, to: someNames }).optional(),
  })
  .refine(
    ({ expires = 'P7D', escalate }) => !escalate || lengthOf(escalate.after) < lengthOf(expires),
    { path: ['escalate', 'after'], message: 'must be before it expires' },
  );

/** What a policy says, as modules, the configuration and documents write it. */
const members = {
  grants: z.array(
    z.strictObject({
      agents: z.array(z.string()).optional(),
      tools: z.array(z.string()).optional(),
      companies: z.array(z.string()).optional(),
      autonomy: z.enum(['observe', 'propose', 'approve', 'act']),
    }),
  ),
  duties: z
    .array(z.strictObject({ pair: z.tuple([duty, duty]), reason: z.string().min(1) }))
    .optional(),
  tiers: z
    .array(tierSchema)
    .refine((tiers) => new Set(tiers.map(({ name }) => name)).size === tiers.length, {
      error: 'has two of one name; rename one',
    })
    .optional(),
  external: z
    .array(
      z.strictObject({
        agents: someNames,
        tools: someNames,
        check: z.enum(['master_data', 'none']),
      }),
    )
    .optional(),
};

/** Zod schema of a policy as modules and the configuration declare it. */
export const policySchema = z.looseObject({
  kind: z.literal('policy'),
  name: z.string().min(1),
  ...members,
});

/** Zod schema of a policy as people write it while Tutti runs: nothing is in it that nobody knows. */
export const policyDocumentSchema = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case'),
  ...members,
  grants: members.grants.max(most).default([]),
  access: z
    .array(z.strictObject({ agents: someNames, tools: someNames }))
    .max(most)
    .optional(),
});

/** Milliseconds; 0 for what is no duration. */
function lengthOf(text: string): number {
  try {
    return durationMs(text);
  } catch {
    return 0;
  }
}

/** A tier that does not do what it says. */
export interface TierFault {
  readonly policy: string;
  readonly tier: string;
  readonly reason: string;
}

/**
 * The first tier that names a tool, not by a pattern, to which it can never apply as it says: one that its module does not have, one that
 * only reads, or one whose amount nobody tells while the tier has an `above`.
 */
export function findTierFault(
  policies: readonly Policy[],
  tools: ReadonlyMap<string, AnyTool>,
): TierFault | null {
  const modules = new Set([...tools.keys()].map(moduleOf));
  for (const policy of policies) {
    for (const tier of policy.tiers ?? []) {
      for (const name of (tier.tools ?? []).filter((each) => !each.endsWith('*'))) {
        const reason = modules.has(moduleOf(name)) ? faultOf(tier, name, tools.get(name)) : null;
        if (reason) return { policy: policy.name, tier: tier.name, reason };
      }
    }
  }
  return null;
}

function faultOf({ above }: Tier, name: string, tool: AnyTool | undefined): string | null {
  if (!tool) return `names the tool '${name}', which its module does not have; correct the name.`;
  if (tool.effect === 'read')
    return `names '${name}', which only reads; nobody is asked about that.`;
  if (!above || tool.amount) return null;
  return `applies to '${name}' from ${above.amount} ${above.currency} on, but that tool has no 'amount'; give it one, or leave out 'above'.`;
}
