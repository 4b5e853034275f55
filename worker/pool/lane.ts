import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { EngineError } from '../../core/base/errors.ts';
import type { DeclaredModules, FromThread, ToThread } from '../../core/ports/dispatcher.ts';
import type { ModuleRef } from '../../core/ports/module-code.ts';
import { deliverToJobs, mostTogether } from './delivery.ts';
import { Hearing } from './hearing.ts';
import type { ScaledLane } from './scaling.ts';
import { Silence, threadStat } from './silence.ts';
import { type Seen, unseen, type Vitals, type Watched } from './watchdog.ts';

/** What a thread needs to load before it can run agents. Plain data. */
export interface ThreadSetup {
  /** URL of the configuration module. */
  readonly configUrl: string;
  /** Where the embedded ERP's database is. */
  readonly connection: unknown;
  /** Where the files of tenants lie. */
  readonly dataFolder: string;
  /** Which model each profile means, or null for playbooks. */
  readonly profiles: unknown;
  /** Digest of the engine's registry; a thread that loads anything else refuses to run. */
  readonly digest: string;
  /** Modules beside those that the configuration names. @default none */
  readonly modules?: readonly ModuleRef[];
  /** The profile of the configuration. @default as the environment says */
  readonly profile?: string | undefined;
}

/** What a lane's thread is handed. */
export interface LaneTask {
  readonly port: MessagePort;
  readonly shared: SharedArrayBuffer;
  /** Memory of the engine's LeaseClock. */
  readonly lease: SharedArrayBuffer;
  /** Memory of the process's Freshness. @default every read asks the ERP: nobody would tell the thread of writes */
  readonly freshness?: SharedArrayBuffer | undefined;
  readonly setup: ThreadSetup;
}

/** First message of a thread, and its answer to `declare`. */
export type Hello =
  /** `message`: why it could not, and has what it had. */
  | { readonly kind: 'declared'; readonly message?: string }
  | { readonly kind: 'hello' }
  | { readonly kind: 'unfit'; readonly code: string; readonly message: string };

/** Slots of the memory that a lane shares with its thread, 32-bit integers. */
export const slots = {
  beat: 0,
  current: 1,
  heapMb: 2,
  externalMb: 3,
  thread: 4,
  cpuMs: 5,
} as const;

/** What a lane reports. */
export interface LaneEvents {
  ready(lane: Lane): void;
  messages(batch: readonly FromThread[]): void;
  /** The thread is gone, or was given up; nothing is heard from it any more. */
  lost(lane: Lane, reason: string): void;
  /** The thread has really ended, which one that was given up in a native call does when that returns. */
  ended(lane: Lane): void;
}

/**
 * One long task on one Piscina thread, which runs many agents for as long as it lives. Its own abort signal and port: a thread
 * that hangs is dropped at once and replaced, and only the jobs of this lane are concerned.
 */
export class Lane implements Watched, ScaledLane {
  readonly name: string;
  /** Where its thread is from. */
  readonly threads: Piscina;
  /** Jobs that run here, by ref. */
  readonly jobs = new Set<number>();
  isReady = false;
  hasEnded = false;
  /** It takes no more jobs, and goes when it has none. */
  isLeaving = false;
  seen: Seen = unseen;
  readonly #silence = new Silence();
  readonly #port: MessagePort;
  readonly #memory: Int32Array;
  readonly #abort = new AbortController();
  readonly #events: LaneEvents;
  readonly #hearing: Hearing<FromThread>;
  #outgoing: ToThread[] = [];
  #reason = '';
  #closed = false;
  /** Those who wait until the thread has declared something else, oldest first. */
  readonly #declaring: ((fault: string | null) => void)[] = [];

