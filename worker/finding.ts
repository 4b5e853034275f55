import { EngineError } from '../core/base/errors.ts';
import type { StepScope } from '../core/guard/invoke.ts';
import type { FindingInput } from '../core/sdk/agent.ts';

/**
 * Lets a finding pass that its agent has declared and that JSON can hold; a copy, so that nothing of the agent's stays in it.
 * @throws AGENT_FAILED for a kind that the agent does not declare
 */
export function checkFinding(
  scope: Pick<StepScope, 'agent' | 'agentName'>,
  finding: FindingInput,
): FindingInput {
  const declared = scope.agent.findings;
  if (declared && !(finding.kind in declared)) {
    throw new EngineError(
      'AGENT_FAILED',
      `'${scope.agentName}' does not declare findings of kind '${finding.kind}'; add it to the agent's findings.`,
    );
  }
  return JSON.parse(JSON.stringify(finding)) as FindingInput;
}
