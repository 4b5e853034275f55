import { z } from 'zod';
import { EngineError } from '../../core/base/errors.ts';
import { Money } from '../../core/base/money.ts';
import { toStorableJson, toVisible } from '../../core/base/text.ts';
import { issues, type StepScope } from '../../core/guard/invoke.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import { severities } from '../../core/sdk/severity.ts';

// Widths that the finding's row and its readers can rely on.
const code = z.string().min(1).max(200);
const findingSchema = z.object({
  kind: code,
  severity: z.enum(severities),
  records: z.array(z.object({ entity: code, id: code })),
  company: code.optional(),
  amount: Money.optional(),
  summary: z.string(),
  evidence: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .optional(),
});

/**
 * Lets a finding pass that its agent has declared and that its row can hold; a copy, so that nothing of the agent's stays in it.
 * @throws AGENT_FAILED for a kind that the agent does not declare · OUTPUT_INVALID naming the member that does not fit
 */
export function checkFinding(
  scope: Pick<StepScope, 'agent' | 'agentName'>,
  finding: FindingInput,
): FindingInput {
  const declared = scope.agent.findings;
  if (declared && !Object.hasOwn(declared, finding.kind)) {
    throw new EngineError(
      'AGENT_FAILED',
      `'${scope.agentName}' does not declare findings of kind '${finding.kind}'; add it to the agent's findings.`,
    );
  }
  const parsed = findingSchema.safeParse(finding);
  if (parsed.success) return JSON.parse(toVisible(toStorableJson(parsed.data))) as FindingInput;
  throw new EngineError(
    'OUTPUT_INVALID',
    `'${scope.agentName}' reports a finding that does not fit: ${issues(parsed.error)}.`,
  );
}
