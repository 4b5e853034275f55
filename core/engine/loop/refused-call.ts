import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Refusal } from '../limits/broker.ts';

/**
 * Whether who is refused waits for it, and does not go without the model or fail at once. `goesOn`: it need not call one.
 */
export function keepsBack({ never, blocker }: Refusal, goesOn: boolean): boolean {
  return !never && !(blocker === 'breaker' && goesOn);
}

/** Whether an agent does not go on with its playbook when a model call is denied. */
export function needsModel({ agent }: RegisteredAgent): boolean {
  return agent.onBudget === 'fail' || !agent.procedure;
}
