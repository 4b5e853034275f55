import type { Findings, TriagedFinding } from '../findings/findings.ts';
import type { Sight } from '../history/sight.ts';
import type { ApprovalView } from './view.ts';

/** More than this nobody reads before a yes. */
const most = 20;

/**
 * Why things are asked: what the step of each question has found about the records that its call names, the worst first, at most 20. Nobody
 * agrees to these sentences; they are the agents' own, of which text from outside may be a part.
 */
export async function foundFor(
  findings: Pick<Findings, 'ofSteps'>,
  questions: readonly ApprovalView[],
  { tenantId, sight }: { readonly tenantId: number; readonly sight?: Sight | undefined },
): Promise<readonly (readonly TriagedFinding[])[]> {
  const steps = questions.map(({ runId, path, effect }) =>
    runId === null || effect === null ? null : { runId, path },
  );
  const asked = steps.filter((step) => step !== null);
  const found = asked.length === 0 ? [] : await findings.ofSteps(tenantId, asked, sight);
  return questions.map(({ effect, shown }, index) => {
    const step = steps[index];
    if (!step) return [];
    const named = textsOf([effect?.targetId, shown]);
    const ofStep = found[asked.indexOf(step)] ?? [];
    return ofStep.filter(({ records }) => records.some(({ id }) => named.has(id))).slice(0, most);
  });
}

function textsOf(value: unknown, into: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) textsOf(each, into);
  return into;
}
