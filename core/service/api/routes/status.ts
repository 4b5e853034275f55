import { z } from 'zod';
import type { Metrics } from '../../../base/telemetry/metrics.ts';
import { writeMetrics } from '../../../base/telemetry/open-metrics.ts';
import type { LimitsView } from '../../../engine/limits/limits-view.ts';
import type { StatusReader } from '../../../engine/status.ts';
import type { MachinesHealth } from '../../../ports/dispatcher.ts';
import { isAllowed } from '../../identity/principal.ts';
import { wholeReach } from '../reach.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { microUsd } from '../shapes.ts';

/** What the routes of status and metrics speak for. */
export interface StatusParts {
  readonly status?: StatusReader | undefined;
  readonly metrics?: Metrics | undefined;
  /** How much of its limits each model has used. @default unknown */
  readonly limits?: ((tenantId: number) => LimitsView | Promise<LimitsView>) | undefined;
  /** The pool of MCP sessions of this process, and the agents that there are. @default there are none */
  readonly pool?: (() => PoolStatus) | undefined;
}

/** What this process's pool has done since it began. */
export interface PoolStatus {
  readonly profiles: readonly {
    readonly serverName: string;
    readonly modelKey: string;
    readonly policyId: string;
    readonly usageCount: number;
    readonly running: number;
  }[];
  /** Agents that can be run. */
  readonly totalAgents: number;
  /** Worker threads: those that there should be now, between two bounds, that take work, and that were given up. */
  readonly lanes: {
    readonly wanted: number;
    readonly least: number;
    readonly most: number;
    readonly ready: number;
    readonly zombies: number;
    /** Processes of agents that are kept apart. */
    readonly apart: number;
  };
  /** Other machines. @default nothing listens for any */
  readonly machines?: MachinesHealth | undefined;
}

const milliseconds = z.number().nullable().meta({ description: 'Milliseconds; null: none.' });
const machinesShape = z.object({
  port: z.int().meta({ description: 'Where the engine listens for them.' }),
  lanes: z.array(
    z.object({
      machine: z.string().meta({ description: 'The name in its certificate.' }),
      pools: z.array(z.string()),
      isReady: z.boolean(),
      running: z.int(),
    }),
  ),
  waiting: z.record(z.string(), z.int()),
});
const statusShape = z
  .object({
    at: z.iso.datetime(),
    since: z.iso.datetime(),
    version: z.string(),
    engine: z.object({
      running: z.boolean(),
      alive: z.int().meta({ description: 'Engines whose lease holds.' }),
      versions: z.array(z.string()),
      modules: z
        .array(
          z.object({
            engine: z.string(),
            name: z.string(),
            state: z.enum(['loaded', 'leaving', 'failed']),
          }),
        )
        .meta({ description: 'Modules that were loaded while Tutti ran, by engine.' }),
      totalWorkflows: z.int(),
    }),
    workflows: z.object({
      started: z.int(),
      completed: z.int(),
      partial: z.int(),
      failed: z.int(),
      cancelled: z.int(),
      successRate: z.number().nullable().meta({
        description: 'Completed of those that completed, ended in part or failed, 0 to 1.',
      }),
      open: z.int(),
    }),
    agents: z.object({
      executed: z
        .int()
        .meta({ description: 'Tries that ended, lost and cancelled ones left out.' }),
      failed: z.int(),
      avgExecutionTimeMs: milliseconds,
      retried: z.int(),
    }),
    rateLimiting: z.object({
      totalRequests: z.int(),
      totalTokens: z.int(),
      avgWaitMs: milliseconds,
    }),
    costTracking: z.object({ totalCostMicroUsd: microUsd, totalTokens: z.int() }),
    models: z.array(
      z.object({ model: z.string(), rpmUsed: z.int().nullable(), rpmLimit: z.int().nullable() }),
    ),
    pool: z
      .object({
        profiles: z.array(
          z.object({
            serverName: z.string(),
            modelKey: z.string(),
            policyId: z.string(),
            usageCount: z.int(),
            running: z.int(),
          }),
        ),
        totalAgents: z.int(),
        lanes: z.object({
          wanted: z.int(),
          least: z.int(),
          most: z.int(),
          ready: z.int(),
          zombies: z.int(),
          apart: z.int(),
        }),
        machines: machinesShape
          .optional()
          .meta({ description: 'Lanes on other machines, and steps that wait for one, by pool.' }),
      })
      .meta({ description: 'Of the process that answers, since it began.' }),
    queue: z.object({ ready: z.int(), running: z.int(), waiting: z.int() }),
    people: z.object({
      openApprovals: z.int(),
      approvalsByModule: z
        .array(z.object({ module: z.string().nullable(), count: z.int() }))
        .meta({ description: 'The open approvals by the module that asks, the most first.' }),
      effectsInReview: z.int(),
    }),
    database: z.object({ version: z.string(), answeredMs: z.int() }),
    usage: z.array(z.object({ agent: z.string(), usageCount: z.int() })),
  })
  .meta({ id: 'Status' });

const statusQuery = z.strictObject({
  since: z.iso.datetime({ offset: true }).optional().meta({
    description: 'Since when it counts; a day ago where nobody says.',
  }),
});

const dayMs = 86_400_000;
const noPool: PoolStatus = {
  profiles: [],
  totalAgents: 0,
  lanes: { wanted: 0, least: 0, most: 0, ready: 0, zombies: 0, apart: 0 },
};

/** `/v1/status`: how the installation is. `/metrics`: the same for a monitoring system, of this process, all tenants together. */
export function statusRoutes({ status, metrics, limits, pool }: StatusParts): readonly Route[] {
  return [
    ...(status ? [statusRoute({ status, limits, pool })] : []),
    ...(metrics ? [metricsRoute(metrics)] : []),
  ];
}

function statusRoute({
  status,
  limits,
  pool,
}: StatusParts & { readonly status: StatusReader }): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/status',
    summary: 'Tells how the installation is, and what it has done in a period.',
    permission: 'status:read',
    query: statusQuery,
    answers: { 200: statusShape },
    handle: async ({ tenantId, query, principal: sight }) => {
      const now = new Date();
      const since = query.since ? new Date(query.since) : new Date(now.getTime() - dayMs);
      const view = await status.read(tenantId, { since, now, sight });
      // Limits are of all modules and companies together, and so is what is used of them.
      const seesAll = isAllowed(sight, 'status:read', wholeReach);
      const models = (seesAll && (await limits?.(tenantId))?.models) || [];
      const { engine } = view;
      const modules = engine.modules.filter(({ name: module }) =>
        isAllowed(sight, 'status:read', { module }),
      );
      return ok({
        ...view,
        engine: { ...engine, modules },
        models: models.map(({ model, rpmUsed, rpmLimit }) => ({ model, rpmUsed, rpmLimit })),
        pool: pool?.() ?? noPool,
      });
    },
  });
}

function metricsRoute(metrics: Metrics): Route {
  return defineRoute({
    method: 'get',
    path: '/metrics',
    summary: 'Shows the metrics of this process, as Prometheus reads them.',
    permission: 'metrics:read',
    answers: { 200: { type: 'text/plain' } },
    handle: async ({ request, response }) => {
      const page = writeMetrics(await metrics.collect(), request.get('accept'));
      response.set('Content-Type', page.type).send(page.text);
      return undefined;
    },
  });
}
