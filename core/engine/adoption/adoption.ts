import { settledRegistry } from '../../sdk/live-registry.ts';
import { doersIn } from '../../sdk/node.ts';
import type { RecoveryRule } from '../../sdk/recovery.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { StoredBatches } from '../batches/batch-store.ts';
import { compile } from '../graph/compile.ts';
import type { Graph } from '../graph/compiled.ts';
import { createdSeq } from '../journal/entries.ts';
import type { OrphanRow } from '../journal/rows.ts';
import type { Broker } from '../limits/broker.ts';
import { noDay, periodOf, purseName, type SharedPurse, sharedPurse } from '../limits/purse.ts';
import { checkBasis } from '../plan/bound.ts';
import type { RunFacts } from '../run/facts.ts';
import { madeVersions } from '../run/pinned.ts';
import { Run } from '../run/run.ts';
import { familyPurses, sharedScopes } from '../run/run-purses.ts';
import type { HistoryEntry, RunRow, Store } from '../store/store.ts';
import { withAgents } from '../versions/published.ts';
import { checkPins } from './pins.ts';
import { type Recovered, recover } from './recover.ts';

const dayMs = 86_400_000;
/** Graphs that are kept for the next run of their version; those that runs have stay with them. */
const mostGraphs = 256;
/** How long the purses of a day are kept: far longer than a call that names them waits for its permit. */
const keptMs = 7 * dayMs;

/** What runs are taken up with. */
export interface AdoptionParts {
  readonly store: Store;
  /** The engine that takes them up. */
  readonly boot: string;
  readonly registry: Registry;
  /** The workflows that count for a tenant. @default those of the registry */
  readonly published?: (tenantId: number) => Promise<Registry>;
  /** Agents as a run has begun with them, by name and version. @default no run names any that people have made */
  readonly agentsOf?: (
    tenantId: number,
    versions: Readonly<Record<string, number>>,
  ) => Promise<readonly RegisteredAgent[]>;
  readonly broker: Broker;
  /** What a run has in batches. */
  readonly batchesOf?: (run: RunFacts, history: readonly HistoryEntry[]) => Promise<StoredBatches>;
  /** Digest of declarations, models and prices, those of this engine (plan/basis.ts). */
  readonly basis: (registry: Pick<Registry, 'digest'>) => string;
  /** Told of every model call whose engine died. @default nobody is */
  readonly onOrphan?: (orphan: OrphanRow) => void;
  /** The recovery rules in force for an agent. @default nobody takes a step over */
  readonly rulesOf?: (tenantId: number, agent: RegisteredAgent) => readonly RecoveryRule[];
  /** Rises whenever those rules have changed. @default they never do */
  readonly rulesVersion?: () => number;
  /** Micro-USD a day that a tenant's purse of a scope holds. */
  readonly limitOf: (tenantId: number, scope: string) => number;
}

