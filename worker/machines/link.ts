import { connect } from 'node:tls';
import type { Clock } from '../../core/base/clock.ts';
import type { ErrorData } from '../../core/base/errors.ts';
import { LeaseClock, monotonicNs } from '../../core/base/lease-clock.ts';
import type { FromThread, ToThread } from '../../core/ports/dispatcher.ts';
import { deliver, notSent, refusal } from '../pool/delivery.ts';
import type { ThreadSetup } from '../pool/lane.ts';
import { LaneProcess } from '../pool/lane-process.ts';
import { EngineTime } from './engine-time.ts';
import type { Greeting } from './ground.ts';
import {
  type FromMachine,
  greetingMs,
  longestSilenceMs,
  pingEveryMs,
  type ToMachine,
} from './messages.ts';
import type { Papers } from './papers.ts';
import { Wire } from './wire.ts';

/** Where an engine listens. */
export interface EngineAddress {
  readonly host: string;
  readonly port: number;
}

/** What a connection to an engine is made with. */
export interface LinkOptions {
  readonly address: EngineAddress;
  readonly papers: Papers;
  readonly greeting: Greeting;
  /** What threads of this machine load, but for what the engine says. */
  readonly setup: Omit<ThreadSetup, 'digest' | 'modules'>;
  readonly clock: Clock;
  readonly events: {
    /** The engine has let it in. */
    welcome(): void;
    /** Told once, when nothing of it runs any more. `isRefused`: it is of no use to come back soon. */
    over(reason: string, isRefused: boolean): void;
  };
}

