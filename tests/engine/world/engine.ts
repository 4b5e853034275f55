import type { ErrorData } from '../../../core/base/errors.ts';
import { Adoption } from '../../../core/engine/adoption/adoption.ts';
import type { Journal } from '../../../core/engine/journal/journal.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import { Breakers } from '../../../core/engine/limits/breaker.ts';
import { Broker } from '../../../core/engine/limits/broker.ts';
import { BudgetWatch } from '../../../core/engine/limits/budget-watch.ts';
import { noDay, purseName } from '../../../core/engine/limits/purse.ts';
import { Quotas } from '../../../core/engine/limits/quotas.ts';
import { RunLoop } from '../../../core/engine/loop/loop.ts';
import type { Waiting } from '../../../core/engine/loop/waiting.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import { type Container, pathOf } from '../../../core/engine/run/step.ts';
import { Scheduler } from '../../../core/engine/schedule/scheduler.ts';
import type { RunRow, Store } from '../../../core/engine/store/store.ts';
import type {
  Answer,
  DispatchEvents,
  Dispatcher,
  FromThread,
  Job,
} from '../../../core/ports/dispatcher.ts';
import type { RecoveryRule } from '../../../core/sdk/recovery.ts';
import type { RegisteredAgent } from '../../../core/sdk/registry.ts';
import { prices, profilesOf } from './agents.ts';
import { SimConnection } from './connection.ts';
import type { Dice } from './dice.ts';
import type { EngineWorld } from './engine-world.ts';
import { Gathered } from './gathered.ts';
import { outsideParts } from './outside-parts.ts';
import { SimPool } from './pool.ts';
import type { RuleBook } from './rules.ts';
import type { SimStore } from './store.ts';
import { SimThread } from './thread.ts';
import { WatchedJournal } from './watched-journal.ts';

/** What a foreach waits for: its items, or a failure to read them. */
export interface Expansion {
  readonly run: Run;
  readonly container: Container;
  readonly resolve: (values: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One engine of the simulated world: the loop, the journal, the scheduler, the limits and the adoption of the real one, put
 * together as `Engine` does it, over simulated time, database and threads. It dies as a process does, with everything in memory.
 */
export class SimEngine implements Dispatcher {
  readonly boot: string;
  readonly clock: EngineWorld<SimEngine>['clock'];
  readonly loop: RunLoop;
  readonly broker: Broker;
  readonly scheduler: Scheduler<Waiting>;
  readonly journal: Journal;
  readonly threads = new Map<number, SimThread>();
  readonly expansions: Expansion[] = [];
  readonly health = { lanes: 1, ready: 1, zombies: 0 };
  /** What it does with the database beside its journal. */
  readonly pool: SimPool;
  /** Ids of the runs that it has taken up. */
  readonly adopted = new Set<string>();
  /** How often it has looked whether anything has come that steps wait for. */
  looks = 0;
  connection: SimConnection;
  isAlive = true;
  /** Whether it starts nothing more, and lets what runs go on. */
  isDraining = false;
  isStopped = false;
  readonly #world: EngineWorld<SimEngine>;
  readonly #adoption: Adoption;
  readonly #gathered: Gathered;
  /** Of which model the call under way of a step was permitted, by run and path. */
  readonly #granted = new Map<string, string>();
  /** Messages that it has heard. */
  readonly #heard = new Set<number>();
  #isLooking = false;
  #followed = 0;
  /** The rules as this engine has seen them last. */
  #rules: RuleBook['byAgent'];
  #rulesVersion: number;

  constructor(world: EngineWorld<SimEngine>) {
    const { setup, clock, boot, store, registry, database } = world;
    this.#world = world;
    this.boot = boot;
    this.clock = clock;
    this.#gathered = new Gathered(setup.usualFlush);
    this.#rules = world.rules.byAgent;
    this.#rulesVersion = world.rules.version;
    this.pool = new SimPool(world.statements);
    const rulesOf = (_: number, { name }: RegisteredAgent) => this.rulesFor(name);
    const breakers = new Breakers({
      clock,
      limits: () => setup.breaker ?? { failures: 0 },
      onChange: (name, state) => this.loop.breakerMoved(name, state),
    });
    this.broker = new Broker({
      breakers,
      profiles: setup.modelLimits ? profilesOf(setup.choose) : null,
      limits: { modelLimits: setup.modelLimits ?? {} },
      prices,
      clock,
    });
    const { pool, broker } = this;
    const outside = outsideParts({ database, pool, registry, budget: broker.budget, clock });
    this.connection = this.#connect();
    this.journal = this.#openJournal();
    this.scheduler = new Scheduler<Waiting>(setup.limits);
    this.loop = new RunLoop({
      journal: this.journal,
      store: asStore(store),
      scheduler: this.scheduler,
      limits: {
        broker: this.broker,
        breakers,
        watch: watchOf(this.broker),
        quotas: new Quotas(this.broker.permits, clock),
      },
      dispatcher: this,
      registry,
      clock,
      rulesOf,
      itemsOf: (run, container) => this.#itemsOf(run, container),
      onStepFailed: (failure) => world.watch.stepFailed(failure),
      // Whoever started it waits for it.
      onEnd: ({ facts }) => {
        if (facts.depth !== undefined) void this.loop.tend().catch(() => {});
      },
      ...(setup.waitsOutside && { outside }),
    });
    this.#adoption = new Adoption({
      store: asStore(store),
      boot,
      registry,
      broker: this.broker,
      basis: () => '',
      rulesOf,
      rulesVersion: () => this.#rulesVersion,
      limitOf: () => this.#world.wallet.dailyMicroUsd,
    });
  }

