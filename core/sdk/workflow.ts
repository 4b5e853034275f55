import type { z } from 'zod';
import type { AnyAgent } from './agent.ts';
import type { WorkflowData } from './node.ts';

declare const brings: unique symbol;

/** A workflow as an author declares it; `record` makes its data. */
export interface Workflow<I extends z.ZodType = z.ZodType, O = unknown> {
  readonly kind: 'workflow';
  readonly name: string;
  readonly input: I;
  /** Makes its data. `nameOf` qualifies an agent. @throws WORKFLOW_INVALID */
  readonly record: (nameOf: (agent: AnyAgent) => string) => WorkflowData;
  /** What a run brings, for types alone. */
  readonly [brings]?: O;
}
