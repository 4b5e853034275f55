import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { toErrorData } from '../../core/base/errors.ts';
import type { LeaseClock } from '../../core/base/lease-clock.ts';
import type { FromThread, ToThread } from '../../core/ports/dispatcher.ts';
import { deliverToJobs } from './delivery.ts';
import { FrameReader, framed } from './frames.ts';
import type { ThreadSetup } from './lane.ts';
import type { Taker } from './roster.ts';
import { processStat, Silence } from './silence.ts';
import { type Seen, unseen, type Vitals, type Watched } from './watchdog.ts';

/** What the process is told. */
export type ToProcess =
  | {
      readonly kind: 'start';
      readonly setup: ThreadSetup;
      readonly untilNs: bigint;
      /** The heap of its thread, MB. @default as a thread of the engine */
      readonly heapMb?: number | undefined;
    }
  | { readonly kind: 'lease'; readonly untilNs: bigint }
  | { readonly kind: 'messages'; readonly batch: readonly ToThread[] };

/** What the process tells. */
export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'beat'; readonly vitals: Vitals; readonly current: number }
  | { readonly kind: 'messages'; readonly batch: readonly FromThread[] }
  | { readonly kind: 'lost'; readonly reason: string; readonly current: number };

/** What becomes of the process. */
export interface ProcessEvents {
  ready(): void;
  messages(batch: readonly FromThread[]): void;
  /** The process is gone. `culprit`: the job that it was given up for; 0: unknown. */
  lost(reason: string, culprit: number): void;
}

/** Where the process hears and speaks: 3 is for a flag of ours that watches over a parent there (process.execArgv is inherited). */
export const channelFd = 4;
/** The longest message between the two, bytes: no step comes near. */
export const longestWords = 1 << 30;
/** The lease reaches the process this often: it cannot share the engine's memory. */
const leaseEveryMs = 1_000;
/** Characters of what the process wrote before its end that go into the reason. */
const longestWord = 200;

/** The engine's alone: what agents reach they reach by what they are handed. */
const engineSecrets = ['DATABASE_URL', 'TUTTI_AUDIT_KEY'];

const ownGroup = process.platform !== 'win32';

/**
 * A process with one lane, for agents that are kept apart: whatever they do, it ends them alone, and SIGKILL always ends it. Its group is
 * its own, so that what they have started goes with them, and a terminal's Ctrl-C does not look like their fault.
 */
export class LaneProcess implements Watched, Taker {
  /** Jobs that run there, by ref. */
  readonly jobs = new Set<number>();
  isReady = false;
  seen: Seen = unseen;
  readonly heapMb: number | undefined;
  readonly #silence = new Silence();
  /** What the process has told last, and how often it has. */
  #vitals: Vitals = { beat: 0, silentMs: 0, heapMb: 0, externalMb: 0, processMb: 0 };
  #told = 0;
  /** The job whose code ran last, as the process told. */
  #current = 0;
  readonly #child: ChildProcess;
  /** A pipe with frames, and no channel of Node's: that ends the process which reads it when anything else comes. Null: it could not be started. */
  readonly #channel: Socket | null;
  readonly #lease: LeaseClock;
  readonly #events: ProcessEvents;
  readonly #telling: NodeJS.Timeout;
  readonly #gone: Promise<unknown>;
  #reason = '';
  #closed = false;
  #words = '';

