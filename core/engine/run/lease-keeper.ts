import { SHARE_ENV, Worker } from 'node:worker_threads';
import { type LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import type { ConnectionConfig } from '../../ports/db/connection.ts';
import type { HeartbeatSetup, HeartbeatWord } from './heartbeat.ts';

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
    const setup: HeartbeatSetup = {
      connection,
      boot,
      leaseMs,
      lease: clock.shared,
      beat: this.#beat,
    };
    const worker = new Worker(new URL('./heartbeat.ts', import.meta.url), {
      name: 'tutti-heartbeat',
      workerData: setup,
      // PGPASSWORD and the like; no preloaded modules.
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    });
    this.#worker = worker;
    worker.on('message', (_: HeartbeatWord) => {
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
