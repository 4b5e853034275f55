import { z } from 'zod';
import type { ModuleDesk } from '../../../engine/modules/module-desk.ts';
import { accepted, defineRoute, type Route } from '../route.ts';
import { actorShape, instant } from '../shapes.ts';

const loadBody = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/)
    .meta({ description: 'One that the configuration names in `loadable`.' }),
});
const generation = z.int().meta({ description: 'Rises with each load.' });
/** A module that was loaded while Tutti ran. */
export const moduleLoadShape = z
  .object({
    name: z.string(),
    generation,
    version: z.string(),
    code: z.string().meta({ description: 'SHA-256 of the files that were checked, hex.' }),
    wanted: z.boolean().meta({ description: 'Whether it is to be loaded.' }),
    actor: actorShape.meta({ description: 'Who loaded it or took it away.' }),
    at: instant,
    engines: z
      .array(
        z.object({
          id: z.string(),
          host: z.string(),
          generation,
          state: z.enum(['loaded', 'leaving', 'failed']),
          code: z.string().nullable(),
          error: z.object({ code: z.string(), message: z.string() }).nullable(),
        }),
      )
      .meta({ description: 'What each engine that is alive has made of it.' }),
  })
  .meta({ id: 'ModuleLoad' });

const loadErrors = [
  'MODULE_NOT_LOADABLE',
  'MODULE_CONFIGURED',
  'MODULE_INVALID',
  'MODULE_NEEDED',
  'WORKFLOW_INVALID',
] as const;

/** `/v1/modules`: loading modules and taking them away, on all engines of the installation. */
export function moduleLoadRoutes(desk: ModuleDesk): readonly Route[] {
  const permission = 'tenants:write';
  const at = (name: string): string => `/v1/modules/${name}`;
  return [
    defineRoute({
      method: 'post',
      path: '/v1/modules',
      summary: 'Loads a module, on every engine within a second.',
      description:
        'Only one that the configuration names in `loadable`: code comes from there and from nowhere else. It is checked as at a start, away from everything that runs; what is wrong is said, and nothing of it stands. One that is loaded with the same files stays as it is; with changed files it goes, once its runs have ended, and comes again.',
      permission,
      body: loadBody,
      answers: { 202: moduleLoadShape },
      errors: loadErrors,
      handle: async ({ body: { name }, actor, demand }) => {
        demand({ module: name, company: null });
        return accepted(at(name), await desk.load({ name, actor }));
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/modules/:name',
      summary: 'Takes a module away that was loaded while Tutti ran, on every engine.',
      description:
        'Nothing more of it starts. What runs goes on to its end; then its agents, tools and workflows are gone. Runs of it that no engine has taken up wait until it is loaded again; what is stored stays readable.',
      permission,
      answers: { 202: moduleLoadShape },
      errors: ['MODULE_UNKNOWN', 'MODULE_CONFIGURED', 'MODULE_NEEDED'],
      handle: async ({ params: { name }, actor, demand }) => {
        demand({ module: name, company: null });
        return accepted(at(name), await desk.unload({ name, actor }));
      },
    }),
  ];
}