/** Brings claimed runs into memory: the graph that they pin, the state that their journal tells, the purses that pay for them. */
export class Adoption {
  readonly #parts: AdoptionParts;
  /** By what was loaded when they were compiled. */
  #graphs = { registry: null as Registry | null, known: new Map<string, Graph>() };
  #budgetDay = '';
  #rulesVersion = 0;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  /** @throws PLAN_CHANGED · WORKFLOW_INVALID and more when the loaded modules no longer fit the run's workflow · DB_* */
  async adopt(claimed: RunRow, now: number): Promise<{ readonly run: Run } & Recovered> {
    const { store } = this.#parts;
    const { row, keys } = await store.opened(claimed);
    await this.#checkBasis(row);
    const made = await this.#made(row);
    const graph = await this.#graph(row, made);
    const [history, lastSeq] = await Promise.all([
      store.history(row.tenant_id, row.id),
      this.settle(row),
    ]);
    const run = new Run(factsOf(row, history[0]), graph);
    run.keys = keys;
    run.seq = lastSeq;
    // Both after what was reserved is settled: that moves money of steps and of purses.
    const [steps] = await Promise.all([
      store.steps(row.tenant_id, row.id),
      this.#openBudgets(run, now),
    ]);
    const isBatched = steps.open.some(({ wait }) => wait === 'batch');
    const batched = isBatched && (await this.#parts.batchesOf?.(run.facts, history));
    const stored = { history, ...steps, ...(batched && { batched }) };
    const recovered = recover(run, stored, now);
    const { declared: pinned } = row.pins;
    const declared = withAgents(this.#parts.registry, made);
    const moved = checkPins(run, { pinned, history, declared });
    return { run, ...recovered, changes: [...recovered.changes, ...moved] };
  }

  /**
   * Settles what a run's last owner had reserved for model calls whose end nobody will tell; again changes nothing. Returns the number of its
   * last entry, which is final: nobody but this engine adds one.
   */
  async settle(row: RunRow): Promise<number> {
    const { store, boot, onOrphan } = this.#parts;
    const upToSeq = await store.lastSeq(row);
    if (upToSeq <= createdSeq) return upToSeq;
    for (const orphan of await store.settleOrphans(row, { boot, upToSeq })) onOrphan?.(orphan);
    return upToSeq;
  }

  /**
   * Runs that go on past midnight pay from the purses of the new day, and those whose steps may be taken over since from the purses of
   * whoever takes them; what calls wait for is opened, whoever makes them, and purses of long ago are forgotten. Returns whether a day has begun.
   */
  async keepBudgets(runs: Iterable<Run>, now: number): Promise<boolean> {
    const isNewDay = periodOf(now) !== this.#budgetDay;
    const { broker, rulesVersion } = this.#parts;
    for (const name of broker.budget.takeMissing()) await this.#openMissing(name);
    const version = rulesVersion?.() ?? 0;
    if (!isNewDay && version === this.#rulesVersion) return false;
    if (isNewDay) broker.budget.closeBefore(periodOf(now - keptMs));
    // After that: what lasts for more than a day is opened again for those that live.
    for (const run of runs) await this.#openBudgets(run, now);
    this.#budgetDay = periodOf(now);
    this.#rulesVersion = version;
    return isNewDay;
  }

  /** @throws PLAN_CHANGED when it is bound to a plan that was made with other declarations, policies, models or prices */
  async #checkBasis({ tenant_id: tenantId, pins: { plan } }: RunRow): Promise<void> {
    if (!plan) return;
    const { published, basis } = this.#parts;
    const registry = (await published?.(tenantId)) ?? this.#parts.registry;
    checkBasis(plan, () => basis(registry));
  }

  /** The agents that people have made, in the versions that a run keeps. */
  async #made({ tenant_id: tenantId, pins }: RunRow): Promise<readonly RegisteredAgent[]> {
    const versions = madeVersions(pins.declared);
    if (Object.keys(versions).length === 0) return [];
    return (await this.#parts.agentsOf?.(tenantId, versions)) ?? [];
  }

  async #graph(row: RunRow, made: readonly RegisteredAgent[]): Promise<Graph> {
    const agents = made.map((each) => `${each.name}@${each.made?.version}`).join();
    const name = `${row.tenant_id} ${row.workflow} ${row.workflow_version} ${agents}`;
    const { store, published } = this.#parts;
    const registry = settledRegistry(this.#parts.registry);
    if (this.#graphs.registry !== registry) this.#graphs = { registry, known: new Map() };
    const { known: graphs } = this.#graphs;
    const known = graphs.get(name);
    if (known) return known;
    const data = await store.workflowVersion(row.tenant_id, row.workflow, row.workflow_version);
    const workflows = withAgents((await published?.(row.tenant_id)) ?? registry, made);
    const graph = compile(data, workflows.agents, workflows);
    if (graphs.size >= mostGraphs) graphs.delete(graphs.keys().next().value as string);
    graphs.set(name, graph);
    return graph;
  }

  /** Opens the purses of this day and of the next, so that none is missing at midnight. */
  async #openBudgets(run: Run, now: number): Promise<void> {
    const { store, broker } = this.#parts;
    const { tenantId } = run.facts;
    const modules = [...modulesOf(run.graph), ...this.#standInModules(run)];
    const scopes = [...new Set(modules.flatMap((module) => sharedScopes(run, module)))];
    await Promise.all(
      [periodOf(now), periodOf(now + dayMs)].map((period) =>
        this.#openDaily(scopes, { tenantId, period }),
      ),
    );
    const family = familyPurses(run);
    if (family.length === 0) return;
    const opened = await store.openBudgets(tenantId, family, noDay);
    for (const { name, scope, limitMicroUsd } of family)
      broker.budget.open(name, limitMicroUsd, opened.get(scope));
  }

  /** A call waits for it: whoever makes it has been given the step by rules that count no more. */
  async #openMissing(name: string): Promise<void> {
    const purse = sharedPurse(name);
    if (purse) await this.#openDaily([purse.scope], purse);
  }

  async #openDaily(
    scopes: readonly string[],
    { tenantId, period }: Omit<SharedPurse, 'scope'>,
  ): Promise<void> {
    const { store, broker, limitOf } = this.#parts;
    const limits = scopes.map((scope) => ({ scope, limitMicroUsd: limitOf(tenantId, scope) }));
    const opened = await store.openBudgets(tenantId, limits, period);
    for (const [scope, { limitMicroUsd, ...held }] of opened)
      broker.budget.open(purseName({ tenantId, scope, period }), limitMicroUsd, held);
  }

  /** The modules of agents that may take a run's steps over: their purses pay then. */
  #standInModules({ graph, facts }: Run): readonly string[] {
    const { registry, rulesOf } = this.#parts;
    const agents = doersIn(graph.nodes).flatMap((place) =>
      'agent' in place ? (place.made ?? registry.agents.get(place.agent) ?? []) : [],
    );
    const ways = [...new Set(agents)].flatMap((agent) =>
      (rulesOf?.(facts.tenantId, agent) ?? []).flatMap((rule) => rule.ways),
    );
    return ways.flatMap((way) =>
      way.strategy === 'reassign' ? (registry.agents.get(way.to)?.module ?? []) : [],
    );
  }
}

