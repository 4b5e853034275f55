import type pg from 'pg';
import { type Clock, systemClock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { EngineError, isEngineError, toErrorData } from '../base/errors.ts';
import type { Config } from '../ports/config.ts';
import type { Database } from '../ports/db/database.ts';
import type { Dispatcher } from '../ports/dispatcher.ts';
import type { Connector } from '../ports/erp/connector.ts';
import { wireFilter } from '../ports/erp/records.ts';
import type { Profiles } from '../ports/models/profiles.ts';
import type { Registry } from '../sdk/registry.ts';
import { compile, type Graph } from './graph/compile.ts';
import { Broker } from './limits/broker.ts';
import { periodOf, purseName } from './limits/purse.ts';
import { Journal, journalSettings } from './run/journal.ts';
import { Lease } from './run/lease.ts';
import { RunLoop, type Startable } from './run/loop.ts';
import { recover } from './run/recover.ts';
import type { Change } from './run/rows.ts';
import { Run, type RunFacts } from './run/run.ts';
import { checkStates, type RunStatus } from './run/states.ts';
import type { Container } from './run/step.ts';
import { type RunRequest, type RunRow, Store } from './run/store.ts';
import { sharedScopes } from './run/turns.ts';
import { Scheduler } from './schedule/scheduler.ts';

/** What an engine is made of. */
export interface EngineParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly config: Config;
  readonly dispatcher: Dispatcher;
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  /** The ERP of a tenant. */
  readonly connector: (tenantId: number) => Connector;
  readonly clock?: Clock;
  readonly version: string;
  /** Told once when the engine cannot go on; it has stopped by then. */
  readonly onFailure?: (error: EngineError) => void;
}

/** How many rows of a query a foreach takes; more is an error of its node. */
const largestForeach = 50_000;
const reconcileMs = 1_000;
const dayMs = 86_400_000;
const runsAtOnce = 64;

/** One engine: one process, holder of a lease, owner of the runs that it claims. */
export class Engine {
  readonly #parts: EngineParts;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #pool: pg.Pool;
  readonly #lease: Lease;
  readonly #broker: Broker;
  readonly #graphs = new Map<string, Graph>();
  readonly #waiters = new Map<string, PromiseWithResolvers<RunStatus>>();
  readonly #followers = new Set<(runIds: ReadonlySet<string>) => void>();
  #journalClient: pg.Client | null = null;
  #journal: Journal | null = null;
  #loop: RunLoop | null = null;
  #cancelTimer: () => void = () => {};
  #partitionedAt = 0;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #claiming: Promise<void> = Promise.resolve();
  #budgetDay = '';

