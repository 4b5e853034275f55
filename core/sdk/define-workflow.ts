import { z } from 'zod';
import type { AnyAgent } from './agent.ts';
import type { Graph } from './graph.ts';
import type { WorkflowData } from './node.ts';
import { recordGraph } from './record-graph.ts';
import type { Unmapped } from './ref.ts';
import type { Workflow } from './workflow.ts';

/** Declares a workflow. The graph function runs once, when the workflow loads, and becomes data. */
export function defineWorkflow<
  I extends z.ZodType = z.ZodObject<Record<never, never>>,
  const M = void,
>(workflow: {
  readonly name: string;
  /** What it is for, one sentence. */
  readonly description?: string;
  /** What its runs are for, in words, at most 500 characters; whoever starts one may say another. @default they have no goal */
  readonly goal?: string;
  /** ISO 8601 duration, for example `PT6H`. @default none */
  readonly deadline?: string;
  readonly budgetMicroUsd?: number;
  /** @default false */
  readonly partial?: boolean;
  /** `undo`: what a run has done is taken back when it fails or is cancelled. @default nothing: what was done stays */
  readonly onFailure?: 'undo';
  readonly concurrency?: number;
  /** @default no input */
  readonly input?: I;
  /** What it returns is what a run brings. */
  readonly graph: (graph: Graph<z.output<I>>) => M;
}): Workflow<I, Unmapped<M>> {
  const { name, description, goal, graph } = workflow;
  const input = workflow.input ?? z.object({});
  return Object.freeze({
    kind: 'workflow',
    name,
    input: input as I,
    record: (nameOf: (agent: AnyAgent) => string): WorkflowData => ({
      name,
      ...(description !== undefined && { description }),
      ...(goal !== undefined && { goal }),
      input: z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }),
      deadline: workflow.deadline ?? null,
      budgetMicroUsd: workflow.budgetMicroUsd ?? null,
      partial: workflow.partial ?? false,
      ...(workflow.onFailure !== undefined && { onFailure: workflow.onFailure }),
      concurrency: workflow.concurrency ?? null,
      ...recordGraph(name, graph as (graph: Graph<unknown>) => unknown, nameOf),
    }),
  });
}