  /** Takes up a run; by chance its process ends when it has read what it needs. */
  async adopt(row: RunRow, isLast: () => boolean): Promise<void> {
    const { run, ...recovered } = await this.#adoption.adopt(row, this.clock.now());
    if (isLast()) return this.crash();
    this.adopted.add(row.id);
    this.loop.adopt(run, recovered);
  }

  /** Whether there are messages to its runs that it has not heard. */
  get hasMail(): boolean {
    return this.#mail.length > 0;
  }

  /** Hears the messages to its runs. */
  hear(): void {
    for (const [id, { runId, asked }] of this.#mail) this.ask(runId, asked, id);
  }

  /** Hears one message, if it has its run. */
  ask(runId: string, asked: Parameters<RunLoop['ask']>[1], id: number): void {
    if (this.loop.ask(runId, asked, [id])) this.#heard.add(id);
  }

  /** As the engine does every second: looks whether anything has come that steps wait for. */
  async look(): Promise<void> {
    if (this.#isLooking || this.isStopped || !this.#world.setup.waitsOutside) return;
    this.#isLooking = true;
    await this.loop.tend().then(
      () => {
        this.looks += 1;
      },
      () => {},
    );
    this.#isLooking = false;
  }

  /** As the engine does every second: follows purses that were raised, and opens those of a new day. */
  async tend(): Promise<void> {
    const { loop, clock } = this;
    this.#rules = this.#world.rules.byAgent;
    this.#rulesVersion = this.#world.rules.version;
    const isNewDay = await this.#adoption.keepBudgets(loop.runs.values(), clock.now());
    const hasMoved = this.#followPurses();
    if ((isNewDay || hasMoved) && this.isAlive) loop.budgetsMoved();
  }

  get #mail() {
    const { runs } = this.loop;
    return [...this.#world.database.inbox].filter(
      ([id, { runId }]) => !this.#heard.has(id) && runs.has(runId),
    );
  }

  /** What it answers the failures of an agent with, beside what is usual. */
  rulesFor(agent: string): readonly RecoveryRule[] {
    return this.#rules.get(agent) ?? this.#world.registry.agents.get(agent)?.agent.recovery ?? [];
  }

  /** Starts nothing more. */
  drain(): void {
    this.isDraining = true;
    this.loop.drain();
  }

  /** Gives up what still runs, and does nothing more. */
  stopNow(): void {
    this.drain();
    this.isStopped = true;
    this.loop.checkpoint();
    this.loop.stop();
  }

  threadOf(runId: string, path: string): SimThread | undefined {
    for (const thread of this.threads.values())
      if (thread.job.runId === runId && thread.job.stepPath === path) return thread;
    return undefined;
  }

  /** Its process ends. What was sent to the database may or may not arrive. */
  crash(): void {
    this.isAlive = false;
    this.clock.die();
    this.pool.die();
    for (const thread of this.threads.values()) thread.die();
    this.threads.clear();
    this.expansions.length = 0;
  }

  // ── the dispatcher that its loop sees ──────────────────────────────────────────────────────────────────────────────

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  run(job: Job): string {
    const { outside, setup, database, watch } = this.#world;
    const thread = new SimThread(job, {
      boot: this.boot,
      outside,
      now: () => this.clock.now(),
      choose: setup.choose,
      grantOf: ({ runId, stepPath }) => this.#granted.get(`${runId} ${stepPath}`) ?? 'none',
      isOwned: () => !database.gone.has(this.boot),
      say: (message) => this.#hear(message),
      habits: setup.habits,
    });
    this.threads.set(job.ref, thread);
    watch.launched(this, job);
    return 'sim';
  }

  tell(answer: Answer): void {
    const thread = this.threads.get(answer.ref);
    if (thread && answer.kind === 'denied') this.#world.watch.denied(this, thread, answer.error);
    thread?.hear(answer);
  }

  cancel(ref: number, error: ErrorData): void {
    const thread = this.threads.get(ref);
    if (thread && error.code === 'AGENT_TIMEOUT') this.#world.watch.timedOut(this, thread);
    if (thread) return thread.hear({ kind: 'cancel', ref, error });
    // It waits for a thread: nothing of it has run.
    const done = { kind: 'failed', error, degraded: false, trust: 'system' } as const;
    this.#events.messages([{ kind: 'done', ref, done }]);
  }

  /** A foreach gets its items, as many as chance wills. */
  expand(at: number, dice: Dice): void {
    const [expansion] = this.expansions.splice(at, 1);
    const items = Array.from({ length: dice.below(5) }, (_, nth) => ({
      id: `i${nth}`,
      odd: nth % 2,
    }));
    expansion?.resolve(items);
  }

  /** The thread under a job dies. */
  lose(ref: number, suspect: boolean): void {
    this.threads.get(ref)?.die();
    this.threads.delete(ref);
    this.#events.lost(ref, 'it was lost', suspect);
  }

  get #events(): DispatchEvents {
    return this.loop.dispatchEvents;
  }

