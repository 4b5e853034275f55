import { z } from 'zod';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { type AgentDocument, shortName } from '../../sdk/agent-document.ts';
import { typeFrom } from '../../sdk/json-schema.ts';
import { settledRegistry } from '../../sdk/live-registry.ts';
import { agentOf, refuseDuties } from '../../sdk/made-agent.ts';
import { policiesInForce } from '../../sdk/policy/policies-in-force.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import { policyOf } from '../../sdk/policy/policy-document.ts';
import {
  checkToolNodes,
  type RegisteredAgent,
  type RegisteredWorkflow,
  type Registry,
} from '../../sdk/registry.ts';
import { type Definitions, type InForce, isBuiltIn, type StoredVersion } from './definitions.ts';

/** Whose workflows, and which version of one of them by its number. */
export interface Wanted {
  readonly tenantId: number;
  /** @default those that count: published by hand, else of the loaded code */
  readonly version?: { readonly name: string; readonly version: number } | undefined;
}

/**
 * The workflows, agents and policies that count for a tenant: those of the loaded code, and in their place or beside them the versions that
 * somebody has put in force. An agent that no longer fits what is loaded is left out: whoever names it is told. The same versions give the same registry, so that what was checked once is not checked again.
 * @throws WORKFLOW_UNKNOWN when the version that is asked for is not there
 */
export async function publishedRegistry(
  definitions: Definitions,
  loaded: Registry,
  { tenantId, version: asked }: Wanted,
): Promise<Registry> {
  const { workflow, agent: agents, policy } = await definitions.allInForce(tenantId);
  const registry = await byPolicies(definitions, settledRegistry(loaded), { tenantId, policy });
  const { name = '', version = 0 } = asked ?? {};
  if (isBuiltIn(name))
    throw new EngineError('WORKFLOW_UNKNOWN', `'${name.slice(0, 64)}' is not run by anybody.`);
  const named = asked ? [await definitions.version(tenantId, name, version)] : [];
  const others = [...workflow.filter((each) => each.name !== name), ...named].filter(
    (each) => !registry.workflows.get(each.name)?.digest.equals(each.digest),
  );
  if (others.length + agents.length === 0) return registry;
  const key = [...others.map(keyOf), ...agents.map((each) => `agent ${keyOf(each)}`)].join();
  return await overlaid(registry, key, async () => {
    const stored = others.map((each) => definitions.version(tenantId, each.name, each.version));
    const own = await inForceAgents(definitions, registry, { tenantId, agents });
    return withVersions(withAgents(registry, own), (await Promise.all(stored)).map(registered));
  });
}

/** The loaded registry with a tenant's policies in force: what an agent that people have made is judged by. @throws DB_* */
export async function judgingRegistry(
  definitions: Definitions,
  loaded: Registry,
  tenantId: number,
): Promise<Registry> {
  const policy = await definitions.policies.inForce(tenantId);
  return await byPolicies(definitions, settledRegistry(loaded), { tenantId, policy });
}

/** The loaded registry with the policies in force: what is said in its digest, too, so that a plan knows when they have become others. */
async function byPolicies(
  definitions: Definitions,
  registry: Registry,
  { tenantId, policy }: { readonly tenantId: number; readonly policy: readonly InForce[] },
): Promise<Registry> {
  if (policy.length === 0) return registry;
  const key = `policies ${policy.map(keyOf).join()}`;
  return await overlaid(registry, key, async () => {
    const read = policy.map(({ name, version }) =>
      definitions.policies.version(tenantId, name, version),
    );
    return withPolicies(registry, (await Promise.all(read)).map(storedPolicy));
  });
}

/** A stored version of a policy. One that this release cannot read lets nobody do anything. */
export function storedPolicy({
  name,
  version,
  data,
}: Pick<StoredVersion<unknown>, 'name' | 'version' | 'data'>): Policy {
  const nothing: Policy = { kind: 'policy', name, version, grants: [{ autonomy: 'observe' }] };
  return policyOf(version, data) ?? nothing;
}

