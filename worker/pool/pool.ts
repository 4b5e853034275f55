import type { Piscina } from 'piscina';
import { type Clock, systemClock } from '../../core/base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../core/base/errors.ts';
import type { LeaseClock } from '../../core/base/lease-clock.ts';
import type { ThreadsConfig } from '../../core/ports/config.ts';
import type {
  Answer,
  DeclaredModules,
  DispatchEvents,
  Dispatcher,
  DispatcherHealth,
  FromThread,
  Job,
} from '../../core/ports/dispatcher.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import type { JobWait } from '../../core/ports/job-wait.ts';
import type { Machines, MachinesOptions, MachinesSetup } from '../machines/machines.ts';
import { Apart } from './apart.ts';
import { refusal } from './delivery.ts';
import type { Isolation } from './isolation.ts';
import { Lane, type ThreadSetup } from './lane.ts';
import { type LaneRange, laneRange } from './lane-range.ts';
import { Quarantine } from './quarantine.ts';
import { Scaling } from './scaling.ts';
import { openThreads } from './threads.ts';
import { watch } from './watchdog.ts';

/** How a pool is opened. */
export interface PoolOptions {
  readonly setup: ThreadSetup;
  /** How many; a range: as there is work. @default as `laneRange` says */
  readonly threads?: ThreadsConfig | undefined;
  /** How long little has to be going on until a thread goes that was added, or a process of agents that are kept apart, ms. @default 60,000 */
  readonly idleMs?: number;
  /** Which agents run in processes of their own. @default none */
  readonly isolation?: Isolation;
  /** Other machines that it lets agents run on. @default none: what is to run there is refused */
  readonly machines?: MachinesSetup | undefined;
  readonly clock?: Clock;
  /** Where its threads tell each other what they write to the ERP. @default its own */
  readonly freshness?: Freshness;
}

/** Before the next try to boot a thread, once boots have failed in a row; doubled up to the longest. */
const bootDelayMs = 1_000;
const longestBootDelayMs = 30_000;

/** Lanes that die before they were ready, in a row, until the pool says that threads cannot load the modules. */
const bootFailures = 3;

/** With this many threads that will not die no lane is replaced until one of them does: each holds memory and may burn a core. */
const mostZombies = 8;

/** How long `stop` waits for threads: one in a native call does not end before that returns. */
const longestStopMs = 2_000;

/** What a started pool works for. */
interface Started {
  readonly events: DispatchEvents;
  readonly lease: LeaseClock;
  readonly quarantine: Quarantine;
  readonly apart: Apart;
  readonly machines: Machines | null;
  readonly stopWatch: () => void;
}

/** The local Dispatcher: long-lived lanes on Piscina threads, many agents on each, and a quarantine for suspects. */
export class Pool implements Dispatcher {
  /** Those that there always are. */
  readonly #threads: Piscina;
  /** Those that are added under load, each opened with its lane; null before the first. */
  #added: Piscina | null = null;
  #setup: ThreadSetup;
  readonly #range: LaneRange;
  readonly #isolation: Isolation | undefined;
  readonly #machines: MachinesSetup | undefined;
  readonly #idleMs: number | undefined;
  readonly #scaling: Scaling;
  readonly #clock: Clock;
  readonly #freshness: Freshness;
  readonly #lanes = new Set<Lane>();
  #isWatched = false;
  /** Lanes that were given up and whose threads have not ended. */
  readonly #zombies = new Set<Lane>();
  readonly #byRef = new Map<number, Lane>();
  /** Jobs that came while no lane was ready. */
  #early: Job[] = [];
  #started: Started | null = null;
  #made = 0;
  /** Lanes that died and have none in their place yet, and how many have. */
  #missing = 0;
  #restarts = 0;
  #failedBoots = 0;
  #waitsToBoot = false;
  #firstReady: { resolve: () => void; reject: (error: EngineError) => void } | null = null;
  #stopped = false;

