import type { AnyAgent } from '../../sdk/agent.ts';
import type { CompiledNode } from '../graph/compiled.ts';

/** What one step may take. */
export interface StepLimits {
  /** Micro-USD of its model calls. @default 500000: 0.50 USD */
  readonly costMicroUsd: number;
  /** Of one attempt. @default 120000 */
  readonly timeoutMs: number;
}

/** What a step of an agent may take: as its node says, else as the agent does. */
export function stepLimits(place: CompiledNode, { limits }: Pick<AnyAgent, 'limits'>): StepLimits {
  const bounds = 'bounds' in place ? place.bounds : {};
  return {
    costMicroUsd: bounds.costMicroUsd ?? limits?.costMicroUsd ?? 500_000,
    timeoutMs: bounds.timeoutMs ?? limits?.timeoutMs ?? 120_000,
  };
}
