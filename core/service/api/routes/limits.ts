import { z } from 'zod';
import type { LimitsView } from '../../../engine/limits/limits-view.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { instant, microUsd } from '../shapes.ts';

const figure = z.number().nullable();
const use = {
  rpmUsed: figure,
  rpmLimit: figure,
  rphUsed: figure,
  rphLimit: figure,
  rpdUsed: figure,
  rpdLimit: figure,
  tpmUsed: figure,
  tpmLimit: figure,
  inputTpmUsed: figure,
  inputTpmLimit: figure,
  outputTpmUsed: figure,
  outputTpmLimit: figure,
  burstUsed: figure,
  burstLimit: figure,
  concurrencyUsed: z.int(),
  concurrencyLimit: figure,
  closedMs: figure.meta({ description: 'Until its provider is asked again.' }),
  factor: figure.meta({ description: 'What refusals of its provider multiply the limits by.' }),
};
const limitsShape = z
  .object({
    source: z.enum(['engine', 'ledger']),
    at: instant,
    models: z.array(z.object({ model: z.string(), ...use }).meta({ id: 'ModelUse' })),
    gates: z.array(z.object({ gate: z.string(), ...use }).meta({ id: 'GateUse' })),
    rateLimiting: z.object({
      totalRequests: z.int(),
      totalTokens: z.int(),
      avgWaitMs: z.number().nullable(),
    }),
    costTracking: z.object({ totalCostMicroUsd: microUsd, totalTokens: z.int() }),
  })
  .meta({ id: 'Limits' });

/** `/v1/limits`: how much of its limits each model has used, and the totals of calls, tokens, waits and cost. */
export function limitRoutes(
  limits: (tenantId: number) => LimitsView | Promise<LimitsView>,
): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/limits',
      summary: 'Shows how much of its limits each model has used.',
      permission: 'settings:read',
      answers: { 200: limitsShape },
      handle: async ({ tenantId, demand }) => {
        demand({ module: null, company: null });
        return ok(await limits(tenantId));
      },
    }),
  ];
}
