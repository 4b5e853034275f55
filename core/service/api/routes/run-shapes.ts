import { z } from 'zod';
import { failureShape, instant, microUsd, runStatus } from '../shapes.ts';

const head = {
  id: z.uuid(),
  workflow: z.string(),
  status: runStatus,
  rehearsal: z.boolean().meta({ description: 'Whether it called no model and wrote nothing.' }),
  goal: z.string().nullable().meta({
    description: 'What it is for, in words. Null: nobody has said, or it has been erased.',
  }),
  company: z.string().nullable().meta({ description: 'Null: the whole group.' }),
  businessDate: z.iso.date(),
  createdAt: instant,
  endedAt: instant.nullable(),
  key: z.string().nullable().meta({ description: 'The idempotency key of its request.' }),
  retryOf: z.uuid().nullable().meta({ description: 'The run whose failed steps it does again.' }),
  retriedBy: z.uuid().nullable().meta({ description: 'The run that does its failed steps again.' }),
};

/** A run in a list. */
export const runShape = z.object(head).meta({ id: 'Run' });

/** A run in figures. */
const summaryShape = z
  .object({
    runId: z.uuid(),
    workflow: z.string(),
    status: runStatus,
    rehearsal: z.boolean(),
    steps: z.object({
      total: z.int(),
      succeeded: z.int(),
      failed: z.int(),
      skipped: z.int(),
      cancelled: z.int().meta({
        description: 'By somebody, or with the run.',
      }),
      degraded: z.int().meta({ description: 'Ran their playbook, for want of a model.' }),
    }),
    agents: z.int().meta({ description: 'Steps that are agents and ran.' }),
    modules: z.array(z.string()),
    toolCalls: z.int(),
    recordsRead: z.int(),
    proposals: z.int().meta({ description: 'Effects that it proposed.' }),
    observed: z
      .int()
      .meta({ description: 'Effects that it would have had, were it no rehearsal.' }),
    costMicroUsd: microUsd,
    tokens: z.object({ input: z.int(), output: z.int() }),
    durationMs: z.int().meta({ description: 'From its creation to its end, or until now.' }),
    findings: z.int(),
  })
  .meta({ id: 'RunSummary' });

/** A run by itself. */
export const runDetailShape = z
  .object({
    ...head,
    priority: z.int().meta({ description: '1 to 10; 10 goes first.' }),
    deadlineAt: instant
      .nullable()
      .meta({ description: 'When it is cancelled if it has not ended. Null: whenever it ends.' }),
    startedBy: z.uuid().nullable().meta({ description: 'The run a step of which has started it.' }),
    started: z
      .array(z.uuid())
      .meta({ description: 'Runs that its steps have started, at most 100, oldest first.' }),
    summary: summaryShape,
  })
  .meta({ id: 'RunDetail' });

/** How far a step is. */
export const stepStatus = z
  .enum(['pending', 'ready', 'running', 'waiting', 'succeeded', 'skipped', 'failed', 'cancelled'])
  .meta({ id: 'StepStatus' });

/** A step of a run. */
export const stepShape = z
  .object({
    id: z.int(),
    node: z.string(),
    itemKey: z.string().meta({ description: 'Empty outside of a foreach.' }),
    kind: z.string(),
    agent: z.string().nullable(),
    status: stepStatus,
    attempt: z.int(),
    crashes: z.int().meta({ description: 'Times that a thread died under it.' }),
    degraded: z.boolean(),
    trust: z.enum(['system', 'operator', 'erp', 'external']),
    worker: z.string().nullable(),
    costMicroUsd: microUsd,
    readyAt: instant.nullable(),
    startedAt: instant.nullable(),
    endedAt: instant.nullable(),
    error: failureShape.nullable(),
  })
  .meta({ id: 'Step' });

const contentShape = z
  .discriminatedUnion('state', [
    z.object({ state: z.literal('there'), value: z.unknown() }),
    z.object({ state: z.literal('none') }),
    z.object({ state: z.literal('erased') }),
    z.object({ state: z.literal('unknown'), why: z.string() }),
  ])
  .meta({
    id: 'Content',
    description:
      'What a step was given or has brought: `none` so far, `erased`, or `unknown` where the loaded code no longer makes it.',
  });

/** A step with what it worked on. */
export const stepContentShape = z
  .object({
    ...stepShape.shape,
    path: z.string(),
    input: contentShape,
    output: contentShape,
    attempts: z.array(
      z.object({
        no: z.int(),
        worker: z.string(),
        startedAt: instant,
        endedAt: instant,
        outcome: z.string(),
        error: failureShape.nullable(),
        turns: z.int().nullable().meta({ description: 'Model calls.' }),
      }),
    ),
  })
  .meta({ id: 'StepContent' });

/** A line of a run's journal. */
export const entryShape = z
  .object({
    seq: z.int(),
    step: z.int().nullable().meta({ description: 'Null: the run itself.' }),
    attempt: z.int().nullable(),
    kind: z.string(),
    at: instant,
    data: z.record(z.string(), z.unknown()).meta({ description: 'Ids, codes and figures.' }),
  })
  .meta({ id: 'Entry' });

/** A line of the journal of any run. */
export const foundEntryShape = z
  .object({
    ...entryShape.shape,
    runId: z.uuid(),
    path: z.string().nullable().meta({ description: 'Of its step; null: the run itself.' }),
    agent: z.string().nullable(),
  })
  .meta({ id: 'FoundEntry' });
