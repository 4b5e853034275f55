import type { Clock } from '../../core/base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../core/base/errors.ts';
import type { LeaseClock } from '../../core/base/lease-clock.ts';
import type { Log } from '../../core/base/telemetry/log.ts';
import type {
  Answer,
  DeclaredModules,
  FromThread,
  Job,
  MachinesHealth,
} from '../../core/ports/dispatcher.ts';
import type { JobWait } from '../../core/ports/job-wait.ts';
import type { MachinesConfig } from '../../core/ports/machines-config.ts';
import { Roster, type RosterOptions } from '../pool/roster.ts';
import { FarLane } from './far-lane.ts';
import type { Ground } from './ground.ts';
import { readPapers } from './papers.ts';
import { type Guest, Port } from './port.ts';

/** What a pool is told of machines, by whoever composes it. */
export interface MachinesSetup {
  readonly config: MachinesConfig;
  readonly configUrl: string;
  /** What machines must have in common with this engine; read when the first one comes. */
  readonly ground: () => Promise<Ground>;
  readonly log: Log;
}

/** What agents on other machines run with. */
export interface MachinesOptions extends MachinesSetup, RosterOptions {
  readonly declared: DeclaredModules;
  readonly clock: Clock;
  readonly lease: LeaseClock;
  /** The heap that the agents of a lane may have together, MB. @default as a thread of the engine */
  readonly heapMb?: number | undefined;
}

const lookEveryMs = 500;

/**
 * Where agents run on other machines: on lanes that those offer, each a connection. A job waits until a machine of its pool has a lane. A lane
 * whose connection is lost may still be at work over there, so its jobs count as lost only once our word to it has run out.
 */
export class Machines {
  readonly #options: MachinesOptions;
  readonly #port: Port;
  #declared: DeclaredModules;
  readonly #lanes = new Set<FarLane>();
  /** Jobs by the pool of the machine that they wait for. */
  readonly #roster: Roster<string, FarLane>;
  #isWatched = false;
  #stopped = false;
  #cancelLook: () => void = () => {};