function modulesOf(graph: Graph): readonly string[] {
  return doersIn(graph.nodes).flatMap((place) => ('module' in place ? [place.module] : []));
}

/** The goal that a run's agents are told. */
function goalIn({ goal, pins }: RunRow): Pick<RunFacts, 'goal'> {
  if (!goal || !pins.goal || pins.goal.isInput) return {};
  return { goal: { text: goal, trust: pins.goal.trust } };
}

/** What a run is, by its row and its first entry. */
export function factsOf(row: RunRow, created: HistoryEntry | undefined): RunFacts {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    workflow: row.workflow,
    input: JSON.parse(created?.body ?? '{}'),
    ...goalIn(row),
    ...(row.pins.trust && { trust: row.pins.trust }),
    company: row.company,
    businessDate: row.business_date,
    timeZone: row.time_zone,
    // Where a release that did not tell has made it: its row, which may have been given another one since.
    priority: Number(created?.data.priority ?? row.priority),
    attended: row.pins.attended ?? false,
    rehearsal: row.pins.rehearsal ?? false,
    speed: row.pins.speed ?? 1,
    ...(row.pins.plan && { plan: row.pins.plan }),
    ...(row.pins.depth !== undefined && { depth: row.pins.depth }),
    ...(row.pins.leftMicroUsd !== undefined && { leftMicroUsd: row.pins.leftMicroUsd }),
    ...(row.pins.purses && { purses: row.pins.purses }),
    ...(row.pins.deadlineAt !== undefined && { deadlineAt: Date.parse(row.pins.deadlineAt) }),
    ...(row.pins.delegated && { delegated: row.pins.delegated }),
    ...(row.pins.cause && { cause: row.pins.cause }),
    ...(row.pins.retry && { retry: row.pins.retry }),
    actor: row.actor,
    createdAt: new Date(row.created_at).getTime(),
    // The first version did not say.
    journal: Number(created?.data.journal ?? 1),
  };
}
