import { incompatible } from '../../sdk/policy/duties.ts';
import type { Facts } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/** What must be in different hands: nobody does to a document what must be apart from what they have done to it. */
export function duties({
  lineage,
  tool,
  policies,
}: Pick<Facts, 'lineage' | 'tool' | 'policies'>): Extract<Ruling, { kind: 'refuse' }> | null {
  if (!lineage) return null;
  for (const { duty, ...done } of lineage.done) {
    const rule = incompatible(policies, lineage.duty, duty);
    if (!rule) continue;
    const earlier = `'${done.tool}' (duty '${duty}') on ${done.entity ?? 'record'} '${done.id ?? ''}' in run ${done.by.runId}`;
    return refuse(
      'duties.lineage',
      `'${tool}' (duty '${lineage.duty}') must be done by somebody else than ${earlier}: ${rule.reason}.`,
      policies.find((policy) => policy.duties?.includes(rule)),
    );
  }
  return null;
}