/**
 * A machine's side of one lane: a connection to an engine, and the process that does what comes over it. The process writes outside only for
 * as long as the engine's word holds; once that has run out, or the connection is lost, the process is ended, whatever it does.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #wire: Wire<FromMachine, ToMachine>;
  readonly #time = new EngineTime();
  readonly #lease = new LeaseClock();
  #process: LaneProcess | null = null;
  /** The number of its process, as the engine counts them. */
  #nth = 0;
  #isWelcome = false;
  #hasLoaded = false;
  /** The engine knows that it takes jobs. */
  #isReady = false;
  #isLeaving = false;
  #isRefused = false;
  #reason = '';
  #cancelTick: () => void = () => {};
  /** Ends of processes that were given up. */
  #ending: Promise<void> = Promise.resolve();

  constructor(options: LinkOptions) {
    const { address, papers, clock } = options;
    this.#options = options;
    const socket = connect({ ...papers, ...address, rejectUnauthorized: true });
    this.#wire = new Wire(socket, {
      message: (message) => this.#hear(message),
      closed: (reason) => this.#closed(reason),
    });
    const cancel = clock.after(greetingMs, () => {
      if (!this.#isWelcome) this.#giveUp('the engine did not answer');
    });
    socket.once('secureConnect', () => {
      // Node has looked at both already: who comes this far is the one that its certificate names.
      this.#wire.send(options.greeting);
      this.#tick();
    });
    socket.once('close', cancel);
  }

  /** Its process, for the watchdog. */
  get watched(): readonly LaneProcess[] {
    return this.#process ? [this.#process] : [];
  }

  /** Takes nothing more; the engine closes the connection when the last job has ended. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#isWelcome) this.#wire.send({ kind: 'leaving' });
    else this.#giveUp('this machine stops');
  }

  /** Ends it at once, with what runs. */
  close(): void {
    this.#giveUp('this machine stops');
  }

  #hear(message: ToMachine): void {
    switch (message.kind) {
      case 'welcome':
        this.#isWelcome = true;
        this.#wire.open();
        this.#ask();
        this.#options.events.welcome();
        if (this.#isLeaving) this.leave();
        return;
      case 'refused':
        this.#isRefused = true;
        return this.#giveUp(message.error.message);
      case 'start':
        return this.#start(message);
      case 'pong':
        return this.#learn(message);
      case 'end':
        return this.#endProcess();
      case 'messages':
        for (const each of message.batch) this.#process?.send(this.#asOurs(each));
    }
  }

  #start({ start, declared, heapMb }: Extract<ToMachine, { kind: 'start' }>): void {
    this.#stopProcess();
    this.#nth = start;
    const setup: ThreadSetup = { ...this.#options.setup, ...declared };
    const started = new LaneProcess({
      ...{ setup, lease: this.#lease, heapMb },
      events: {
        ready: () => {
          this.#hasLoaded = true;
          this.#tellReady();
        },
        messages: (batch) => this.#pass(batch),
        lost: (reason, current) => {
          if (this.#process !== started) return;
          this.#forget();
          this.#wire.send({ kind: 'lost', start, reason, current });
        },
      },
    });
    this.#process = started;
  }

  /** Passes on what the process says, for as long as it may: what it has done since has perhaps been done elsewhere, too. */
  #pass(batch: readonly FromThread[]): void {
    if (this.#hasLapsed()) return;
    deliver(
      batch,
      (each) => this.#wire.send({ kind: 'messages', batch: each }),
      ({ ref }, thrown) =>
        this.#refuse(ref, notSent(thrown, 'RESULT_UNCLONABLE', 'What the job says')),
    );
  }

  /** Ends a job whose word cannot be sent. */
  #refuse(ref: number, error: ErrorData): void {
    this.#wire.send({ kind: 'messages', batch: [refusal(ref, error)] });
    this.#process?.send({ kind: 'cancel', ref, error });
  }

  #learn({ askedNs, saidNs, untilNs }: Extract<ToMachine, { kind: 'pong' }>): void {
    // What once had no word may have found that out: it must not go on by a later one.
    if (this.#hasLapsed()) return;
    this.#time.learn({ askedNs, saidNs });
    this.#lease.untilNs = this.#time.own(untilNs);
    this.#tellReady();
  }

  /** It takes jobs when it has loaded and may write. */
  #tellReady(): void {
    if (!this.#hasLoaded || this.#isReady || !this.#lease.isHeld) return;
    this.#isReady = true;
    this.#wire.send({ kind: 'ready', start: this.#nth });
  }

  /** Gives everything up where it takes jobs and the engine's word has run out. */
  #hasLapsed(): boolean {
    const hasLapsed = this.#isReady && !this.#lease.isHeld;
    if (hasLapsed) this.#giveUp("the engine's word has run out");
    return hasLapsed;
  }

  #tick(): void {
    if (!this.#wire.isOpen) return;
    const { clock } = this.#options;
    if (this.#wire.look(clock.monotonic()) > longestSilenceMs)
      return this.#giveUp(`nothing was heard of the engine for ${longestSilenceMs} ms`);
    if (this.#hasLapsed()) return;
    this.#ask();
    this.#cancelTick = clock.after(pingEveryMs, () => this.#tick());
  }

  #ask(): void {
    this.#wire.send({ kind: 'ping', askedNs: monotonicNs() });
  }

  /** The engine's moments as ours. */
  #asOurs(message: ToThread): ToThread {
    if (message.kind !== 'begun' && message.kind !== 'ended') return message;
    const { clearUntilMs = 0 } = message;
    return { ...message, clearUntilMs: this.#time.ownMs(clearUntilMs) };
  }

  #endProcess(): void {
    this.#stopProcess();
    void this.#ending.then(() => this.#wire.send({ kind: 'ended' }));
  }

  #stopProcess(): void {
    const process = this.#process;
    this.#forget();
    if (process) this.#ending = Promise.all([this.#ending, process.close()]).then(() => {});
  }

  #forget(): void {
    this.#process = null;
    this.#hasLoaded = false;
    this.#isReady = false;
  }

  #giveUp(reason: string): void {
    this.#reason ||= reason;
    this.#wire.drop(reason);
  }

  #closed(reason: string): void {
    this.#cancelTick();
    this.#stopProcess();
    const { events } = this.#options;
    void this.#ending.then(() => events.over(this.#reason || reason, this.#isRefused));
  }
}
