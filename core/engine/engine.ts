import type pg from 'pg';
import { type Clock, systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { Metrics } from '../base/telemetry/metrics.ts';
import { vaultOf } from '../ports/db/vault.ts';
import type { DispatcherHealth } from '../ports/dispatcher.ts';
import { Adoption } from './adoption/adoption.ts';
import { Claims } from './adoption/claims.ts';
import { EffectQuestions } from './approvals/effect-questions.ts';
import { askRun, type RunAsk } from './ask.ts';
import { Stops } from './authority/stops.ts';
import { readBatches } from './batches/batch-store.ts';
import { drained } from './drained.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Explanation } from './explain/explanation.ts';
import { type ExplainAsk, Explanations } from './explain/explanations.ts';
import { InboxReader } from './inbox-reader.ts';
import { Journal } from './journal/journal.ts';
import { journalConnection } from './journal/journal-connection.ts';
import type { Change } from './journal/rows.ts';
import { Lease } from './lease/lease.ts';
import type { BrokerStats } from './limits/broker.ts';
import { Limits } from './limits/limits.ts';
import { warningEntry } from './limits/warnings.ts';
import type { Delta } from './loop/attempts.ts';
import { itemsOf } from './loop/items.ts';
import { RunLoop } from './loop/loop.ts';
import type { Waiting } from './loop/waiting.ts';
import { ModuleTending } from './modules/tending.ts';
import { outsideOf } from './outside/outside-of.ts';
import { basisDigest } from './plan/basis.ts';
import { Reconciler, type ReconcilerParts } from './reconciler.ts';
import { Settings } from './recovery/settings.ts';
import { Housekeeping } from './retention/housekeeping.ts';
import { retentionPolicy } from './retention/policy.ts';
import { type RetryRequest, retryRun, type StartedRetry } from './retry.ts';
import type { Run } from './run/run.ts';
import { checkStates, type RunStatus } from './run/states.ts';
import { runningLimits } from './schedule/running-limits.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { tellOfFailure } from './step-failed.ts';
import { Endings } from './store/endings.ts';
import { Inbox } from './store/inbox.ts';
import { type RunRequest, Store } from './store/store.ts';
import { type OwnRun, submitOwn, submitRun } from './submit.ts';
import { Measures } from './telemetry/measures.ts';
import { AfterFailure } from './undo/after-failure.ts';
import { agentsOfVersions, publishedRegistry } from './versions/published.ts';

/** Threads that burn a core each without doing anything, until the process should be restarted. */
const tooManyZombies = 2;
// How long an engine that stops waits for a database that is away.
const journalPatienceMs = 5_000;

/** One engine: one process, holder of a lease, owner of the runs that it claims. */
export class Engine {
  readonly #parts: EngineParts;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #pool: pg.Pool;
  readonly #inbox: Inbox;
  readonly #inboxReader: InboxReader;
  readonly #settings: Settings;
  readonly #stops: Stops;
  readonly #lease: Lease;
  readonly #limits: Limits<Run>;
  readonly #explanations: Explanations;
  readonly #adoption: Adoption;
  readonly #afterFailure: AfterFailure;
  readonly #endings: Endings;
  readonly #measures: Measures;
  readonly #followers = new Set<(runIds: ReadonlySet<string>) => void>();
  readonly #listeners = new Set<(delta: Delta) => void>();
  #journal: Journal | null = null;
  #loop: RunLoop | null = null;
  readonly #reconciler: Reconciler;
  readonly #housekeeping: Housekeeping;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #claims: Claims | null = null;
  #modules: ModuleTending | null = null;
  #outage: EngineError | null = null;
  /** Nothing that it still does would be recorded. */
  #isLost = false;

  constructor(parts: EngineParts) {
    checkStates();
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#measures = new Measures(parts.metrics ?? new Metrics(), parts.log);
    const policy = retentionPolicy(parts.config.retention);
    this.#housekeeping = new Housekeeping(parts.database, policy, this.#clock);
    this.#pool = parts.database.pool('tutti_engine', 4);
    this.#store = new Store(this.#pool);
    this.#inbox = new Inbox(this.#pool);
    this.#endings = new Endings(this.#pool, (runId) => this.#loop?.runs.has(runId) ?? false);
    this.#settings = new Settings(parts.database, parts);
    this.#stops = new Stops(this.#pool, this.#clock);
    const { leaseMs } = parts.config.limits ?? {};
    this.#lease = new Lease(this.#pool, parts.version, leaseMs === undefined ? {} : { leaseMs });
    this.#explanations = new Explanations({
      ...{ database: parts.database, pool: this.#pool, store: this.#store, inbox: this.#inbox },
      own: () => this.#loop?.explainer ?? null,
    });
    this.#inboxReader = new InboxReader({
      ...{ inbox: this.#inbox, boot: this.#lease.boot },
      answer: (messages) => this.#explanations.answer(messages),
      hear: (...message) => (this.#loop?.ask(...message) || this.#claims?.ask(...message)) ?? false,
    });
    this.#limits = new Limits<Run>({
      ...parts,
      pool: this.#pool,
      settings: this.#settings,
      clock: this.#clock,
      onBreaker: (name, state) => this.#loop?.breakerMoved(name, state),
      onWarning: (run, warning) => this.#loop?.note(run, warningEntry(warning)) ?? false,
      onChange: () => this.#loop?.look(),
    });
    this.#reconciler = new Reconciler({
      ...{ clock: this.#clock, looks: this.#looks },
      onError: (error) => this.#measures.stumbled(error),
    });
    this.#afterFailure = new AfterFailure({
      ...parts,
      ...{ pool: this.#pool, store: this.#store, measures: this.#measures },
    });
    const { broker, purses } = this.#limits;
    this.#adoption = new Adoption({
      store: this.#store,
      boot: this.#lease.boot,
      registry: parts.registry,
      published: (tenantId) =>
        publishedRegistry(this.#store.definitions, parts.registry, { tenantId }),
      agentsOf: (tenantId, versions) =>
        agentsOfVersions(this.#store.definitions, parts.registry, { tenantId, versions }),
      broker,
      batchesOf: (run, history) => readBatches(this.#pool, run, history),
      basis: (registry) =>
        basisDigest({
          registry,
          profiles: parts.profiles ?? parts.rehearsed ?? null,
          prices: parts.config.prices ?? {},
        }),
      onOrphan: (orphan) => this.#measures.orphaned(orphan),
      rulesOf: (tenantId, agent) => this.#settings.rulesOf(tenantId, agent),
      rulesVersion: () => this.#settings.version,
      limitOf: (tenantId, scope) => purses.of(tenantId, scope),
    });
  }

  get store(): Store {
    return this.#store;
  }

  /** What keeps it from taking up runs, or from doing it well; null when all is well. What needs a restart comes first, then what waiting may mend. */
  get trouble(): EngineError | null {
    if (this.#state !== 'running')
      return new EngineError('ENGINE_STOPPED', 'The engine is starting or has stopped.');
    const { zombies } = this.#parts.dispatcher.health;
    if (zombies >= tooManyZombies) {
      const message = `${zombies} threads were given up and do not end; each burns a core. Restart this process and mend the tool that blocks.`;
      return new EngineError('LANE_LOST', message);
    }
    if (this.#outage) return this.#outage;
    if (this.#claims?.trouble) return this.#claims.trouble;
    if (this.#lease.isHeld) return null;
    return new EngineError('ENGINE_FENCED', 'The lease has run out; the engine tries to renew it.');
  }

  /** Takes the lease, opens the lanes and takes up the runs that wait for an engine. @throws ENCRYPTION_KEY · CONFIG_INVALID · DB_* */
  async start(): Promise<void> {
    const { database, config, dispatcher, registry, mcp, spanIds } = this.#parts;
    // Before it takes up what it could not read.
    await vaultOf(database).check(this.#pool);
    await this.#lease.take();
    const connection = database.connectionConfig;
    this.#lease.keep({ connection, onFenced: (error) => this.#fail(error) });
    const { boot } = this.#lease;
    this.#journal = new Journal(
      journalConnection(connection, this.#lease),
      { boot, clock: this.#clock },
      {
        failed: (error) => this.#fail(error),
        outage: (error) => {
          this.#outage = error;
          this.#measures.outage(error);
        },
        back: () => this.#back(),
        rejected: (change, error) => this.#loop?.rejected(change, error),
        flushed: (changes, tookMs) => this.#measures.flushed(changes, tookMs),
        committed: (changes) => this.#appended(changes),
      },
    );
    await this.#journal.open();
    this.#loop = new RunLoop({
      journal: this.#journal,
      store: this.#store,
      scheduler: new Scheduler<Waiting>(runningLimits(config.limits)),
      limits: this.#limits,
      batching: {
        ...{ config: config.batches, prices: config.prices ?? {} },
        ...{ profiles: this.#parts.profiles, open: this.#parts.openBatches },
        isOwned: () => this.#lease.isHeld,
      },
      ...{ dispatcher, mcp, registry, spanIds, clock: this.#clock, measures: this.#measures },
      stops: this.#stops,
      outside: outsideOf(this.#parts, {
        ...{ pool: this.#pool, store: this.#store, budget: this.#limits.broker.budget },
        ...{ clock: this.#clock, measures: this.#measures },
        started: () => void this.#claims?.claimNowOrLater().catch(() => {}),
      }),
      questions: new EffectQuestions(this.#pool, config.roles),
      itemsOf: (run, container) =>
        itemsOf(run, container, {
          ...{ registry, clock: this.#clock },
          connector: this.#parts.connector(run.facts.tenantId),
        }),
      rulesOf: (tenantId, agent) => this.#settings.rulesOf(tenantId, agent),
      onStepFailed: (failure) => tellOfFailure(config, failure),
      onDelta: (delta) => {
        for (const listener of this.#listeners) listener(delta);
      },
      onEnd: (run, status) => this.#ended(run, status),
    });
    this.#claims = new Claims({
      ...{ store: this.#store, adoption: this.#adoption, boot, loop: this.#loop },
      ...{ clock: this.#clock, measures: this.#measures },
      isSuspended: (tenantId) => this.#stops.isSuspended(tenantId),
      present: () => this.#parts.modules?.present,
    });
    const { modules } = this.#parts;
    if (modules)
      this.#modules = new ModuleTending({
        ...{ modules, boot, registry, dispatcher, loop: this.#loop, claims: this.#claims },
      });
    // First, so that what a dead engine held of the limits is free at once.
    await this.#lease.takeOver();
    await this.#limits.open(boot);
    await this.#stops.open();
    await dispatcher.start(this.#loop.dispatchEvents, this.#lease.clock);
    this.#state = 'running';
    await this.#reconciler.look();
  }

  /** How much of which limit is in use, and what calls have come to. */
  get limits(): BrokerStats {
    return this.#limits.stats;
  }

  /** How much it has under way and waiting, and how its threads are. */
  get vitals(): RunLoop['load'] & { readonly lanes: DispatcherHealth } {
    const { health: lanes } = this.#parts.dispatcher;
    return { ...(this.#loop?.load ?? { runs: 0, running: 0, waiting: 0 }), lanes };
  }

  /** Stores a run and takes it up. The same key again returns the run that it has. @throws WORKFLOW_UNKNOWN · INPUT_INVALID · KEY_REUSED */
  async startRun(request: RunRequest): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const created = await submitRun(this.#store, this.#parts.registry, request);
    await this.#claims?.claimNowOrLater();
    return created;
  }

  /** The same for a workflow that stands in no list, such as one call of a tool. @throws KEY_REUSED · DB_* */
  async startOwn(own: OwnRun): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const created = await submitOwn(this.#store, this.#parts.registry, own);
    await this.#claims?.claimNowOrLater();
    return created;
  }

  /** Does again what has failed of a run that has ended, in a new one. @throws RUN_UNKNOWN · RUN_UNFINISHED · RETRY_REFUSED · KEY_REUSED */
  async retryRun(request: RetryRequest): Promise<StartedRetry> {
    const created = await retryRun(
      { pool: this.#pool, store: this.#store, registry: this.#parts.registry },
      request,
    );
    await this.#claims?.claimNowOrLater();
    return created;
  }

  /** Loads and takes away the modules that it is to, without waiting for its next look. @throws DB_* */
  async lookAtModules(): Promise<void> {
    await this.#modules?.look();
  }

  /** Asks a run to end, to pause or to go on; its owner does it. @throws RUN_UNKNOWN · RUN_ENDED · STEP_UNKNOWN */
  async ask(ask: RunAsk): Promise<void> {
    await askRun({ store: this.#store, inbox: this.#inbox }, ask);
    await this.#inboxReader.read();
  }

  /** What a run's steps wait for, and when they should start. @throws RUN_UNKNOWN · STEP_UNKNOWN */
  explain(ask: ExplainAsk): Promise<Explanation> {
    return this.#explanations.explain(ask);
  }

  /** Resolves with the final status of a run, also of one that has ended before it is asked. @throws what ended the engine before the run */
  whenEnded(runId: string): Promise<RunStatus> {
    return this.#endings.whenEnded(runId);
  }

  /** Tells which runs of this engine grew, after each durable flush, until the returned function is called. A hint: read the journal. */
  onAppend(follower: (runIds: ReadonlySet<string>) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Tells what models say while they say it, until the returned function is called. Nothing of it is stored, and some may be lost. */
  onDelta(listener: (delta: Delta) => void): () => void {
    const { dispatcher } = this.#parts;
    this.#listeners.add(listener);
    dispatcher.watch?.(true);
    return () => {
      this.#listeners.delete(listener);
      dispatcher.watch?.(this.#listeners.size > 0);
    };
  }

  /**
   * Ends in order: nothing new starts; what runs has `drainMs` to end and is then recorded as interrupted, so that whoever
   * owns its run next goes on with it at once; lanes end; the lease is given up.
   */
  async stop(drainMs = 0): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasRunning = this.#state === 'running';
    this.#state = 'stopped';
    this.#reconciler.stop();
    this.#loop?.drain();
    await this.#claims?.stop();
    if (drainMs > 0) await this.#lease.drain().catch(() => {});
    await drained(this.#clock, () => (this.#isLost ? 0 : (this.#loop?.live ?? 0)), drainMs);
    await this.#housekeeping.stop();
    await this.#modules?.settled();
    this.#loop?.checkpoint();
    this.#loop?.stop();
    this.#stops.close();
    await this.#journal?.settled(journalPatienceMs);
    await this.#parts.dispatcher.stop();
    await this.#journal?.close();
    if (wasRunning) await this.#limits.close().catch(() => {});
    await (wasRunning ? this.#lease.release() : this.#lease.stop());
    await this.#pool.end();
  }

  #appended(changes: readonly Change[]): void {
    this.#loop?.committed(changes);
    if (this.#followers.size === 0) return;
    const runIds = new Set(changes.map((change) => change.run.facts.id));
    for (const follower of this.#followers) follower(runIds);
  }

  #fail(error: EngineError): void {
    this.#isLost = true;
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#reconciler.stop();
    this.#loop?.stop();
    this.#stops.close();
    void this.#parts.dispatcher.stop();
    void this.#journal?.close(0);
    this.#endings.fail(error);
    const tell = (): void => this.#parts.onFailure?.(error);
    if (error.code === 'ENGINE_COPIED') return void this.#lease.release().then(tell, tell);
    void this.#lease.stop();
    tell();
  }

  /** What it looks at once a second, in this order; nothing on the hot path waits for it. */
  get #looks(): ReconcilerParts['looks'] {
    return [
      () => this.#modules?.tend(),
      () => this.#settings.refresh(),
      () => this.#lease.takeOver(),
      () => this.#housekeeping.tend(),
      async (now) => {
        const isNewDay = await this.#adoption.keepBudgets(this.#loop?.runs.values() ?? [], now);
        if ((await this.#limits.tend()) || isNewDay) this.#loop?.budgetsMoved();
      },
      () => this.#afterFailure.tend(),
      () => this.#claims?.claim(),
      () => this.#endings.tend(),
      () => this.#loop?.tend(),
      () => this.#inboxReader.read(),
    ];
  }

  /** The database answers again: what it kept from being done is looked at at once. */
  #back(): void {
    this.#outage = null;
    if (this.#state === 'running') void this.#reconciler.look();
  }

  #ended(run: Run, status: RunStatus): void {
    const { id, depth } = run.facts;
    this.#claims?.ended(id);
    this.#afterFailure.ended(run, status);
    this.#endings.ended(id, status);
    // Whoever started it waits for it.
    if (depth !== undefined) void this.#loop?.tend().catch(() => {});
    void this.#claims?.claim().catch(() => {});
  }
}