  constructor(options: MachinesOptions) {
    const { config, configUrl, ground, clock, log } = options;
    this.#options = options;
    this.#declared = options.declared;
    this.#roster = new Roster(options);
    const papers = readPapers(config, configUrl);
    this.#port = new Port({
      ...{ config, papers, ground, clock, log },
      welcome: (guest) => this.#welcome(guest),
    });
  }

  /** Begins to listen. @throws PORT_TAKEN */
  async open(): Promise<void> {
    await this.#port.open();
    this.#options.log.info('Machines are listened for.', { port: this.#port.number });
    this.#look();
  }

  get health(): MachinesHealth {
    const lanes = [...this.#lanes].map(({ name, pools, isReady, isLeaving, jobs }) => {
      return { machine: name, pools, isReady: isReady && !isLeaving, running: jobs.size };
    });
    const waiting: Record<string, number> = {};
    for (const { for: pool } of this.#roster.waiting) waiting[pool] = (waiting[pool] ?? 0) + 1;
    return { port: this.#port.number, lanes, waiting };
  }

  /** Jobs that wait for a machine, by ref. */
  get awaiting(): ReadonlyMap<number, JobWait> {
    return this.#roster.awaiting((pool) => ({ kind: 'machine', pool }));
  }

  /** Sends a job off, or has it wait for a machine; returns the name of its worker. */
  run(pool: string, job: Job): string {
    this.#roster.add({ job, for: pool });
    this.#next();
    return `machine-${pool}`;
  }

  /** Passes a message on; false where the job is none of these. */
  tell(message: Answer): boolean {
    return this.#roster.tell(message);
  }

  /** Ends a job from outside; false where it is none of these. */
  cancel(ref: number, error: ErrorData): boolean {
    return this.#roster.cancel(ref, error);
  }

  watch(isOn: boolean): void {
    this.#isWatched = isOn;
    for (const lane of this.#lanes) if (lane.isReady) lane.send({ kind: 'watch', isOn });
  }

  /** Jobs that follow run with something else; what runs goes on with what it has. */
  renew(declared: DeclaredModules): void {
    this.#declared = declared;
    for (const lane of [...this.#lanes]) {
      lane.isStale = true;
      this.#rest(lane);
    }
  }

  /** Resolves once nothing on any machine can write outside. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLook();
    this.#port.close();
    const lanes = this.#lanes.union(this.#roster.busy);
    await Promise.all([...lanes].map((lane) => lane.end()));
  }

  #look(): void {
    const { clock } = this.#options;
    for (const lane of [...this.#lanes]) lane.look(clock.monotonic());
    this.#cancelLook = clock.after(lookEveryMs, () => this.#look());
  }

  #welcome(guest: Guest): void {
    const { lease, clock, log } = this.#options;
    const lane = new FarLane(guest, {
      ...{ lease, clock },
      events: {
        ready: () => {
          if (this.#isWatched) lane.send({ kind: 'watch', isOn: true });
          this.#next();
        },
        messages: (_, batch) => this.#hear(lane, batch),
        died: (_, reason, culprit) => this.#died(lane, reason, culprit),
        leaving: () => this.#rest(lane),
        gone: (_, reason) => this.#gone(lane, reason),
      },
    });
    this.#lanes.add(lane);
    log.info('A machine has come.', { machine: lane.name, pools: lane.pools.join() });
    this.#start(lane);
  }

  #start(lane: FarLane): void {
    lane.start(this.#declared, this.#options.heapMb);
  }

  /** Gives work to the lanes that take it. A suspect gets one that is empty, and begins anew for it; while none is, the one with least to do is kept for it. */
  #next(): void {
    if (this.#stopped) return;
    const kept = new Set<FarLane>();
    this.#roster.assign(({ job, for: pool }) => {
      const lane = this.#leastLoaded(pool, kept);
      if (!lane) return undefined;
      if (job.alone && lane.jobs.size > 0) return void kept.add(lane);
      if (job.alone && lane.hasServed) return this.#renew(lane, pool, kept);
      lane.isAlone = job.alone;
      return lane;
    });
  }

  /** Has a lane begin anew for a suspect, unless another one does: its end is proof only where nobody was before it. */
  #renew(lane: FarLane, pool: string, kept: Set<FarLane>): undefined {
    kept.add(lane);
    if (![...this.#lanes].some((each) => each.comes(pool))) this.#start(lane);
  }

  #leastLoaded(pool: string, kept: ReadonlySet<FarLane>): FarLane | undefined {
    const free = [...this.#lanes].filter((lane) => lane.takes(pool) && !kept.has(lane));
    return free.toSorted((a, b) => a.jobs.size - b.jobs.size)[0];
  }

  #hear(lane: FarLane, batch: readonly FromThread[]): void {
    const hasEnded = this.#roster.hear(lane, batch, ({ kind }) => {
      // A suspect that did not end well may have left something behind that would be blamed on the next.
      if (lane.isAlone && kind === 'failed') lane.isStale = true;
    });
    if (hasEnded) lane.hasServed = true;
    if (!hasEnded || lane.jobs.size > 0) return;
    lane.isAlone = false;
    this.#rest(lane);
    this.#next();
  }

  /** What has nothing to do goes where it is to leave, and begins anew where other things are to be found. */
  #rest(lane: FarLane): void {
    if (lane.jobs.size > 0 || !this.#lanes.has(lane)) return;
    if (lane.isLeaving) {
      this.#lanes.delete(lane);
      void lane.end();
    } else if (lane.isStale) this.#start(lane);
  }

  #died(lane: FarLane, reason: string, culprit: number): void {
    const hasRun = lane.hasBeenReady;
    this.#lose(lane, reason, culprit);
    lane.isStale = true;
    if (hasRun) return this.#rest(lane);
    this.#lanes.delete(lane);
    const why = `It cannot load what the engine has: ${reason}.`;
    lane.refuse(toErrorData(new EngineError('MACHINE_REFUSED', why)));
    this.#options.log.warn('A machine was not let in.', {
      ...{ code: 'MACHINE_REFUSED', machine: lane.name, reason: why },
    });
  }

  #gone(lane: FarLane, reason: string): void {
    this.#lanes.delete(lane);
    if (this.#stopped) return;
    const { log } = this.#options;
    const fields = { machine: lane.name, reason, running: lane.jobs.size };
    if (lane.isLeaving && lane.jobs.size === 0) log.info('A machine has left.', fields);
    else log.warn('The connection to a machine is lost.', { code: 'LANE_LOST', ...fields });
    // A network that breaks is no job's fault.
    void lane.wordIsOver().then(() => this.#lose(lane, reason, null));
  }

  #lose(lane: FarLane, reason: string, culprit: number | null): void {
    if (this.#stopped) return;
    this.#roster.lose(lane, `on machine '${lane.name}', ${reason}`, culprit);
    this.#next();
  }
}
