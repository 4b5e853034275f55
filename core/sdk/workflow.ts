import { z } from 'zod';
import type { AnyAgent } from './agent.ts';
import { type Graph, recordGraph } from './graph.ts';
import type { WorkflowData } from './node.ts';

/** A workflow as an author declares it; `record` makes its data. */
export interface Workflow {
  readonly kind: 'workflow';
  readonly name: string;
  readonly input: z.ZodType;
  /** Runs the graph function once against recording proxies. `nameOf` qualifies an agent. @throws WORKFLOW_INVALID */
  readonly record: (nameOf: (agent: AnyAgent) => string) => WorkflowData;
}

/** Declares a workflow. The graph function runs once, when the workflow loads, and becomes data. */
export function defineWorkflow<I extends z.ZodType = z.ZodObject<Record<never, never>>>(workflow: {
  readonly name: string;
  /** ISO 8601 duration, for example `PT6H`. @default none */
  readonly deadline?: string;
  readonly budgetMicroUsd?: number;
  /** @default false */
  readonly partial?: boolean;
  readonly concurrency?: number;
  /** @default no input */
  readonly input?: I;
  readonly graph: (graph: Graph<z.output<I>>) => void;
}): Workflow {
  return Object.freeze({
    kind: 'workflow',
    name: workflow.name,
    input: workflow.input ?? z.object({}),
    record: (nameOf: (agent: AnyAgent) => string): WorkflowData => ({
      name: workflow.name,
      deadline: workflow.deadline ?? null,
      budgetMicroUsd: workflow.budgetMicroUsd ?? null,
      partial: workflow.partial ?? false,
      concurrency: workflow.concurrency ?? null,
      nodes: recordGraph(workflow.name, workflow.graph as (graph: Graph<unknown>) => void, nameOf),
    }),
  });
}
