import type { Registry } from '../../sdk/registry.ts';
import { compile } from '../graph/compile.ts';
import type { Graph } from '../graph/compiled.ts';
import { partOf } from '../graph/part.ts';
import { madeVersions } from '../run/pinned.ts';
import type { RunRow, Store } from '../store/store.ts';
import { agentsOfVersions, publishedRegistry, withAgents } from '../versions/published.ts';

/** Where workflows and agents are found. */
export interface GraphParts {
  readonly store: Store;
  readonly registry: Registry;
}

/**
 * The graph that a run keeps, by its version of the workflow and of agents that people have made, and the agents in it. `of`: only the part of
 * it that tells of one node (`partOf`).
 * @throws WORKFLOW_UNKNOWN · WORKFLOW_INVALID · EXPRESSION_INVALID · AGENT_INVALID where what is loaded no longer fits · DB_*
 */
export async function keptGraph(
  { store, registry }: GraphParts,
  row: Pick<RunRow, 'tenant_id' | 'workflow' | 'workflow_version' | 'pins'>,
  of?: string,
): Promise<{ readonly graph: Graph; readonly agents: Registry['agents'] }> {
  const { tenant_id: tenantId, workflow, workflow_version: version, pins } = row;
  const data = await store.workflowVersion(tenantId, workflow, version);
  const versions = madeVersions(pins.declared);
  const isAnyMade = Object.keys(versions).length > 0;
  const made = isAnyMade
    ? await agentsOfVersions(store.definitions, registry, { tenantId, versions })
    : [];
  const published = await publishedRegistry(store.definitions, registry, { tenantId });
  const loaded = withAgents(published, made);
  const kept = of === undefined ? data : partOf(data, of);
  return { graph: compile(kept, loaded.agents, loaded), agents: loaded.agents };
}
