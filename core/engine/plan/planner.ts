import { sql } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import { digest, newId } from '../../base/ids.ts';
import type { Config } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import { journalVersion } from '../../ports/db/journal-version.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import type { ModelTarget } from '../../ports/models/model.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { Registry } from '../../sdk/registry.ts';
import { planBatches } from '../batches/planned.ts';
import { compile } from '../graph/compile.ts';
import { Broker } from '../limits/broker.ts';
import type { Budgets } from '../limits/budgets.ts';
import type { McpCallParts } from '../loop/mcp-calls.ts';
import type { RunFacts } from '../run/facts.ts';
import type { Goal } from '../run/goal.ts';
import { goalOf, type RunRequest } from '../run/request.ts';
import { Run } from '../run/run.ts';
import { pathOf } from '../run/step.ts';
import { checkRequest } from '../submit.ts';
import { basisDigest } from './basis.ts';
import { type BoundPlan, planChanged } from './bound.ts';
import { foresee } from './foresee.ts';
import { readLearned } from './learned.ts';
import { addUp, type Plan } from './plan.ts';
import { PlanThreads, type PlanThreadsParts } from './plan-threads.ts';
import { freeToday, Purses } from './purses.ts';
import { givenUp, Walk, type Walked } from './walk.ts';
import { workOf } from './work.ts';

/** What a planner works with. */
export interface PlannerParts {
  readonly database: Pick<Database, 'rowsOf'>;
  readonly registry: Registry;
  /** The workflows that a request may run. @default those of the registry */
  readonly published?: (request: PlanRequest) => Promise<Registry>;
  readonly config: Config;
  /** What agents call, or would. */
  readonly profiles: Profiles;
  /** The ERP of a tenant. */
  readonly connector: (tenantId: number) => Connector;
  readonly budgets: Pick<Budgets, 'list'>;
  /** Whether a model's provider has batches. @default none has */
  readonly hasBatches?: (target: ModelTarget) => boolean;
  /** The MCP servers, for what only reads. @default none can be reached */
  readonly mcp?: McpCallParts['mcp'] | undefined;
  /** Threads of plans alone. */
  readonly threads: Omit<PlanThreadsParts, 'clock'>;
  readonly clock: Clock;
}

/** What is to be planned. */
export type PlanRequest = Pick<
  RunRequest,
  | 'tenantId'
  | 'workflow'
  | 'version'
  | 'input'
  | 'goal'
  | 'company'
  | 'businessDate'
  | 'timeZone'
  | 'speed'
>;

interface Planned {
  readonly run: Run;
  readonly walked: Walked;
  readonly hash: string;
  /** Of what it was made with (basis.ts). */
  readonly basis: string;
  readonly free: ReadonlyMap<string, number>;
}

