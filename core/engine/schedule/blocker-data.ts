import type { StepStatus } from '../../ports/db/states.ts';
import type { PolicyRef } from '../../sdk/policy/policy-ref.ts';

/** What may keep a model call or a tool call from passing a gate. */
export const gateKinds = [
  'closed',
  'headroom',
  'model_requests',
  'model_tokens',
  'model_concurrency',
  'burst',
  'hour',
  'day',
] as const;
export type GateKind = (typeof gateKinds)[number];

/** A step that another waits for. */
export interface Dependency {
  /** `match` or `match/check[V-17]` */
  readonly path: string;
  readonly status: StepStatus;
}

/** A thing in the way of a waiting step. */
export type BlockerData =
  | { readonly kind: 'dependency'; readonly steps: readonly Dependency[] }
  /** Its foreach has as many items open as it may. */
  | { readonly kind: 'items'; readonly foreach: string; readonly atOnce: number }
  /** `reach`: what somebody has stopped, and why. */
  | { readonly kind: 'stop'; readonly reach: string; readonly reason: string }
  | { readonly kind: 'paused' | 'owner' | 'running' }
  /** `moment`: that of a node that waits for one. */
  | { readonly kind: 'retry' | 'moment' }
  | { readonly kind: 'review'; readonly key: string | null }
  /** `by`: the roles and persons that a node asks; empty for an effect. `policy`: what asks for people's word on that, where a policy does. */
  | {
      readonly kind: 'approval';
      readonly key: string | null;
      readonly by: readonly string[];
      readonly policy?: PolicyRef;
    }
  | { readonly kind: 'budget_approval' | 'event' | 'version' | 'batch' }
  /** `runs`: those that the step has started and that have not ended. */
  | { readonly kind: 'child'; readonly runs: readonly string[] }
  /** It has begun, and no machine of its pool takes it. `since`: RFC 3339. */
  | { readonly kind: 'machine'; readonly pool: string; readonly since: string }
  /** It has begun, and waits for the process of its module, which is kept apart. `since`: RFC 3339. */
  | { readonly kind: 'process'; readonly module: string; readonly since: string }
  /** It has begun, and waits for its turn among those that run alone. `since`: RFC 3339. */
  | { readonly kind: 'quarantine'; readonly since: string }
  | { readonly kind: 'run'; readonly run: string }
  | { readonly kind: 'module'; readonly module: string }
  | { readonly kind: 'breaker' | 'budget'; readonly scope: string }
  | { readonly kind: 'erp'; readonly scope: string; readonly limit: GateKind }
  | { readonly kind: GateKind; readonly scope: string }
  | { readonly kind: 'queue'; readonly ahead: number };