  constructor(options: PoolOptions) {
    const { setup, threads, isolation, clock = systemClock, idleMs } = options;
    this.#setup = setup;
    this.#isolation = isolation;
    this.#machines = options.machines;
    this.#idleMs = idleMs;
    this.#range = laneRange(threads);
    this.#clock = clock;
    this.#freshness = options.freshness ?? new Freshness();
    this.#threads = openThreads(this.#range.least);
    this.#scaling = new Scaling({
      ...{ range: this.#range, clock, idleMs },
      lanes: () => this.#staying(),
      changed: () => this.#fit(),
    });
  }

  get health(): DispatcherHealth {
    const ready = this.#staying().filter((lane) => lane.isReady).length;
    const { wanted: lanes } = this.#scaling;
    const { size: zombies } = this.#zombies;
    const apart = this.#started?.apart.watched.length ?? 0;
    const machines = this.#started?.machines?.health;
    const more = { restarts: this.#restarts, apart, ...(machines && { machines }) };
    return { lanes, ready, zombies, ...more, ...this.#range };
  }

  get awaiting(): ReadonlyMap<number, JobWait> {
    const { apart, machines, quarantine } = this.#started ?? {};
    const all = [apart, machines, quarantine].flatMap((each) => [...(each?.awaiting ?? [])]);
    return new Map(all);
  }

  async start(events: DispatchEvents, lease: LeaseClock): Promise<void> {
    const clock = this.#clock;
    const { processes = 1, heapMb } = this.#isolation ?? {};
    const freshness = this.#freshness;
    const parts = { setup: this.#setup, clock, lease, freshness, events, heapMb };
    const quarantine = new Quarantine(parts);
    const apart = new Apart({ ...parts, processes, idleMs: this.#idleMs });
    const machines = this.#machines
      ? await openMachines({ ...this.#machines, ...parts }, this.#setup)
      : null;
    if (this.#stopped) {
      await machines?.stop();
      throw isStopped();
    }
    const stopWatch = watch(() => [...this.#lanes, ...quarantine.watched, ...apart.watched], clock);
    this.#started = { events, lease, quarantine, apart, machines, stopWatch };
    const ready = new Promise<void>((resolve, reject) => {
      this.#firstReady = { resolve, reject };
    });
    this.#fill();
    await ready;
    this.#scaling.start();
  }

  run(job: Job): string {
    const place = this.#isolation?.placeOf(job) ?? null;
    if (place && 'pool' in place) return this.#runOn(place.pool, job);
    if (job.alone) {
      this.#started?.quarantine.run(job, place?.module ?? null);
      return 'quarantine';
    }
    if (place) return (this.#started as Started).apart.run(place.module, job);
    const lane = this.#leastLoaded();
    if (!lane) {
      this.#early.push(job);
      return 'waiting';
    }
    lane.jobs.add(job.ref);
    this.#byRef.set(job.ref, lane);
    lane.send({ kind: 'go', job });
    return lane.name;
  }

  tell(message: Answer): void {
    const lane = this.#byRef.get(message.ref);
    if (lane) return lane.send(message);
    const { apart, machines, quarantine } = this.#started ?? {};
    if (!apart?.tell(message) && !machines?.tell(message)) quarantine?.tell(message);
  }

  watch(isOn: boolean): void {
    this.#isWatched = isOn;
    for (const lane of this.#lanes) lane.send({ kind: 'watch', isOn });
    this.#started?.apart.watch(isOn);
    this.#started?.machines?.watch(isOn);
  }

  cancel(ref: number, error: ErrorData): void {
    const lane = this.#byRef.get(ref);
    if (lane) return lane.send({ kind: 'cancel', ref, error });
    if (this.#started?.apart.cancel(ref, error)) return;
    if (this.#started?.machines?.cancel(ref, error)) return;
    const later = this.#early.filter((job) => job.ref !== ref);
    if (later.length === this.#early.length) return this.#started?.quarantine.cancel(ref, error);
    // It waits for a lane: nothing of it has run.
    this.#early = later;
    this.#started?.events.messages([refusal(ref, error)]);
  }

  async declare(declared: DeclaredModules): Promise<void> {
    const { modules = [], digest } = this.#setup;
    await this.#declare(declared).catch(async (error: unknown) => {
      await this.#declare({ modules, digest });
      throw error;
    });
    this.#started?.quarantine.renew(this.#setup);
    this.#started?.apart.renew(this.#setup);
    this.#started?.machines?.renew(declared);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#firstReady?.reject(isStopped());
    this.#started?.stopWatch();
    this.#scaling.stop();
    // Destroyed first: a pool that is not would replace the threads whose lanes are closed, and the new ones load everything once more.
    const ended = Promise.all([
      this.#threads.destroy(),
      this.#added?.destroy(),
      this.#started?.quarantine.stop(),
      this.#started?.apart.stop(),
    ]);
    for (const lane of [...this.#lanes, ...this.#zombies]) lane.close();
    await Promise.race([
      ended,
      new Promise<void>((resolve) => this.#clock.after(longestStopMs, resolve)),
    ]);
    // Whoever owns the runs next must be alone in writing.
    await this.#started?.machines?.stop();
  }

  #runOn(pool: string, job: Job): string {
    const { events, machines } = this.#started as Started;
    if (machines) return machines.run(pool, job);
    const why = `'${job.agent}' is to run on machines of '${pool}', and this engine lets none in; configure \`machines\`, or name another place under \`isolation.agents\`.`;
    const refused = refusal(job.ref, toErrorData(new EngineError('CONFIG_INVALID', why)));
    setImmediate(() => events.messages([refused]));
    return 'waiting';
  }

  /** One that boots hears of it before any job, and is not waited for: it may have to wait for a thread. */
  async #declare(declared: DeclaredModules): Promise<void> {
    this.#setup = { ...this.#setup, ...declared };
    const told = [...this.#lanes].map((lane) => {
      const done = lane.declare(declared);
      if (lane.isReady) return done;
      void done.catch((error: Error) => lane.abort(error.message));
      return null;
    });
    await Promise.all(told);
  }

  /** Opens lanes until there are enough, but later and later while threads die before they are ready. */
  #fill(): void {
    if (this.#stopped || this.#waitsToBoot) return;
    if (this.#failedBoots >= bootFailures) return this.#bootLater();
    while (this.#staying().length < this.#scaling.wanted && this.#zombies.size < mostZombies)
      this.#open();
  }

  /** Another number of lanes is wanted: one that is about to go stays, one more opens, or one is to go. */
  #fit(): void {
    if (this.#staying().length > this.#scaling.wanted) return this.#sendAway();
    const back = [...this.#lanes].find((lane) => lane.isLeaving);
    if (back) back.isLeaving = false;
    this.#fill();
  }

  /** Of the lanes that were added the one with the least to do takes no more, and goes when it has none left. */
  #sendAway(): void {
    const added = this.#staying().filter(({ threads }) => threads === this.#added);
    const [lane] = added.toSorted((a, b) => a.load - b.load);
    if (!lane) return;
    lane.isLeaving = true;
    this.#goIfDone(lane);
  }

  #goIfDone(lane: Lane): void {
    if (!lane.isLeaving || lane.load > 0) return;
    this.#lanes.delete(lane);
    lane.close();
  }

  /** Lanes that are not about to go. */
  #staying(): readonly Lane[] {
    return [...this.#lanes].filter((lane) => !lane.isLeaving);
  }

  #open(): void {
    const { events, lease } = this.#started as Started;
    this.#made += 1;
    if (this.#missing > 0) {
      this.#missing -= 1;
      this.#restarts += 1;
    }
    const lane = new Lane(`lane-${this.#made}`, this.#threadsOfNext(), {
      setup: this.#setup,
      lease: lease.shared,
      freshness: this.#freshness.shared,
      events: {
        ready: () => this.#ready(),
        messages: (batch) => this.#messages(batch, events),
        lost: (gone, reason) => this.#lost(gone, reason),
        ended: (gone) => {
          if (this.#zombies.delete(gone)) this.#fill();
        },
      },
    });
    this.#lanes.add(lane);
    if (this.#isWatched) lane.send({ kind: 'watch', isOn: true });
  }

  /** Those that there always are go first. */
  #threadsOfNext(): Piscina {
    const { least, most } = this.#range;
    const kept = [...this.#lanes].filter(({ threads }) => threads === this.#threads);
    if (kept.length < least) return this.#threads;
    this.#added ??= openThreads(most - least, { kept: 0 });
    return this.#added;
  }

  #bootLater(): void {
    const delayMs = Math.min(
      bootDelayMs * 2 ** (this.#failedBoots - bootFailures),
      longestBootDelayMs,
    );
    this.#waitsToBoot = true;
    this.#clock.after(delayMs, () => {
      this.#waitsToBoot = false;
      // One lane tries; the others follow when it is ready.
      if (!this.#stopped && this.#staying().length < this.#scaling.wanted) this.#open();
    });
  }

  #ready(): void {
    this.#failedBoots = 0;
    this.#firstReady?.resolve();
    this.#fill();
    const early = this.#early;
    this.#early = [];
    for (const job of early) this.run(job);
  }

  #messages(batch: readonly FromThread[], events: DispatchEvents): void {
    for (const { kind, ref } of batch) {
      if (kind !== 'done') continue;
      const lane = this.#byRef.get(ref);
      this.#byRef.delete(ref);
      lane?.jobs.delete(ref);
      if (lane) this.#goIfDone(lane);
    }
    events.messages(batch);
  }

  #lost(lane: Lane, reason: string): void {
    this.#lanes.delete(lane);
    if (this.#stopped) return;
    if (!lane.isLeaving) this.#missing += 1;
    if (!lane.hasEnded) this.#zombies.add(lane);
    if (!lane.isReady) this.#failedBoots += 1;
    if (this.#failedBoots >= bootFailures) {
      this.#firstReady?.reject(
        new EngineError('MODULE_INVALID', `No worker thread could load the modules: ${reason}`),
      );
    }
    const { current } = lane;
    this.#fill();
    for (const ref of lane.jobs) {
      this.#byRef.delete(ref);
      this.#started?.events.lost(ref, reason, ref === current);
    }
  }

  #leastLoaded(): Lane | null {
    let least: Lane | null = null;
    for (const lane of this.#lanes) {
      if (!lane.isReady || lane.isLeaving) continue;
      if (!least || lane.jobs.size < least.jobs.size) least = lane;
    }
    return least;
  }
}

/** Why nothing starts any more. */
function isStopped(): EngineError {
  return new EngineError('ENGINE_STOPPED', 'The threads were stopped while they started.');
}

/** Who has no machines loads nothing of them. @throws PORT_TAKEN · CONFIG_INVALID */
async function openMachines(
  parts: Omit<MachinesOptions, 'declared'>,
  { modules = [], digest }: ThreadSetup,
): Promise<Machines> {
  const { Machines } = await import('../machines/machines.ts');
  const opened = new Machines({ ...parts, declared: { modules, digest } });
  await opened.open();
  return opened;
}