/** Says what a run would do, cost and take, by going through it without a model and without storing anything. */
export class Planner {
  readonly #parts: PlannerParts;
  readonly #threads: PlanThreads;
  /** One at a time: a plan keeps all of its threads busy. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    this.#threads = new PlanThreads({ ...parts.threads, clock: parts.clock });
  }

  /** @throws WORKFLOW_UNKNOWN · INPUT_INVALID · WORKFLOW_INVALID · ERP_* · DB_* · CANCELLED */
  plan(request: PlanRequest, signal: AbortSignal): Promise<Plan> {
    return this.#alone(async () => {
      const { run, walked, hash, free } = await this.#walk(request, signal);
      const { config, profiles } = this.#parts;
      const learned = await readLearned(this.#parts.database, request.tenantId);
      const broker = this.#broker();
      const modelOf: Parameters<typeof addUp>[0]['modelOf'] = ({ registered }) =>
        broker.modelOf(registered.agent.model ?? 'standard');
      const { hasBatches = () => false } = this.#parts;
      const work = planBatches(workOf(walked, { learned, modelOf, broker }), {
        ...{ run, config: config.batches, profiles, prices: config.prices ?? {}, hasBatches },
        learnedMs: (model) => learned.batchMs(model),
      });
      const forecast = foresee(
        { run, work, modelOf, speed: request.speed ?? 1 },
        { config, profiles },
      );
      return addUp({ run, work, forecast, learned, modelOf, free, hash });
    });
  }

  /**
   * A request that is bound to a plan: the run is gone through again, and has to come to the same. One whose key has a run
   * already is returned as it is, since it will get that run.
   * @throws PLAN_CHANGED when it comes to something else · what `plan` throws
   */
  bind(request: RunRequest, hash: string, signal: AbortSignal): Promise<RunRequest> {
    return this.#alone(async () => {
      if (await this.#isKnown(request)) return request;
      const planned = await this.#walk(request, signal);
      if (planned.hash !== hash)
        throw planChanged(hash, `the same run would now be the plan ${planned.hash}`);
      const plan: BoundPlan = { hash, basis: planned.basis, nodes: planned.walked.nodes };
      return { ...request, plan };
    });
  }

  /** Ends its threads, and the plan that they make. */
  close(): Promise<void> {
    return this.#threads.close();
  }

  async #isKnown({ tenantId, workflow, key }: RunRequest): Promise<boolean> {
    if (key === undefined) return false;
    const query = sql`SELECT 1 FROM tutti.run WHERE tenant_id = ${tenantId} AND workflow = ${workflow} AND key = ${key}`;
    const rows = await this.#parts.database.rowsOf(tenantId, query);
    return rows.length > 0;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #walk(request: PlanRequest, signal: AbortSignal): Promise<Planned> {
    const { clock, budgets } = this.#parts;
    if (signal.aborted) throw givenUp();
    const registry = (await this.#parts.published?.(request)) ?? this.#parts.registry;
    const { registered, input } = checkRequest(registry, request);
    const graph = compile(registered.data, registry.agents, registry);
    const now = clock.now();
    const goal = goalOf({ ...request, actor: planner }, registered.data.goal);
    const run = new Run(factsOf({ ...request, input }, { now, goal }), graph);
    const free = await freeToday(budgets, request.tenantId);
    const purses = new Purses(run, { broker: this.#broker(), free, now });
    const connector = this.#parts.connector(request.tenantId);
    const { mcp } = this.#parts;
    const parts = { run, registry, connector, purses, clock, ...(mcp && { mcp }) };
    const walked = await this.#threads.walk((lent) => new Walk({ ...parts, ...lent }), signal);
    const basis = this.#basis(registry);
    const workflow = registered.digest.toString('hex');
    return { run, walked, hash: hashOf(run, walked, { workflow, basis }), basis, free };
  }

  #basis(registry: Pick<Registry, 'digest'>): string {
    const { profiles, config } = this.#parts;
    return basisDigest({ registry, profiles, prices: config.prices ?? {} });
  }

  /** Without gates: what is asked here takes no time. */
  #broker(): Broker {
    const { profiles, config, clock } = this.#parts;
    return new Broker({ profiles, limits: {}, prices: config.prices ?? {}, clock });
  }
}

/** What a plan rests on: what is to run, on which input and day, with which agents and models, and each step with its input. */
function hashOf(
  { facts }: Run,
  { visits, nodes }: Walked,
  versions: { readonly workflow: string; readonly basis: string },
): string {
  const { workflow, input, goal, company, businessDate } = facts;
  const steps = visits
    .map(({ step, registered, input: of }) => [pathOf(step), registered.name, of])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const facet = { workflow, input, ...(goal && { goal: goal.text }), company, businessDate };
  return digest('plan 1', versions, facet, nodes, steps).toString('hex');
}

/** Whoever goes through a plan's run. */
const planner: RunRequest['actor'] = { kind: 'person', id: 'plan' };

function factsOf(
  request: PlanRequest,
  { now, goal }: { readonly now: number; readonly goal: Goal | null },
): RunFacts {
  const { tenantId, workflow, input, company = null, businessDate, timeZone } = request;
  return {
    ...{ tenantId, workflow, input, company, businessDate, timeZone },
    id: newId(),
    priority: 5,
    attended: false,
    rehearsal: true,
    actor: planner,
    ...(goal && { goal }),
    createdAt: now,
    journal: journalVersion,
  };
}
