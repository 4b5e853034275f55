import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { instant } from '../shapes.ts';

const errorsQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(365).default(7),
});

const count = {
  name: z.string(),
  attempts: z.int().meta({ description: 'Tries that ended in it; of a tool: its calls.' }),
  steps: z.int().meta({ description: 'Steps that failed of it for good.' }),
  firstSeen: instant,
  lastSeen: instant,
};
const countShape = z.object(count).meta({ id: 'FailureCount' });
const codeShape = z
  .object({ ...count, category: z.string(), severity: z.string() })
  .meta({ id: 'CodeCount' });
const statisticsShape = z
  .object({
    days: z.int(),
    since: instant,
    attempts: z.int(),
    steps: z.int(),
    byCode: z.array(codeShape),
    byCategory: z.array(countShape),
    bySeverity: z.array(countShape),
    byAgent: z.array(countShape),
    byDay: z.array(countShape),
    byTool: z.array(countShape),
  })
  .meta({ id: 'FailureStatistics' });

/** `/v1/errors`: what failed in the last days, by code, category, severity, agent, day and tool. */
export function errorRoutes({ history }: CompleteParts): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/errors',
      summary: 'Counts what failed in the last days.',
      permission: 'runs:read',
      query: errorsQuery,
      answers: { 200: statisticsShape },
      handle: async ({ tenantId, query: { days }, principal }) =>
        ok(await history.failures(tenantId, days, principal)),
    }),
  ];
}
