import { sql } from 'kysely';
import { type Clock, systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Module } from '../../sdk/module.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { StopStore } from '../authority/stop-store.ts';
import type { Actor } from '../run/request.ts';

/** How a module is doing. */
export interface ModuleHealth {
  /** Its code is in this engine. */
  readonly loaded: true;
  /** The widest stop that keeps it from working: `all`, `tenant` or its own; null: none. */
  readonly stoppedBy: string | null;
  /** Steps of its agents that have succeeded or failed in the last 24 hours; those of rehearsals do not count. */
  readonly steps: number;
  readonly failed: number;
  /** The share that failed, 0 to 1; null where there was none. */
  readonly failureRate: number | null;
}

/** A loaded module as people see it. */
export interface ModuleView {
  readonly name: string;
  readonly version: string;
  /** Of what it declares, hex: another one is another module, whatever its version says. */
  readonly digest: string;
  readonly requires: readonly string[];
  /** Entities that it brings. */
  readonly records: readonly string[];
  readonly agents: readonly { readonly name: string; readonly purpose: string }[];
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly effect: string;
  }[];
  readonly workflows: readonly string[];
  readonly policies: readonly string[];
  readonly schedules: readonly string[];
  readonly hooks: readonly string[];
  readonly health: ModuleHealth;
}

/** Who disables or enables which module. */
export interface ModuleAsk {
  readonly tenantId: number;
  readonly name: string;
  readonly actor: Actor;
  readonly reason?: string | undefined;
}

/** What modules are shown with. */
export interface ModuleParts {
  readonly database: Pick<Database, 'rowsOf'>;
  readonly registry: Registry;
  readonly stops: Pick<StopStore, 'list' | 'stop' | 'lift' | 'standing'>;
  readonly clock?: Clock;
}

const dayMs = 86_400_000;

/** The loaded modules: what each brings, how it is doing, and whether it may work. Needs no engine. */
export class Modules {
  readonly #parts: ModuleParts;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  /** In load order. */
  async list(tenantId: number): Promise<readonly ModuleView[]> {
    const [counts, stops] = await Promise.all([
      this.#steps(tenantId),
      this.#parts.stops.list(tenantId),
    ]);
    const standing = stops.map(({ reach }) => reach as string);
    return this.#parts.registry.modules.map((module) => ({
      ...broughtBy(module, this.#parts.registry),
      health: healthOf(module.name, counts.get(module.name), standing),
    }));
  }

  /** @throws MODULE_UNKNOWN */
  async find(tenantId: number, name: string): Promise<ModuleView> {
    this.#known(name);
    const all = await this.list(tenantId);
    return all.find((each) => each.name === name) as ModuleView;
  }

  /** Stops the module for the tenant, as `tutti stop module:NAME` does; one that is disabled stays so. @throws MODULE_UNKNOWN */
  async disable({ tenantId, name, actor, reason }: ModuleAsk): Promise<ModuleView> {
    this.#known(name);
    await this.#parts.stops.stop({ tenantId, reach: `module:${name}`, actor, reason });
    return await this.find(tenantId, name);
  }

  /** Lifts the module's own stop; one of the tenant or of all stays. @throws MODULE_UNKNOWN */
  async enable({ tenantId, name, actor, reason }: ModuleAsk): Promise<ModuleView> {
    this.#known(name);
    const reach = `module:${name}`;
    if (await this.#parts.stops.standing(tenantId, reach))
      await this.#parts.stops.lift({ tenantId, reach, actor, reason });
    return await this.find(tenantId, name);
  }

  /** @throws MODULE_UNKNOWN */
  #known(name: string): void {
    if (this.#parts.registry.modules.some((module) => module.name === name)) return;
    throw new EngineError(
      'MODULE_UNKNOWN',
      `There is no module '${name.slice(0, 64)}'; see: tutti modules`,
    );
  }

  /** Steps of the last 24 hours by module. */
  async #steps(tenantId: number): Promise<ReadonlyMap<string, Counts>> {
    const { clock = systemClock, database } = this.#parts;
    const since = new Date(clock.now() - dayMs);
    const query = sql<Counts & { readonly module: string }>`
      WITH runs AS (SELECT id FROM tutti.run WHERE tenant_id = ${tenantId} AND (ended_at IS NULL OR ended_at >= ${since})
        AND NOT coalesce((pins->>'rehearsal')::boolean, false))
      SELECT split_part(regexp_replace(s.agent, '^tool:', ''), '.', 1) AS module, count(*)::int AS steps, count(*) FILTER (WHERE s.status = 'failed')::int AS failed
      FROM runs JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = runs.id
      WHERE s.agent IS NOT NULL AND s.status IN ('succeeded', 'failed') AND s.ended_at >= ${since} GROUP BY 1`;
    const rows = await database.rowsOf(tenantId, query);
    return new Map(rows.map(({ module, ...counts }) => [module, counts]));
  }
}

type Counts = Pick<ModuleHealth, 'steps' | 'failed'>;

function healthOf(
  name: string,
  { steps, failed }: Counts = { steps: 0, failed: 0 },
  standing: readonly string[],
): ModuleHealth {
  const stoppedBy = ['all', 'tenant', `module:${name}`].find((reach) => standing.includes(reach));
  return {
    loaded: true,
    stoppedBy: stoppedBy ?? null,
    ...{ steps, failed, failureRate: steps === 0 ? null : failed / steps },
  };
}

function broughtBy(module: Module, { workflows }: Registry): Omit<ModuleView, 'health'> {
  const { name, version, requires, records, agents, tools, policies } = module;
  const own = [...workflows.values()].filter((each) => each.module === name);
  return {
    ...{ name, version, digest: digestOf(module), requires },
    records: records.map((entity) => entity.name),
    agents: agents.map((agent) => ({ name: `${name}.${agent.name}`, purpose: agent.purpose })),
    tools: tools.map((tool) => ({
      name: tool.name,
      description: tool.description,
      effect: tool.effect,
    })),
    workflows: own.map(({ data }) => data.name),
    policies: policies.map((policy) => policy.name),
    schedules: module.schedules.map((schedule) => schedule.name),
    hooks: module.hooks.map((hook) => hook.name),
  };
}

/** Of the same that engines compare with their threads. */
function digestOf({ name, version, agents, tools, policies }: Module): string {
  const said = agents.map((agent) => [agent.name, agent.instructions, Object.keys(agent.tools)]);
  const called = tools.map((tool) => [tool.name, tool.effect, tool.description]);
  return digest([name, version, said, called], policies).toString('hex');
}
