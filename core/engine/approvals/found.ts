import type { Findings, TriagedFinding } from '../findings/findings.ts';
import type { Sight } from '../history/sight.ts';
import type { ApprovalView } from './view.ts';

/** More than this nobody reads before a yes. */
const most = 20;

/**
 * Why something is asked: what its step has found about the records that the call names, the worst first, at most 20. Nobody agrees to
 * these sentences; they are the agent's own, of which text from outside may be a part.
 */
export async function foundFor(
  findings: Findings,
  { runId, path, effect, shown }: ApprovalView,
  { tenantId, sight }: { readonly tenantId: number; readonly sight?: Sight | undefined },
): Promise<readonly TriagedFinding[]> {
  if (runId === null || effect === null) return [];
  const named = textsOf([effect.targetId, shown]);
  const ofStep = await findings.list(tenantId, { runId, step: path, limit: 1_000, sight });
  return ofStep.filter(({ records }) => records.some(({ id }) => named.has(id))).slice(0, most);
}

function textsOf(value: unknown, into: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) textsOf(each, into);
  return into;
}
