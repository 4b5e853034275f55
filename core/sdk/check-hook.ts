import { z } from 'zod';
import type { AnyEntity } from './entity.ts';
import { goalSchema } from './goal.ts';
import type { Hook } from './hook.ts';
import type { Module } from './module.ts';

/** A hook as the engine knows it. */
export interface RegisteredHook {
  /** `module.hook` */
  readonly name: string;
  readonly module: string;
  readonly hook: Hook;
}

const cel = z.strictObject({ cel: z.string().min(1) });

/** The fields of a hook. */
export const hookSchema = z
  .strictObject({
    kind: z.literal('hook'),
    name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case'),
    about: z.string().min(1),
    entity: z.string().min(1).nullable(),
    types: z.array(z.string().min(1).max(500)),
    when: cel.nullable(),
    edge: z.literal('becomes').nullable(),
    debounceMs: z.int().min(0).max(86_400_000),
    coalesce: z.enum(['record', 'never']),
    workflow: z.string({ error: 'must be a workflow' }).min(1),
    input: z.unknown(),
    goal: goalSchema.nullable(),
    priority: z.int().min(1).max(10),
    company: z.union([cel, z.string().min(1)]).nullable(),
  })
  .refine(({ entity, types }) => entity !== null || types.length > 0, {
    path: ['entity'],
    message: 'or types must say what the hook listens to',
  })
  .refine(({ edge, when, entity }) => edge === null || (when !== null && entity !== null), {
    path: ['edge'],
    message: "'becomes' needs an entity and a condition, when",
  });

/**
 * The hooks of modules by `module.hook`, each with the entity and the workflow that it names.
 * @throws what `fault` makes of a hook that names what is not loaded, or whose name is taken
 */
export function recordHooks(
  modules: readonly Module[],
  known: {
    readonly entities: ReadonlyMap<string, AnyEntity>;
    readonly workflows: ReadonlyMap<string, unknown>;
  },
  fault: (module: string, where: string, what: string) => Error,
): ReadonlyMap<string, RegisteredHook> {
  const hooks = new Map<string, RegisteredHook>();
  for (const { name: module, hooks: declared } of modules) {
    for (const hook of declared) {
      const name = `${module}.${hook.name}`;
      const where = `hook '${hook.name}'`;
      if (hooks.has(name)) throw fault(module, where, 'is declared twice; names are unique.');
      if (hook.entity !== null && !known.entities.has(hook.entity))
        throw fault(module, where, `listens to '${hook.entity}', which no loaded module declares.`);
      if (!known.workflows.has(hook.workflow))
        throw fault(
          module,
          where,
          `starts '${hook.workflow}', which is no loaded workflow; list it in the module's workflows.`,
        );
      hooks.set(name, { name, module, hook });
    }
  }
  return hooks;
}
