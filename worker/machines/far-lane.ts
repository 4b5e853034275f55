import type { Clock } from '../../core/base/clock.ts';
import type { ErrorData } from '../../core/base/errors.ts';
import { type LeaseClock, monotonicNs } from '../../core/base/lease-clock.ts';
import type { DeclaredModules, FromThread, ToThread } from '../../core/ports/dispatcher.ts';
import { deliverToJobs } from '../pool/delivery.ts';
import type { Taker } from '../pool/roster.ts';
import { type FromMachine, longestSilenceMs, wordMs } from './messages.ts';
import type { Guest, MachineWire } from './port.ts';

const wordNs = BigInt(wordMs) * 1_000_000n;

/** What becomes of a lane on another machine. */
export interface FarLaneEvents {
  /** It takes jobs. */
  ready(lane: FarLane): void;
  messages(lane: FarLane, batch: readonly FromThread[]): void;
  /** Its process has ended, for sure. `culprit`: the job that it was given up for; 0: unknown. */
  died(lane: FarLane, reason: string, culprit: number): void;
  /** It takes no more jobs. */
  leaving(lane: FarLane): void;
  /** Nothing more is heard of it, and what it had may write for as long as our word holds that it has. */
  gone(lane: FarLane, reason: string): void;
}

/** The engine's side of a lane on another machine. */
export class FarLane implements Taker {
  readonly name: string;
  readonly pools: readonly string[];
  /** Jobs that run there, by ref. */
  readonly jobs = new Set<number>();
  /** It has loaded and takes jobs. */
  isReady = false;
  /** Whether what it began last has ever been ready. */
  hasBeenReady = false;
  /** It takes no more, and goes when it has none. */
  isLeaving = false;
  /** What it has loaded is no longer what jobs are to find: it begins anew when it has none. */
  isStale = false;
  /** Jobs have ended in the process that it has, which may have left something behind. */
  hasServed = false;
  /** Its only job takes nobody beside it. */
  isAlone = false;
  readonly #wire: MachineWire;
  readonly #lease: LeaseClock;
  readonly #clock: Clock;
  readonly #events: FarLaneEvents;
  /** Until when, by our clock, we have last said that it may write. */
  #saidUntilNs = 0n;
  /** Processes that it has begun: what one before the last still says came too late. */
  #starts = 0;
  /** Set once it is to end: our word is not renewed any more. */
  #over: (() => void) | null = null;

  constructor(
    { name, pools, wire, follow }: Guest,
    {
      lease,
      clock,
      events,
    }: { readonly lease: LeaseClock; readonly clock: Clock; readonly events: FarLaneEvents },
  ) {
    this.name = name;
    this.pools = pools;
    this.#wire = wire;
    this.#lease = lease;
    this.#clock = clock;
    this.#events = events;
    follow(
      (message) => this.#hear(message),
      (reason) => {
        this.isReady = false;
        events.gone(this, reason);
      },
    );
  }

  /** Takes jobs of a pool now. */
  takes(pool: string): boolean {
    const isFree = this.isReady && !this.isLeaving && !this.isStale && !this.isAlone;
    return isFree && this.pools.includes(pool);
  }

  /** It is loading, and will take jobs of a pool. */
  comes(pool: string): boolean {
    return !this.isReady && !this.isLeaving && this.pools.includes(pool);
  }

  /** Has it begin a process, in place of the one that it has. */
  start(declared: DeclaredModules, heapMb: number | undefined): void {
    this.isReady = false;
    this.hasBeenReady = false;
    this.isStale = false;
    this.hasServed = false;
    this.isAlone = false;
    this.#starts += 1;
    this.#wire.send({ kind: 'start', start: this.#starts, declared, heapMb });
  }

  send(message: ToThread): void {
    deliverToJobs(
      [message],
      (batch) => this.#wire.send({ kind: 'messages', batch }),
      (end) => this.#events.messages(this, [end]),
    );
  }

  /** Looks whether it still says anything. `now` is monotonic ms. */
  look(now: number): void {
    if (this.#wire.look(now) > longestSilenceMs)
      this.#wire.drop(`nothing was heard of it for ${longestSilenceMs} ms`);
  }

  refuse(error: ErrorData): void {
    this.#wire.end({ kind: 'refused', error });
  }

  /** Resolves once nothing of it can write outside: it has said that nothing runs, or our word has run out. */
  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#over = resolve;
    });
    if (this.jobs.size > 0) {
      this.#wire.send({ kind: 'end' });
      await Promise.race([ended, this.wordIsOver()]);
    }
    this.#wire.drop('the engine stops');
  }

  /** Resolves when it no longer holds what we have said: what it had may be begun elsewhere. */
  wordIsOver(): Promise<void> {
    const leftMs = Number(this.#saidUntilNs - monotonicNs()) / 1e6;
    if (leftMs <= 0) return Promise.resolve();
    return new Promise((resolve) => this.#clock.after(Math.ceil(leftMs), resolve));
  }

  #hear(message: FromMachine): void {
    const events = this.#events;
    switch (message.kind) {
      case 'ping':
        return this.#answer(message.askedNs);
      case 'ready':
        if (message.start !== this.#starts) return;
        this.isReady = true;
        this.hasBeenReady = true;
        return events.ready(this);
      case 'messages':
        return events.messages(this, message.batch);
      case 'lost':
        if (message.start !== this.#starts) return;
        this.isReady = false;
        return events.died(this, String(message.reason).slice(0, 500), Number(message.current));
      case 'leaving':
        this.isLeaving = true;
        return events.leaving(this);
      case 'ended':
        return this.#over?.();
      case 'greeting':
        return; // once is enough
    }
  }

  /** Says until when it may write: never longer than this engine itself may, and not for long. */
  #answer(askedNs: bigint): void {
    const saidNs = monotonicNs();
    const { untilNs: leaseUntilNs } = this.#lease;
    const wordUntilNs = saidNs + wordNs;
    const longestNs = leaseUntilNs < wordUntilNs ? leaseUntilNs : wordUntilNs;
    const untilNs = this.#over ? 0n : longestNs;
    if (untilNs > this.#saidUntilNs) this.#saidUntilNs = untilNs;
    this.#wire.send({ kind: 'pong', askedNs, saidNs, untilNs });
  }
}