  #hear(message: FromThread): void {
    if (message.kind === 'done') this.threads.delete(message.ref);
    const thread = this.threads.get(message.ref);
    this.#events.messages([message]);
    if (message.kind === 'permit' && thread) this.#world.watch.asked(this, thread);
    if (message.kind === 'sent' && thread) this.#world.watch.sent(this, thread.job);
  }

  #connect(): SimConnection {
    return new SimConnection(this.#world.database, (flush) => this.#gathered.leftBy(flush));
  }

  #openJournal(): Journal {
    const { watch, setup } = this.#world;
    const connect = async () => {
      if (this.connection.isLost) this.connection = this.#connect();
      return this.connection.client;
    };
    const noteGrant = (change: Change): void => {
      this.#noteGrant(change);
      this.#gathered.add(change);
      watch.changed(this, change);
    };
    const refused = ({ run, step }: Change): void => {
      if (step) this.threadOf(run.facts.id, pathOf(step))?.refused();
    };
    return new WatchedJournal(
      { told: noteGrant, refused },
      { connect, boot: this.boot, clock: this.clock, usualFlush: setup.usualFlush },
      {
        failed: (error) => {
          watch.failed(this, error);
          this.loop.stop();
          this.crash();
        },
        rejected: (change, error) => {
          watch.rejected(this, change, error);
          this.loop.rejected(change, error);
        },
        committed: (changes) => watch.committed(this, changes),
      },
    );
  }

  #noteGrant({ run, step, turns = [] }: Change): void {
    const [turn] = turns;
    if (!step || !turn) return;
    const { id } = run.facts;
    const path = pathOf(step);
    this.#granted.set(`${id} ${path}`, turn.model);
    this.threadOf(id, path)?.granted();
  }

  #followPurses(): boolean {
    const { wallet, database } = this.#world;
    if (wallet.version === this.#followed) return false;
    for (const [name, purse] of database.purses) {
      const [tenantId, scope = '', period = ''] = name.split(' ');
      // What belongs to a run is not raised.
      if (period === noDay) continue;
      purse.limit = wallet.dailyMicroUsd;
      const own = purseName({ tenantId: Number(tenantId), scope, period });
      const { budget } = this.broker;
      if (budget.left(own) !== null) budget.open(own, wallet.dailyMicroUsd);
    }
    this.#followed = wallet.version;
    return true;
  }

  #itemsOf(run: Run, container: Container): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.expansions.push({ run, container, resolve, reject });
    });
  }
}

/** Warnings have their own tests: here the table that they are claimed from is out of reach. */
function watchOf({ budget }: Broker): BudgetWatch<Run> {
  return new BudgetWatch<Run>({
    database: { kysely: () => ({}) as never },
    warnAt: undefined,
    stateOf: (name) => budget.stateOf(name),
    tell: () => {},
  });
}

// The Store's other statements belong to requests and leases, which this world does without.
function asStore(store: SimStore): Store {
  return store as unknown as Store;
}
