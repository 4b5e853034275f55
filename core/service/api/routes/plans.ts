import { z } from 'zod';
import type { Planner } from '../../../engine/plan/planner.ts';
import type { CompleteParts } from '../parts.ts';
import { startCost } from '../rate.ts';
import { hexDigest, versionNumber } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { goalOption, readOptions, runOptions } from '../run-options.ts';
import { microUsd } from '../shapes.ts';

const { company, businessDate, timeZone } = runOptions;
const planBody = z.strictObject({
  workflow: z.string().min(1).max(200),
  version: versionNumber.optional(),
  input: z.unknown().optional().meta({ description: 'As the workflow takes it.' }),
  goal: goalOption,
  company,
  businessDate,
  timeZone,
});

const counts = z.record(z.string(), z.int());
const planShape = z
  .object({
    agents: z.int(),
    agentsByModule: counts,
    calls: z.int().meta({ description: 'Model calls.' }),
    tokens: z.object({ input: z.int(), output: z.int() }),
    costMicroUsd: z.object({
      expected: z.number(),
      worst: z.number().meta({ description: 'If each call cost its upper bound.' }),
    }),
    makespanMs: z.int().meta({ description: 'From start to end under the limits.' }),
    bottleneck: z
      .looseObject({ kind: z.string(), name: z.string(), share: z.number() })
      .nullable()
      .meta({ description: 'What ready work waits for longest.' }),
    writes: counts.meta({ description: 'Effects that it would have or propose, by tool.' }),
    hash: hexDigest.meta({ description: 'For the `plan` of a run that must keep to it.' }),
    workflow: z.string(),
    businessDate: z.iso.date(),
    company: z.string().nullable(),
    cachedTokens: z.object({ read: z.int(), written: z.int() }),
    models: counts,
    batches: z.record(
      z.string(),
      z.object({ calls: z.int(), costMicroUsd: microUsd, expectedMs: z.number() }),
    ),
    learned: z.array(z.string()),
    unknown: z.object({
      agents: counts,
      failed: z.array(z.object({ step: z.string(), code: z.string(), message: z.string() })),
      skipped: z.int(),
    }),
    denied: z.record(z.string(), z.object({ steps: z.int(), purse: z.string() })),
  })
  .meta({ id: 'Plan' });

/** `/v1/plans`: what a run would do, cost and take. Nothing is stored: asked again, it is made again. */
export function planRoutes(
  { runDefaults, registry }: CompleteParts,
  planner: Pick<Planner, 'plan'>,
): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/plans',
      summary: 'Says what a run would do, cost and take.',
      permission: 'runs:start',
      // Nothing starts, but it computes for seconds.
      cost: startCost,
      body: planBody,
      answers: { 200: planShape },
      errors: ['WORKFLOW_UNKNOWN', 'WORKFLOW_INVALID', 'EXPRESSION_INVALID', 'ERP_UNAVAILABLE'],
      handle: async ({ tenantId, body, signal, demand }) => {
        const module = registry.workflows.get(body.workflow)?.module ?? null;
        demand({ module, company: body.company ?? null });
        const { workflow, version, input, goal } = body;
        const asked = {
          ...{ tenantId, workflow, input },
          ...readOptions(body, runDefaults),
          ...(version !== undefined && { version }),
          ...(goal !== undefined && { goal }),
        };
        return ok(await planner.plan(asked, signal));
      },
    }),
  ];
}