/** A registry with policies in the place of its own, or beside them. */
function withPolicies(registry: Registry, inForce: readonly Policy[]): Registry {
  const policies = policiesInForce(registry.policies, inForce);
  const digested = digest(registry.digest, policies).toString('hex');
  return Object.freeze({ ...registry, policies, digest: digested });
}

/** What is made of a registry once for each key. */
async function overlaid(
  registry: Registry,
  key: string,
  make: () => Promise<Registry>,
): Promise<Registry> {
  const kept = overlays.get(registry) ?? new Map<string, Registry>();
  overlays.set(registry, kept);
  const known = kept.get(key);
  if (known) return known;
  const made = await make();
  if (kept.size >= mostOverlays) kept.delete(kept.keys().next().value as string);
  kept.set(key, made);
  return made;
}

/** By the code that is loaded and the versions in their place: what has been checked of one is kept with it (submit.ts). */
const overlays = new WeakMap<Registry, Map<string, Registry>>();
const mostOverlays = 64;

/** The agents in force that still fit what is loaded. */
async function inForceAgents(
  definitions: Definitions,
  registry: Registry,
  { tenantId, agents }: { readonly tenantId: number; readonly agents: readonly InForce[] },
): Promise<readonly RegisteredAgent[]> {
  const read = agents.map(async ({ name, version }) => {
    try {
      return [registeredAgent(registry, await definitions.agents.version(tenantId, name, version))];
    } catch (error) {
      if (isEngineError(error) && error.code === 'AGENT_INVALID') return [];
      throw error;
    }
  });
  return (await Promise.all(read)).flat();
}

/** Agents as a run has begun with them, by name and version, in force or not. @throws AGENT_INVALID · AGENT_UNKNOWN · DB_* */
export async function agentsOfVersions(
  definitions: Definitions,
  loaded: Registry,
  {
    tenantId,
    versions,
  }: { readonly tenantId: number; readonly versions: Readonly<Record<string, number>> },
): Promise<readonly RegisteredAgent[]> {
  const registry = await judgingRegistry(definitions, loaded, tenantId);
  const read = Object.entries(versions).map(async ([name, version]) => {
    const stored = await definitions.agents.version(tenantId, shortName(name) ?? name, version);
    return registeredAgent(registry, stored);
  });
  return await Promise.all(read);
}

/** By the code that is loaded, so that a version is one agent in a process: what is known of an agent is kept with it. */
const built = new WeakMap<Registry, Map<string, RegisteredAgent>>();
const mostBuilt = 1_024;

/** A stored version of an agent as if it were declared. @throws AGENT_INVALID when it no longer fits what is loaded */
export function registeredAgent(
  loaded: Registry,
  stored: Pick<StoredVersion<AgentDocument>, 'name' | 'version' | 'digest' | 'data'>,
): RegisteredAgent {
  const registry = settledRegistry(loaded);
  const kept = built.get(registry) ?? new Map<string, RegisteredAgent>();
  built.set(registry, kept);
  const known = kept.get(keyOf(stored));
  if (known) return known;
  const { version, data: document } = stored;
  const made = agentOf({ version, digest: stored.digest.toString('hex'), document }, registry);
  refuseDuties(made, registry.policies);
  if (kept.size >= mostBuilt) kept.delete(kept.keys().next().value as string);
  kept.set(keyOf(stored), made);
  return made;
}

function keyOf({ name, version, digest }: InForce): string {
  return `${name}@${version} ${digest.toString('hex')}`;
}

/** A registry with agents beside its own, in the place of others of their names. */
export function withAgents(registry: Registry, made: readonly RegisteredAgent[]): Registry {
  if (made.length === 0) return registry;
  const agents = new Map(registry.agents);
  for (const each of made) agents.set(each.name, each);
  return Object.freeze({ ...registry, agents });
}

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
  const type = typeFrom(input);
  if (typeof type !== 'string') return type;
  throw new EngineError('WORKFLOW_INVALID', `The input of '${name}' cannot be checked: ${type}.`);
}

/** What a version that a module brought may call is what the module may call today. @throws WORKFLOW_INVALID */
export function checkRights(registry: Registry, { module, data }: RegisteredWorkflow): void {
  if (module !== null) checkToolNodes(data, { ...registry, module });
}
