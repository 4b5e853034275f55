import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { checkToolNodes, type RegisteredWorkflow, type Registry } from '../../sdk/registry.ts';
import { type Definitions, isBuiltIn, type StoredVersion } from './definitions.ts';

/** Whose workflows, and which version of one of them by its number. */
export interface Wanted {
  readonly tenantId: number;
  /** @default those that count: published by hand, else of the loaded code */
  readonly version?: { readonly name: string; readonly version: number } | undefined;
}

/**
 * The workflows that count for a tenant: those of the loaded code, and in their place or beside them the versions that somebody has put
 * in force. The same versions give the same registry, so that what was checked once is not checked again.
 * @throws WORKFLOW_UNKNOWN when the version that is asked for is not there
 */
export async function publishedRegistry(
  definitions: Definitions,
  registry: Registry,
  { tenantId, version: asked }: Wanted,
): Promise<Registry> {
  const inForce = await definitions.inForce(tenantId);
  const { name = '', version = 0 } = asked ?? {};
  if (isBuiltIn(name))
    throw new EngineError('WORKFLOW_UNKNOWN', `'${name.slice(0, 64)}' is not run by anybody.`);
  const named = asked ? [await definitions.version(tenantId, name, version)] : [];
  const others = [...inForce.filter((each) => each.name !== name), ...named].filter(
    (each) => !registry.workflows.get(each.name)?.digest.equals(each.digest),
  );
  if (others.length === 0) return registry;
  const kept = overlays.get(registry) ?? new Map<string, Registry>();
  overlays.set(registry, kept);
  const key = others.map((each) => `${each.name} ${each.digest.toString('hex')}`).join();
  const known = kept.get(key);
  if (known) return known;
  const stored = others.map((each) => definitions.version(tenantId, each.name, each.version));
  const made = withVersions(registry, (await Promise.all(stored)).map(registered));
  if (kept.size >= mostOverlays) kept.delete(kept.keys().next().value as string);
  kept.set(key, made);
  return made;
}

/** By the code that is loaded and the versions in their place: what has been checked of one is kept with it (submit.ts). */
const overlays = new WeakMap<Registry, Map<string, Registry>>();
const mostOverlays = 16;

/** A registry with other versions in the place of its own, or beside them. */
export function withVersions(
  registry: Registry,
  versions: readonly RegisteredWorkflow[],
): Registry {
  const workflows = new Map(registry.workflows);
  for (const each of versions) workflows.set(each.data.name, each);
  return Object.freeze({ ...registry, workflows });
}

/** A stored version as if it were declared: its input is what its JSON Schema says. */
export function registered({
  data,
  digest,
  module,
}: Pick<StoredVersion, 'data' | 'digest' | 'module'>): RegisteredWorkflow {
  return {
    module,
    data,
    digest,
    workflow: Object.freeze({
      kind: 'workflow' as const,
      name: data.name,
      get input() {
        return inputSchema(data);
      },
      record: () => data,
    }),
  };
}

/** @throws WORKFLOW_INVALID when this release cannot read the schema */
function inputSchema({ name, input }: RegisteredWorkflow['data']): z.ZodType {
  if (input === undefined) return z.unknown();
  try {
    return z.fromJSONSchema({ ...input });
  } catch (error) {
    const why = (error as Error).message.slice(0, 200);
    throw new EngineError('WORKFLOW_INVALID', `The input of '${name}' cannot be checked: ${why}.`);
  }
}

/** What a version that a module brought may call is what the module may call today. @throws WORKFLOW_INVALID */
export function checkRights(registry: Registry, { module, data }: RegisteredWorkflow): void {
  if (module !== null) checkToolNodes(data, { ...registry, module });
}
