import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { type Clock, systemClock } from '../core/base/clock.ts';
import { EngineError, type ErrorData } from '../core/base/errors.ts';
import type { LeaseClock } from '../core/base/lease-clock.ts';
import type {
  Answer,
  DispatchEvents,
  Dispatcher,
  DispatcherHealth,
  FromThread,
  Job,
} from '../core/ports/dispatcher.ts';
import { Lane, type ThreadSetup } from './lane.ts';
import { watchLanes } from './watchdog.ts';

/** How a pool is opened. */
export interface PoolOptions {
  readonly setup: ThreadSetup;
  /** @default the number of cores, at most 4 */
  readonly threads?: number;
  readonly clock?: Clock;
}

/** Before the next try to boot a thread, once boots have failed in a row; doubled up to the longest. */
const bootDelayMs = 1_000;
const longestBootDelayMs = 30_000;

/** Lanes that die before they were ready, in a row, until the pool says that threads cannot load the modules. */
const bootFailures = 3;

/** The local Dispatcher: long-lived lanes on Piscina threads, many agents on each, and one lane apart for suspects. */
export class Pool implements Dispatcher {
  readonly #piscina: Piscina;
  readonly #setup: ThreadSetup;
  readonly #threads: number;
  readonly #clock: Clock;
  readonly #lanes = new Set<Lane>();
  readonly #byRef = new Map<number, Lane>();
  /** Suspects wait here: one at a time on a lane of its own. */
  readonly #suspects: Job[] = [];
  /** Jobs that came while no lane was ready. */
  #early: Job[] = [];
  #quarantine: Lane | null = null;
  #events: DispatchEvents | null = null;
  #made = 0;
  #failedBoots = 0;
  #firstReady: { resolve: () => void; reject: (error: EngineError) => void } | null = null;
  #stopWatch: () => void = () => {};
  #stopped = false;

  constructor(options: PoolOptions) {
    this.#setup = options.setup;
    this.#threads = options.threads ?? Math.min(4, availableParallelism());
    this.#clock = options.clock ?? systemClock;
    this.#piscina = new Piscina({
      filename: new URL('./thread.ts', import.meta.url).href,
      minThreads: this.#threads,
      // one more for the lane of suspects
      maxThreads: this.#threads + 1,
      // a lane is one task that never ends; we multiplex on its port
      concurrentTasksPerWorker: 1,
      // no task ever waits in Piscina's queue, so there is no hop to save; an idle thread's timers must not freeze
      atomics: 'disabled',
      idleTimeout: 5_000,
      recordTiming: false,
      // a young generation of 8 MB saves 20 MB a thread and costs nothing measurable; the old one bounds a runaway agent
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 },
    });
    this.#piscina.on('error', () => {
      // A thread that fails while idle is replaced by Piscina; a lane's own end is told by its task.
    });
  }

  get health(): DispatcherHealth {
    const ready = [...this.#lanes].filter((lane) => lane.isReady && lane !== this.#quarantine);
    return { lanes: this.#threads, ready: ready.length, zombies: 0 };
  }

  async start(events: DispatchEvents, _lease: LeaseClock): Promise<void> {
    this.#events = events;
    this.#stopWatch = watchLanes(() => this.#lanes, this.#clock);
    const ready = new Promise<void>((resolve, reject) => {
      this.#firstReady = { resolve, reject };
    });
    for (let index = 0; index < this.#threads; index += 1) this.#open();
    await ready;
  }

  run(job: Job): string {
    if (job.alone) {
      this.#suspects.push(job);
      this.#tryNextSuspect();
      return 'quarantine';
    }
    const lane = this.#leastLoaded();
    if (!lane) {
      this.#early.push(job);
      return 'waiting';
    }
    this.#send(lane, job);
    return lane.name;
  }

  tell(message: Answer): void {
    this.#byRef.get(message.ref)?.send(message);
  }

  cancel(ref: number, error: ErrorData): void {
    const lane = this.#byRef.get(ref);
    if (lane) return lane.send({ kind: 'cancel', ref, error });
    // It waits for a lane: nothing of it has run.
    this.#early = this.#early.filter((job) => job.ref !== ref);
    const index = this.#suspects.findIndex((job) => job.ref === ref);
    if (index >= 0) this.#suspects.splice(index, 1);
    this.#events?.messages([
      { kind: 'done', ref, done: { kind: 'failed', error, degraded: false, trust: 'system' } },
    ]);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopWatch();
    for (const lane of this.#lanes) lane.close();
    await this.#piscina.destroy();
  }

  #open(): Lane {
    this.#made += 1;
    const lane = new Lane(`lane-${this.#made}`, this.#piscina, {
      setup: this.#setup,
      now: this.#clock.monotonic(),
      events: {
        ready: (ready) => this.#ready(ready),
        messages: (batch) => this.#messages(batch),
        lost: (gone, reason) => this.#lost(gone, reason),
      },
    });
    this.#lanes.add(lane);
    return lane;
  }

  /** Replaces a lane at once, but later and later while threads die before they are ready. */
  #reopen(): void {
    if (this.#failedBoots < bootFailures) {
      this.#open();
      return;
    }
    const delayMs = Math.min(
      bootDelayMs * 2 ** (this.#failedBoots - bootFailures),
      longestBootDelayMs,
    );
    this.#clock.after(delayMs, () => {
      if (!this.#stopped) this.#open();
    });
  }

  #ready(lane: Lane): void {
    this.#failedBoots = 0;
    this.#firstReady?.resolve();
    if (lane === this.#quarantine) return this.#tryNextSuspect();
    const early = this.#early;
    this.#early = [];
    for (const job of early) this.run(job);
  }

  #messages(batch: readonly FromThread[]): void {
    for (const message of batch) if (message.kind === 'done') this.#forget(message.ref);
    this.#events?.messages(batch);
    if (this.#suspects.length > 0) this.#tryNextSuspect();
  }

  #lost(lane: Lane, reason: string): void {
    this.#lanes.delete(lane);
    if (this.#stopped) return;
    if (!lane.isReady) this.#failedBoots += 1;
    if (this.#failedBoots >= bootFailures) {
      this.#firstReady?.reject(
        new EngineError('MODULE_INVALID', `No worker thread could load the modules: ${reason}`),
      );
    }
    const { current } = lane;
    if (lane === this.#quarantine) this.#quarantine = null;
    else this.#reopen();
    for (const ref of lane.jobs) {
      this.#byRef.delete(ref);
      this.#events?.lost(ref, reason, ref === current);
    }
    this.#tryNextSuspect();
  }

  #tryNextSuspect(): void {
    const job = this.#suspects[0];
    if (!job || this.#stopped) return;
    this.#quarantine ??= this.#open();
    if (!this.#quarantine.isReady || this.#quarantine.jobs.size > 0) return;
    this.#suspects.shift();
    this.#send(this.#quarantine, job);
  }

  #send(lane: Lane, job: Job): void {
    lane.jobs.add(job.ref);
    this.#byRef.set(job.ref, lane);
    lane.send({ kind: 'go', job });
  }

  #forget(ref: number): void {
    this.#byRef.get(ref)?.jobs.delete(ref);
    this.#byRef.delete(ref);
  }

  #leastLoaded(): Lane | null {
    let least: Lane | null = null;
    for (const lane of this.#lanes) {
      if (!lane.isReady || lane === this.#quarantine) continue;
      if (!least || lane.jobs.size < least.jobs.size) least = lane;
    }
    return least;
  }
}