  constructor(
    name: string,
    threads: Piscina,
    options: {
      readonly setup: ThreadSetup;
      readonly lease: SharedArrayBuffer;
      readonly freshness?: SharedArrayBuffer;
      readonly events: LaneEvents;
    },
  ) {
    const { setup, lease, freshness, events } = options;
    const { port1, port2 } = new MessageChannel();
    this.name = name;
    this.threads = threads;
    this.#events = events;
    this.#hearing = new Hearing((batch) => events.messages(batch));
    const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * Object.keys(slots).length);
    this.#memory = new Int32Array(shared);
    this.#port = port1;
    port1.on('message', (batch: readonly (FromThread | Hello)[]) => this.#hear(batch));
    port1.on('messageerror', ({ message }: Error) =>
      this.abort(`it said what cannot be read: ${message}`),
    );
    // Our side stays open: the other one closes when the thread has ended, and only then.
    port1.on('close', () => {
      this.hasEnded = true;
      events.ended(this);
    });
    const task: LaneTask = { port: port2, shared, lease, freshness, setup };
    void threads
      .run(task, { transferList: [port2], signal: this.#abort.signal })
      .then(
        () => 'its thread ended',
        (error: unknown) => this.#reason || codeOf(error),
      )
      .then((reason) => {
        this.#hearing.finish();
        if (this.#closed) return;
        this.#closed = true;
        for (const declared of this.#declaring.splice(0)) declared(null);
        // Without effect unless the lane ended before a thread had taken it.
        port2.close();
        // A thread that will not die must not keep the process from ending.
        port1.unref();
        events.lost(this, reason);
      });
  }

  get load(): number {
    return this.jobs.size;
  }

  get beat(): number {
    return this.#told(slots.beat);
  }

  get cpuMs(): number {
    return this.#told(slots.cpuMs);
  }

  look(now: number): Vitals {
    const { beat } = this;
    // What loads does not beat, or does in between; from the moment it is ready it has its full time.
    const sign = this.isReady ? beat : -1;
    return {
      beat,
      silentMs: this.#silence.look(sign, now, threadStat(this.#told(slots.thread))),
      heapMb: this.#told(slots.heapMb),
      externalMb: this.#told(slots.externalMb),
      processMb: process.memoryUsage.rss() >> 20,
    };
  }

  /** The job whose code ran last, 0 for none. */
  get current(): number {
    return this.#told(slots.current);
  }

  /** Sends with everything else of this tick, of much in several messages. */
  send(message: ToThread): void {
    const gathered = this.#outgoing.push(message);
    if (gathered === 1) setImmediate(() => this.#sendGathered());
    else if (gathered === mostTogether) this.#sendGathered();
  }

  /** Has the thread load other modules; one that ends meanwhile is no obstacle: the next loads them. @throws MODULE_INVALID: it has what it had */
  async declare(declared: DeclaredModules): Promise<void> {
    if (this.#closed) return;
    this.send({ kind: 'declare', ...declared });
    const fault = await new Promise<string | null>((resolve) => this.#declaring.push(resolve));
    if (fault !== null) throw new EngineError('MODULE_INVALID', fault);
  }

  /** Gives the thread up: Piscina drops and replaces it now and terminates it in its own time. */
  abort(reason: string): void {
    this.#reason = reason;
    this.#abort.abort();
  }

  /** Ends the lane without an alarm, or forgets a thread that will not die. */
  close(): void {
    this.#closed = true;
    this.#hearing.stop();
    for (const declared of this.#declaring.splice(0)) declared(null);
    this.#abort.abort();
    this.#port.close();
  }

  #told(slot: number): number {
    return Atomics.load(this.#memory, slot);
  }

  #sendGathered(): void {
    const batch = this.#outgoing;
    this.#outgoing = [];
    if (this.#closed || batch.length === 0) return;
    deliverToJobs(
      batch,
      (each) => this.#port.postMessage(each),
      (end) => this.#events.messages([end]),
    );
  }

  #hear(batch: readonly (FromThread | Hello)[]): void {
    if (this.#closed) return;
    const [first] = batch;
    if (first?.kind === 'hello') {
      this.isReady = true;
      this.#events.ready(this);
    } else if (first?.kind === 'unfit') {
      this.abort(first.message);
    } else if (first?.kind === 'declared') {
      this.#declaring.shift()?.(first.message ?? null);
    } else this.#hearing.add(batch as readonly FromThread[]);
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'its memory was exhausted';
  return message ?? 'its thread ended';
}