  constructor(parts: EngineParts) {
    checkStates();
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#partitionedAt = this.#clock.now();
    this.#pool = parts.database.pool('tutti_engine', 4);
    this.#store = new Store(this.#pool);
    this.#lease = new Lease(this.#pool, parts.version);
    this.#broker = new Broker({
      profiles: parts.profiles,
      limits: parts.config.modelLimits ?? {},
      prices: parts.config.prices ?? {},
      clock: this.#clock,
    });
  }

  get store(): Store {
    return this.#store;
  }

  /** Whether it holds its lease and records. */
  get isReady(): boolean {
    return this.#state === 'running';
  }

  /** Takes the lease, opens the lanes and begins to claim runs. */
  async start(): Promise<void> {
    const { database, config, dispatcher, registry } = this.#parts;
    await this.#lease.take();
    this.#journalClient = await database.connect('tutti_engine');
    await this.#journalClient.query(journalSettings);
    this.#journal = new Journal(this.#journalClient, this.#lease.boot, {
      failed: (error) => this.#fail(error),
      rejected: (change, error) => this.#loop?.rejected(change, error),
      committed: (changes) => this.#appended(changes),
    });
    const limits = config.limits ?? {};
    this.#loop = new RunLoop({
      journal: this.#journal,
      store: this.#store,
      scheduler: new Scheduler<Startable>({
        running: limits.running ?? 256,
        perRun: limits.perRun ?? 256,
        perModule: limits.perModule ?? 128,
      }),
      broker: this.#broker,
      dispatcher,
      registry,
      clock: this.#clock,
      itemsOf: (run, container) => this.#itemsOf(run, container),
      onEnd: (run, status) => this.#ended(run.facts.id, status),
    });
    await dispatcher.start(this.#loop.dispatchEvents, this.#lease.clock);
    this.#state = 'running';
    this.#reconcile();
  }

  /** Stores a run and takes it up. The same key again returns the run that it has. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · KEY_REUSED */
  async startRun(request: RunRequest): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const created = await submitRun(this.#store, this.#parts.registry, request);
    await this.#claim();
    return created;
  }

  /** Asks a run to end; its owner does it. */
  async cancel(tenantId: number, runId: string, actor: RunRequest['actor']): Promise<void> {
    await this.#store.send({ tenantId, runId, kind: 'cancel', dedupe: 'cancel', actor });
    await this.#readInbox();
  }

  /** Resolves with the final status of a run that this engine owns. @throws what ended the engine before the run */
  whenEnded(runId: string): Promise<RunStatus> {
    const waiter = this.#waiters.get(runId) ?? Promise.withResolvers<RunStatus>();
    this.#waiters.set(runId, waiter);
    return waiter.promise;
  }

  /** Tells which runs of this engine grew, after each durable flush, until the returned function is called. A hint: read the journal. */
  onAppend(follower: (runIds: ReadonlySet<string>) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Ends in order: nothing new starts, what is recorded is committed, lanes end, the lease is given up. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasRunning = this.#state === 'running';
    this.#state = 'stopped';
    this.#cancelTimer();
    this.#loop?.stop();
    await this.#claiming;
    await this.#journal?.settled();
    await this.#parts.dispatcher.stop();
    await this.#journal?.settled();
    if (wasRunning) await this.#lease.release();
    await this.#journalClient?.end();
    await this.#pool.end();
  }

  #appended(changes: readonly Change[]): void {
    if (this.#followers.size === 0) return;
    const runIds = new Set(changes.map((change) => change.run.facts.id));
    for (const follower of this.#followers) follower(runIds);
  }

  #fail(error: EngineError): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#cancelTimer();
    this.#loop?.stop();
    void this.#parts.dispatcher.stop();
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#parts.onFailure?.(error);
  }

  /** Once a second: renew the lease, free the runs of the dead, claim, read the inbox. Nothing on the hot path waits for it. */
  #reconcile(): void {
    const again = (): void => {
      if (this.#state === 'running')
        this.#cancelTimer = this.#clock.after(reconcileMs, () => this.#reconcile());
    };
    void (async () => {
      await this.#lease.renew();
      await this.#lease.takeOver();
      await this.#keepPartitions();
      await this.#keepBudgets();
      await this.#claim();
      await this.#readInbox();
    })().then(again, (error: unknown) => {
      if ((error as { code?: string }).code === 'ENGINE_FENCED') this.#fail(error as EngineError);
      else again();
    });
  }

  /** New months get their partitions before they begin; opening the database made those of this month and the next two. */
  async #keepPartitions(): Promise<void> {
    const now = this.#clock.now();
    if (now - this.#partitionedAt < dayMs) return;
    this.#partitionedAt = now;
    await this.#parts.database.ensurePartitions(new Date(now));
  }

  /** Claims one after the other, so that a run is adopted before the next claim counts what there is room for. */
  #claim(): Promise<void> {
    const claimed = this.#claiming.then(() => this.#claimOnce());
    this.#claiming = claimed.catch(() => {});
    return claimed;
  }

  async #claimOnce(): Promise<void> {
    const room = runsAtOnce - (this.#loop?.runs.size ?? 0);
    if (this.#state !== 'running' || room <= 0) return;
    const claimed = await this.#store.claim(this.#lease.boot, room);
    if (claimed.length > 0) crashPoint('after-claim');
    for (const row of claimed) {
      await this.#adopt(row).catch((error: unknown) => this.#cannotAdopt(row, error));
    }
  }

  /**
   * A run whose workflow no longer fits the loaded modules ends with the reason, so that it keeps no other from starting; after
   * any other trouble it is given back, to be claimed again.
   */
  async #cannotAdopt(row: RunRow, error: unknown): Promise<void> {
    if (isEngineError(error)) return this.#store.failRun(row, toErrorData(error));
    await this.#store.giveBack(row);
    throw error;
  }

  async #adopt(row: RunRow): Promise<void> {
    const graph = await this.#graph(row);
    const history = await this.#store.history(row.tenant_id, row.id);
    const run = new Run(factsOf(row, history[0]?.body ?? '{}'), graph);
    await this.#store.settleOrphans(row);
    const { seq, ...steps } = await this.#store.steps(row.tenant_id, row.id);
    run.seq = seq;
    await this.#openBudgets(run, this.#clock.now());
    this.#loop?.adopt(run, recover(run, { history, ...steps }, this.#clock.now()));
  }

  async #graph(row: RunRow): Promise<Graph> {
    const name = `${row.tenant_id} ${row.workflow} ${row.workflow_version}`;
    let graph = this.#graphs.get(name);
    if (!graph) {
      const data = await this.#store.workflowVersion(
        row.tenant_id,
        row.workflow,
        row.workflow_version,
      );
      graph = compile(data, this.#parts.registry.agents);
      this.#graphs.set(name, graph);
    }
    return graph;
  }

  /** A run that goes on past midnight pays from the purses of the new day. */
  async #keepBudgets(): Promise<void> {
    const now = this.#clock.now();
    if (periodOf(now) === this.#budgetDay) return;
    this.#budgetDay = periodOf(now);
    for (const run of this.#loop?.runs.values() ?? []) await this.#openBudgets(run, now);
  }

  /** Opens the purses of this day and of the next, so that none is missing at midnight. */
  async #openBudgets(run: Run, now: number): Promise<void> {
    const { tenantId } = run.facts;
    const modules = run.graph.nodes.flatMap((node) =>
      node.kind === 'foreach'
        ? node.body.map((task) => task.module)
        : 'module' in node
          ? [node.module]
          : [],
    );
    const scopes = [...new Set(modules.flatMap((module) => sharedScopes(run, module)))];
    const limit = this.#parts.config.dailyBudgetMicroUsd ?? 50_000_000;
    for (const period of [periodOf(now), periodOf(now + dayMs)]) {
      const opening = { limitMicroUsd: limit, period };
      const used = await this.#store.openBudgets(tenantId, scopes, opening);
      for (const [scope, settledMicroUsd] of used)
        this.#broker.budget.open(purseName({ tenantId, scope, period }), limit, {
          settledMicroUsd,
        });
    }
  }

  async #itemsOf(run: Run, container: Container): Promise<readonly unknown[]> {
    const { items, id } = container.node;
    if (items.kind === 'value') {
      const value = items.value(run.scope());
      if (Array.isArray(value)) return value;
      throw new EngineError('WORKFLOW_INVALID', `Node '${id}': its items are no list.`);
    }
    const connector = this.#parts.connector(run.facts.tenantId);
    const entity = this.#parts.registry.entities.get(items.query.entity);
    if (!entity)
      throw new EngineError(
        'WORKFLOW_INVALID',
        `Node '${id}' queries '${items.query.entity}', which no module declares.`,
      );
    const rows: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page = await connector.query({
        entity: items.query.entity,
        filter: wireFilter(entity, items.filter(run.scope()) as Readonly<Record<string, unknown>>),
        order: items.query.order,
        limit: 5_000,
        ...(cursor !== null && { cursor }),
      });
      rows.push(...page.rows);
      cursor = page.cursor;
      if (rows.length > largestForeach)
        throw new EngineError(
          'WORKFLOW_INVALID',
          `Node '${id}' has more than ${largestForeach} items; narrow its query.`,
        );
    } while (cursor !== null);
    return rows;
  }

  async #readInbox(): Promise<void> {
    for (const message of await this.#store.inbox(this.#lease.boot)) {
      if (message.kind === 'cancel') this.#loop?.cancel(message.run_id, 'asked', [message.id]);
    }
  }

  #ended(runId: string, status: RunStatus): void {
    this.#waiters.get(runId)?.resolve(status);
    this.#waiters.delete(runId);
    void this.#claim().catch(() => {});
  }
}

