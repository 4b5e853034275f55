import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { Connection } from './connection.ts';
import { type Definition, definitionsOf } from './definition.ts';
import { Gate } from './gate.ts';

/** What a session is kept by. */
export interface SessionLimits {
  readonly callsAtOnce: number;
  /** How long it stays while nobody uses it, milliseconds. */
  readonly idleMs: number;
}

interface SessionParts {
  readonly clock: Clock;
  readonly limits: SessionLimits;
  /** Told once, when the connection has ended or does not answer any more. */
  readonly onLost: (session: Session) => void;
  /** Nobody has used it for long enough. */
  readonly onIdle: (session: Session) => void;
}

/** How often a session that says nothing is asked whether it is there, and how long it gets to answer, milliseconds. */
const healthMs = 30_000;
const pingMs = 5_000;

/** One connection with a server, which any number of agents share: `callsAtOnce` of their calls at a time, the others in order. */
export class Session {
  readonly openedAt: number;
  readonly #gate: Gate;
  readonly #parts: SessionParts;
  readonly #lost = new AbortController();
  #connection: Connection | null = null;
  #tools: Promise<ReadonlyMap<string, Definition>> | null = null;
  #heardAt: number;
  #usedAt: number;
  #users = 0;
  #isGentle = false;
  #free = (): void => {};
  readonly #unused: Promise<void>;
  #cancelTimer = (): void => {};

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#gate = new Gate(parts.limits.callsAtOnce);
    this.openedAt = parts.clock.monotonic();
    this.#heardAt = this.openedAt;
    this.#usedAt = this.openedAt;
    this.#unused = new Promise((resolve) => {
      this.#free = resolve;
    });
  }

  get connection(): Connection {
    if (this.#connection) return this.#connection;
    throw new EngineError('INTERNAL', 'A session was used before it was open.');
  }

  get isOpen(): boolean {
    return this.#connection !== null && !this.isLost;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  get users(): number {
    return this.#users;
  }

  get usedAt(): number {
    return this.#usedAt;
  }

  /** Begins with a connection. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#usedAt = this.#parts.clock.monotonic();
    this.#look();
  }

  /** The server's tools; asked once, and again after it said that they have changed. */
  tools(signal: AbortSignal): Promise<ReadonlyMap<string, Definition>> {
    this.#tools ??= this.#list();
    return abortable(this.#tools, signal);
  }

  forgetTools(): void {
    this.#tools = null;
  }

  /** Keeps the session from being idle until the returned function is called. */
  hold(): () => void {
    this.#users += 1;
    return () => {
      this.#users -= 1;
      this.#usedAt = this.#parts.clock.monotonic();
      if (this.#users === 0 && this.isLost) this.#free();
    };
  }

  /** Runs a call in a place of its own. Null: the session was lost before the call could begin. */
  async call<T>(
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
  ): Promise<{ readonly result: T } | null> {
    return await this.#gate.pass(signal, async () => {
      if (this.isLost) return null;
      const result = await work(this.connection);
      this.#heardAt = this.#parts.clock.monotonic();
      return { result };
    });
  }

  /** Asks whether the server is there; one that does not answer is lost. */
  async check(): Promise<boolean> {
    try {
      await this.connection.ping(pingMs);
      this.#heardAt = this.#parts.clock.monotonic();
      return true;
    } catch {
      this.lose();
      return false;
    }
  }

  /** No call begins on it any more; those under way fail. */
  lose(): void {
    if (this.isLost) return;
    this.#leave();
    this.#parts.onLost(this);
  }

  /** No call begins on it any more; those under way get to end. */
  retire(): void {
    if (this.isLost) return;
    this.#isGentle = true;
    this.lose();
  }

  /** Ends it; a retired one once nobody uses it, unless that is now. */
  async close({ now = false }: { readonly now?: boolean } = {}): Promise<void> {
    this.#leave();
    if (now) this.#free();
    if (this.#isGentle && this.#users > 0) await this.#unused;
    await this.#connection?.close();
  }

  #leave(): void {
    this.#cancelTimer();
    this.#lost.abort(
      new EngineError(
        'MCP_SERVER_FAILED',
        'The session with the MCP server has ended; the next call opens another.',
      ),
    );
  }

  async #list(): Promise<ReadonlyMap<string, Definition>> {
    try {
      const listed = definitionsOf(await this.connection.listTools(this.#lost.signal));
      this.#heardAt = this.#parts.clock.monotonic();
      return listed;
    } catch (error) {
      // The next call asks again.
      this.#tools = null;
      throw error;
    }
  }

  /** One timer for both: is it idle, is it there. */
  #look(): void {
    const { clock, limits } = this.#parts;
    const waitMs = Math.min(healthMs, limits.idleMs);
    this.#cancelTimer = clock.after(waitMs, () => {
      if (this.isLost) return;
      const now = clock.monotonic();
      this.#look();
      if (this.#users === 0 && now - this.#usedAt >= limits.idleMs) this.#parts.onIdle(this);
      else if (now - this.#heardAt >= healthMs) void this.check();
    });
  }
}

/** Waits for what others wait for, too, until the signal aborts; what it waits for goes on. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let leave = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
