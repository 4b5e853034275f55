import { EngineError } from '../../core/base/errors.ts';
import type { Applied } from '../../core/guard/scope.ts';
import type { AskingStep } from '../../core/ports/db/lineage.ts';
import type { Proposal } from '../../core/ports/db/proposal.ts';
import type { Applies, Job } from '../../core/ports/dispatcher.ts';
import type { RegisteredAgent } from '../../core/sdk/registry.ts';

/** What a job carries out that people have granted, and the step by whose doings it is judged. */
export interface Granted {
  readonly applies: Applied;
  readonly asking: AskingStep;
}

/** What a job carries out, as its agent proposed it. @throws TOOL_REFUSED where that agent is no more */
export function grantedBy(
  { tenantId }: Pick<Job, 'tenantId'>,
  { approval }: Applies,
  {
    proposal,
    registered,
  }: { readonly proposal: Proposal; readonly registered: RegisteredAgent | undefined },
): Granted {
  const { key, tool, contract, argsSha256, binds, agent: agentName, runId, stepPath } = proposal;
  const { delegators } = proposal;
  if (!registered) {
    const message = `'${agentName}', which proposed '${tool}', is in no loaded module; nothing is carried out for it.`;
    throw new EngineError('TOOL_REFUSED', message, { details: { rule: 'approval.agent' } });
  }
  const { agent, module } = registered;
  return {
    applies: {
      ...{ key, approval, tool, contract, argsSha256, binds, agent, agentName, module, delegators },
    },
    asking: { tenantId, runId, stepPath, agent: agentName },
  };
}
