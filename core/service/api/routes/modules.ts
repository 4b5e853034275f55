import { z } from 'zod';
import type { ModuleAsk, Modules } from '../../../engine/modules/modules.ts';
import type { CompleteParts } from '../parts.ts';
import { withinReach } from '../reach.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';
import { moduleLoadShape } from './module-loads.ts';

const reasonBody = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .max(2_000)
      .optional()
      .meta({ description: 'For the record, and for whoever is kept from working.' }),
  })
  .optional();
const moduleShape = z
  .object({
    name: z.string(),
    version: z.string(),
    digest: z.string().meta({ description: 'Of what it declares, hex.' }),
    requires: z.array(z.string()),
    records: z.array(z.string()).meta({ description: 'Entities that it brings.' }),
    agents: z.array(z.object({ name: z.string(), purpose: z.string() })),
    tools: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        effect: z.enum(['read', 'propose', 'write', 'send']),
      }),
    ),
    workflows: z.array(z.string()),
    policies: z.array(z.string()),
    schedules: z.array(z.string()),
    hooks: z.array(z.string()),
    health: z.object({
      loaded: z.literal(true).meta({ description: 'Its code is in this engine.' }),
      stoppedBy: z
        .string()
        .nullable()
        .meta({ description: 'The widest stop that keeps it from working.' }),
      steps: z.int().meta({ description: 'Of its agents, ended in the last 24 hours.' }),
      failed: z.int(),
      failureRate: z
        .number()
        .nullable()
        .meta({ description: 'The share that failed, 0 to 1; null where there was none.' }),
    }),
  })
  .meta({ id: 'Module' });
const modulesShape = listOf(moduleShape).extend({
  workflows: z
    .array(z.object({ name: z.string(), module: z.string().nullable() }))
    .meta({ description: 'All of them, those across modules included.' }),
  loads: z
    .array(moduleLoadShape)
    .meta({ description: 'Modules that were loaded while Tutti ran, or taken away.' }),
});

/** `/v1/modules`: what is loaded, what each module brings, how it is doing, and whether it may work. */
export function moduleRoutes(
  { registry, moduleDesk }: Pick<CompleteParts, 'registry' | 'moduleDesk'>,
  modules: Modules,
): readonly Route[] {
  const permission = 'agents:read';
  return [
    defineRoute({
      method: 'get',
      path: '/v1/modules',
      summary: 'Lists the loaded modules with what they bring and how they are doing.',
      description:
        'Those that the configuration names are changed by a restart; others are loaded and taken away while Tutti runs: see `loads`.',
      permission,
      answers: { 200: modulesShape },
      handle: async ({ tenantId, principal }) => {
        const reader = { principal, permission } as const;
        const items = withinReach(await modules.list(tenantId), reader, ({ name }) => ({
          module: name,
        }));
        const workflows = [...registry.workflows.values()].map(({ module, data: { name } }) => ({
          name,
          module,
        }));
        const seen = withinReach(workflows, reader, ({ module }) => ({ module }));
        const loads = withinReach((await moduleDesk?.list()) ?? [], reader, ({ name }) => ({
          module: name,
        }));
        return ok({ items, workflows: seen, loads, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/modules/:name',
      summary: 'Shows a loaded module with what it brings and how it is doing.',
      permission,
      answers: { 200: moduleShape },
      errors: ['MODULE_UNKNOWN'],
      handle: async ({ tenantId, params: { name }, demand }) => {
        demand({ module: name });
        return ok(await modules.find(tenantId, name));
      },
    }),
    switchRoute(modules, 'disable'),
    switchRoute(modules, 'enable'),
  ];
}

function switchRoute(modules: Modules, way: 'disable' | 'enable'): Route {
  const turn = {
    disable: {
      summary: 'Keeps a module from working, within a second and on every engine.',
      description:
        'The same as a stop of `module:NAME`: nothing of it starts or writes. Its code stays loaded.',
      further: 'authority:stop',
    },
    enable: {
      summary: 'Lets a module work again: what waited goes on.',
      description: 'Lifts the stop of `module:NAME`; a stop of the tenant or of all stays.',
      further: 'authority:lift',
    },
  } as const;
  const { summary, description, further } = turn[way];
  return defineRoute({
    method: 'post',
    path: `/v1/modules/:name/${way}`,
    ...{ summary, description, permission: 'agents:write' },
    body: reasonBody,
    answers: { 200: moduleShape },
    errors: ['MODULE_UNKNOWN'],
    handle: async ({ tenantId, actor, params: { name }, body, demand }) => {
      // It stops the work of every company.
      demand({ module: name, company: null }, further);
      const ask: ModuleAsk = { tenantId, name, actor, reason: body?.reason };
      return ok(await modules[way](ask));
    },
  });
}
