import { SHARE_ENV, Worker } from 'node:worker_threads';
import { type LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import { type ConnectionConfig, clientConfig } from '../../ports/db/connection.ts';
import { renewalOf, surelyNs } from './lease-renewal.ts';

/** What the thread is given: plain data, so that it needs nothing of ours. */
export interface HeartbeatSetup {
  /** Where `pg` lies: as one file where this process has it so, which the thread, without preloaded modules, would not find. */
  readonly driver: string;
  /** Of a pg client. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The first statement of its connection. */
  readonly openText: string;
  readonly renewal: ReturnType<typeof renewalOf>;
  readonly surelyNs: bigint;
  /** A third of the lease: between two renewals, for an answer, and until a main loop that does not beat is wedged. */
  readonly thirdMs: number;
  /** Of a LeaseClock. */
  readonly lease: SharedArrayBuffer;
  /** One bigint: when the main loop last beat, in `monotonicNs`. */
  readonly beat: SharedArrayBuffer;
}

/** What the heartbeat is started with. */
export interface KeeperParts {
  readonly connection: ConnectionConfig;
  readonly boot: string;
  readonly leaseMs: number;
  readonly clock: LeaseClock;
  /** Told once: another engine has taken over. */
  readonly onFenced: () => void;
}

const beatEveryMs = 200;
// A thread that died, whatever of, is replaced before a lease of 15 s has run out.
const restartMs = 1_000;

/** The main thread's side of the heartbeat: beats, starts the thread, replaces it when it dies, and hears what it says. */
export class LeaseKeeper {
  readonly #parts: KeeperParts;
  readonly #beat = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  readonly #beating: NodeJS.Timeout;
  #worker: Worker | null = null;
  #restart: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    const beat = new BigInt64Array(this.#beat);
    const now = (): unknown => Atomics.store(beat, 0, monotonicNs());
    now();
    // A timer of the machine's and not of a Clock: it is the event loop's own pulse.
    this.#beating = setInterval(now, beatEveryMs).unref();
    this.#start();
  }

  /** Ends the thread; the lease then runs out by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#beating);
    clearTimeout(this.#restart);
    await this.#worker?.terminate();
  }

  #start(): void {
    const { connection, boot, leaseMs, clock, onFenced } = this.#parts;
    const thirdMs = leaseMs / 3;
    // Functions cannot be sent; the thread reads no values.
    const { types: _, ...config } = clientConfig(connection, { queryTimeoutMs: thirdMs });
    const setup: HeartbeatSetup = {
      driver: import.meta.resolve('pg'),
      config: { ...config },
      openText: 'SET ROLE tutti_engine',
      renewal: renewalOf(boot, leaseMs),
      surelyNs: surelyNs(leaseMs),
      thirdMs,
      lease: clock.shared,
      beat: this.#beat,
    };
    const worker = new Worker(new URL('./heartbeat.mjs', import.meta.url), {
      name: 'tutti-heartbeat',
      workerData: setup,
      // PGPASSWORD and the like; no preloaded modules.
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    });
    this.#worker = worker;
    // It says one thing: the row is gone.
    worker.on('message', () => {
      if (this.#isStopped) return;
      void this.stop();
      onFenced();
    });
    // The end follows, and with it the replacement.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#isStopped) return;
      this.#restart = setTimeout(() => this.#start(), restartMs).unref();
    });
    // Last: a listener for messages would make it count again.
    worker.unref();
  }
}