/** Checks a request and stores the run, whether an engine is up or not. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · KEY_REUSED */
export async function submitRun(
  store: Store,
  registry: Registry,
  request: RunRequest,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const registered = registry.workflows.get(request.workflow);
  if (!registered) {
    const known = [...registry.workflows.keys()].join(', ');
    throw new EngineError(
      'WORKFLOW_UNKNOWN',
      `There is no workflow '${request.workflow}'; known are: ${known}.`,
    );
  }
  const input = registered.workflow.input.safeParse(request.input ?? {});
  if (!input.success) {
    const issue = input.error.issues[0];
    throw new EngineError(
      'INPUT_INVALID',
      `Workflow '${request.workflow}' does not take this input: ${issue?.path.join('.') || 'input'}: ${issue?.message}.`,
    );
  }
  // Refused before anything is stored: cycles, unknown agents, expressions that do not parse.
  compile(registered.data, registry.agents);
  const version = await store.publishWorkflow(request.tenantId, registered);
  return store.createRun({ ...request, input: input.data }, version);
}

function factsOf(row: RunRow, input: string): RunFacts {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    workflow: row.workflow,
    input: JSON.parse(input),
    company: row.company,
    businessDate: row.business_date,
    timeZone: row.time_zone,
    priority: row.priority,
    attended: row.pins.attended ?? false,
    createdAt: new Date(row.created_at).getTime(),
  };
}