  constructor(options: {
    readonly setup: ThreadSetup;
    readonly lease: LeaseClock;
    readonly events: ProcessEvents;
    /** The heap of its thread, MB. @default as a thread of the engine */
    readonly heapMb?: number | undefined;
  }) {
    const { setup, lease, events, heapMb } = options;
    this.heapMb = heapMb;
    this.#lease = lease;
    this.#events = events;
    const program = fileURLToPath(new URL('./lane-child.ts', import.meta.url));
    // Standard output would mix with ours.
    this.#child = spawn(process.execPath, [...ownFlags(), program], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'overlapped'],
      detached: ownGroup,
      env: ownEnv(),
    });
    this.#channel = (this.#child.stdio?.[channelFd] ?? null) as Socket | null;
    this.#loosen();
    const reader = new FrameReader(longestWords);
    this.#channel?.on('data', (bytes: Buffer) => this.#read(reader, bytes));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-4_096);
    });
    this.#gone = this.#untilGone().then((how) => {
      clearInterval(this.#telling);
      if (this.#closed) return;
      this.#closed = true;
      // Of one that ended by itself nothing was heard since.
      if (this.#reason) events.lost(this.#reason, this.#current);
      else events.lost(how, 0);
    });
    this.#telling = setInterval(() => this.#tellLease(), leaseEveryMs).unref();
    this.#tell({ kind: 'start', setup, untilNs: lease.untilNs, heapMb });
  }

  /** The process tells of its thread; a process that has stopped tells nothing. */
  look(now: number): Vitals {
    const stat = processStat(this.#child.pid);
    const untoldMs = this.#silence.look(this.#told, now, stat);
    return { ...this.#vitals, silentMs: this.#vitals.silentMs + untoldMs };
  }

  /** Sends a message to its thread. */
  send(message: ToThread): void {
    if (message.kind === 'go') this.#tellLease();
    deliverToJobs(
      [message],
      (batch) => this.#tell({ kind: 'messages', batch }),
      (end) => this.#events.messages([end]),
    );
  }

  abort(reason: string): void {
    this.#reason ||= reason;
    this.#kill();
  }

  /** Ends the process without an alarm. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#child.ref();
    this.#channel?.ref();
    this.#kill();
    await this.#gone;
  }

  /** Whatever is wrong with what it says ends the process, and nothing else. */
  #read(reader: FrameReader, bytes: Buffer): void {
    try {
      for (const message of reader.read(bytes)) {
        if (this.#channel?.destroyed) return;
        this.#hear(message as FromProcess);
      }
    } catch (error) {
      this.#refuse(toErrorData(error).message);
    }
  }

  #refuse(why: string): void {
    this.abort(`it said what cannot be used: ${why}`);
    // What follows makes no more sense.
    this.#channel?.destroy();
  }

  #hear(message: FromProcess): void {
    if (this.#closed) return;
    const events = this.#events;
    switch (message.kind) {
      case 'ready':
        this.isReady = true;
        // Until now it was loading.
        this.#told += 1;
        this.#vitals = { ...this.#vitals, silentMs: 0 };
        return events.ready();
      case 'beat':
        if (!areVitals(message.vitals)) return this.#refuse('vitals that are none');
        this.#told += 1;
        this.#vitals = message.vitals;
        this.#current = message.current;
        return;
      case 'messages':
        return events.messages(message.batch);
      case 'lost':
        this.#current = message.current;
        return this.abort(String(message.reason));
      default:
        return this.#refuse('a word that nobody knows');
    }
  }

  /** Nothing of the process keeps the engine's from ending. */
  #loosen(): void {
    this.#child.unref();
    // It has none where it could not be started for want of files.
    for (const stream of this.#child.stdio ?? []) {
      if (!(stream instanceof Socket)) continue;
      stream.unref();
      stream.on('error', () => {}); // its end is told by the process
    }
  }

  #tellLease(): void {
    this.#tell({ kind: 'lease', untilNs: this.#lease.untilNs });
  }

  #tell(message: ToProcess): void {
    const frame = framed(serialize(message));
    // A process that has gone is told by its end.
    if (this.#channel?.writable) this.#channel.write(frame);
  }

  #kill(): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(ownGroup ? -pid : pid, 'SIGKILL');
    } catch {
      // it has gone already
    }
  }

  /** How the process ended, once nothing more can come from it. */
  async #untilGone(): Promise<string> {
    const closed = new Promise((resolve) => this.#channel?.once('close', resolve));
    try {
      const [code, signal] = (await once(this.#child, 'exit')) as [number | null, string | null];
      // What it had started.
      this.#kill();
      // The last messages come before the channel closes.
      await closed;
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      return `its process ${how}${this.#lastWord()}`;
    } catch (error) {
      return `its process did not start: ${(error as Error).message}`;
    }
  }

  #lastWord(): string {
    const lines = this.#words.split('\n').map((line) => line.trim());
    const told = lines.find((line) => /error|fatal|fault|assert/i.test(line)) ?? '';
    return told && `: ${told.slice(0, longestWord)}`;
  }
}

function areVitals(vitals: Vitals | undefined): boolean {
  const { beat, silentMs, heapMb, externalMb, processMb } = vitals ?? {};
  return [beat, silentMs, heapMb, externalMb, processMb].every(Number.isFinite);
}

/** The flags of this process, without a program that stands among them. */
function ownFlags(): readonly string[] {
  const flags = process.execArgv;
  const at = flags.findIndex((flag) => ['-e', '--eval', '-p', '--print', '-pe'].includes(flag));
  return at < 0 ? flags : flags.toSpliced(at, 2);
}

/** The environment without what only the engine has a use for. */
function ownEnv(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of engineSecrets) {
    delete env[name];
    delete env[`${name}_FILE`];
  }
  return env;
}
