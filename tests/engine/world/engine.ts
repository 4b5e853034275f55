import type { Clock } from '../../../core/base/clock.ts';
import type { EngineError, ErrorData } from '../../../core/base/errors.ts';
import { Breakers } from '../../../core/engine/limits/breaker.ts';
import { Broker } from '../../../core/engine/limits/broker.ts';
import { Adoption } from '../../../core/engine/run/adopt.ts';
import { type Flushed, Journal, type JournalEvents } from '../../../core/engine/run/journal.ts';
import type { Startable } from '../../../core/engine/run/launcher.ts';
import { RunLoop } from '../../../core/engine/run/loop.ts';
import type { Change } from '../../../core/engine/run/rows.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import { type Container, pathOf } from '../../../core/engine/run/step.ts';
import type { RunRow, Store } from '../../../core/engine/run/store.ts';
import { Scheduler } from '../../../core/engine/schedule/scheduler.ts';
import type {
  Answer,
  DispatchEvents,
  Dispatcher,
  FromThread,
  Job,
} from '../../../core/ports/dispatcher.ts';
import { prices, profiles, registry } from './agents.ts';
import { SimConnection } from './connection.ts';
import type { SimDatabase } from './database.ts';
import type { Setup } from './life.ts';
import type { MortalClock } from './mortal-clock.ts';
import type { Outside } from './outside.ts';
import type { SimStore } from './store.ts';
import { SimThread } from './thread.ts';

/** Hears what an engine does when it does it; what it says is checked elsewhere. */
export interface EngineWatch {
  /** A change is handed to the journal, not yet durable. */
  changed(engine: SimEngine, change: Change): void;
  /** A job leaves for its thread. */
  launched(engine: SimEngine, job: Job): void;
  committed(engine: SimEngine, changes: readonly Change[]): void;
  /** The database refused rows: never in this world. */
  rejected(engine: SimEngine, change: Change, error: EngineError): void;
  /** Its journal has given up. */
  failed(engine: SimEngine, error: EngineError): void;
}

export interface EngineWorld {
  readonly database: SimDatabase;
  readonly store: SimStore;
  readonly outside: Outside;
  readonly setup: Setup;
  readonly watch: EngineWatch;
  readonly clock: MortalClock;
  readonly boot: string;
}

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
  readonly clock: MortalClock;
  readonly loop: RunLoop;
  readonly broker: Broker;
  readonly scheduler: Scheduler<Startable>;
  readonly journal: Journal;
  readonly threads = new Map<number, SimThread>();
  readonly expansions: Expansion[] = [];
  readonly health = { lanes: 1, ready: 1, zombies: 0 };
  connection: SimConnection;
  isAlive = true;
  readonly #world: EngineWorld;
  readonly #adoption: Adoption;
  /** When the call under way of a step was permitted, by run and path. */
  readonly #granted = new Map<string, number>();

  constructor(world: EngineWorld) {
    const { setup, clock, boot, store, database } = world;
    this.#world = world;
    this.boot = boot;
    this.clock = clock;
    // Breakers have their own tests; here they would keep back what the limits let through.
    const breakers = new Breakers({ clock, limits: () => ({ failures: 0 }) });
    this.broker = new Broker({
      breakers,
      profiles: setup.modelLimits ? profiles : null,
      limits: setup.modelLimits ?? {},
      prices,
      clock,
    });
    this.connection = new SimConnection(database);
    this.journal = this.#openJournal();
    this.scheduler = new Scheduler<Startable>(setup.limits);
    this.loop = new RunLoop({
      journal: this.journal,
      store: asStore(store),
      scheduler: this.scheduler,
      broker: this.broker,
      breakers,
      dispatcher: this,
      registry,
      clock,
      rulesOf: (_tenantId, { agent }) => agent.recovery ?? [],
      itemsOf: (run, container) => this.#itemsOf(run, container),
      onEnd: () => {},
    });
    this.#adoption = new Adoption({
      store: asStore(store),
      registry,
      broker: this.broker,
      dailyBudgetMicroUsd: setup.dailyBudgetMicroUsd,
    });
  }

  /** Takes up a run; by chance its process ends when it has read what it needs. */
  async adopt(row: RunRow, isLast: () => boolean): Promise<void> {
    const { run, ...recovered } = await this.#adoption.adopt(row, this.clock.now());
    if (isLast()) return this.crash();
    this.loop.adopt(run, recovered);
  }

  /** Its process ends. What was sent to the database may or may not arrive. */
  crash(): void {
    this.isAlive = false;
    this.clock.die();
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
      grantedAt: ({ runId, stepPath }) => this.#granted.get(`${runId} ${stepPath}`) ?? Number.NaN,
      isOwned: () => !database.gone.has(this.boot),
      say: (message) => this.#hear(message),
      habits: setup.habits,
    });
    this.threads.set(job.ref, thread);
    watch.launched(this, job);
    return 'sim';
  }

  tell(answer: Answer): void {
    this.threads.get(answer.ref)?.hear(answer);
  }

  cancel(ref: number, error: ErrorData): void {
    const thread = this.threads.get(ref);
    if (thread) return thread.hear({ kind: 'cancel', ref, error });
    // It waits for a thread: nothing of it has run.
    const done = { kind: 'failed', error, degraded: false, trust: 'system' } as const;
    this.#events.messages([{ kind: 'done', ref, done }]);
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
    this.#events.messages([message]);
  }

  #openJournal(): Journal {
    const { watch, database } = this.#world;
    const connect = async () => {
      if (this.connection.isLost) this.connection = new SimConnection(database);
      return this.connection.client;
    };
    const noteGrant = (change: Change): void => {
      if (change.step && (change.turns?.length ?? 0) > 0)
        this.#granted.set(`${change.run.facts.id} ${pathOf(change.step)}`, this.clock.now());
      watch.changed(this, change);
    };
    return new WatchedJournal(
      noteGrant,
      { connect, boot: this.boot, clock: this.clock },
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

  #itemsOf(run: Run, container: Container): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      this.expansions.push({ run, container, resolve, reject });
    });
  }
}

/** A journal that says what is handed to it. */
class WatchedJournal extends Journal {
  readonly #told: (change: Change) => void;

  constructor(
    told: (change: Change) => void,
    line: {
      readonly connect: ConstructorParameters<typeof Journal>[0];
      readonly boot: string;
      readonly clock: Clock;
    },
    events: JournalEvents,
  ) {
    super(line.connect, line, events);
    this.#told = told;
  }

  override write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#told(change);
    super.write(change, durable);
  }
}

// The Store's other statements belong to requests and leases, which this world does without.
function asStore(store: SimStore): Store {
  return store as unknown as Store;
}
