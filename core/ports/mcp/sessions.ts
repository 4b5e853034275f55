import type { IBackoff } from 'cockatiel';
import { ExponentialBackoff } from 'cockatiel/dist/backoff/ExponentialBackoff.js';
import { noJitterGenerator } from 'cockatiel/dist/backoff/ExponentialBackoffGenerators.js';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { Connection } from './connection.ts';
import { serverFailed, unreachable } from './failure.ts';
import { abortable, Session, type SessionLimits } from './session.ts';

/** How many sessions there may be. */
export interface SessionsLimits extends SessionLimits {
  readonly inTotal: number;
  readonly perRun: number;
  /** How long somebody waits for one, milliseconds. */
  readonly waitMs: number;
}

interface SessionsParts {
  readonly clock: Clock;
  readonly limits: SessionsLimits;
  connect(place: Place, session: Session, signal: AbortSignal): Promise<Connection>;
}

/** Which session is asked for. */
export interface Place {
  readonly server: string;
  /** Hash of the server's configuration: names with the same one share a session. */
  readonly key: string;
}

/** Who asks for it. */
interface Asker {
  readonly runId: string;
  readonly signal: AbortSignal;
  /** Told when it was this one for whom a session was opened. */
  readonly onOpened: () => void;
}

/** A place's session: on its way, or open. */
interface Slot {
  readonly session: Session;
  readonly opened: Promise<void>;
}

/** How a place's server has fared. */
interface Fortune {
  failures: number;
  backoff: IBackoff<unknown> | null;
  /** Not started before this moment. */
  notBefore: number;
}

/** A session that lived so long before it was lost owes nothing to what was before it, milliseconds. */
const steadyMs = 10_000;

/**
 * The open sessions, one a configuration. Whoever asks while one is on its way waits for the same one.
 *
 *     none ──asked──▶ (backoff) ──▶ opening ──▶ open ──idle, or place needed──▶ none
 *                          ◀──failed──┘          └──lost: restarted by the next call, at once the first time──▶ none
 */
export class Sessions {
  readonly #parts: SessionsParts;
  readonly #slots = new Map<string, Slot>();
  readonly #fortunes = new Map<string, Fortune>();
  readonly #runs = new Map<string, Map<string, number>>();
  readonly #ending = new Map<Session, Promise<void>>();
  readonly #closed = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** The open session of a place, if there is one. */
  peek(key: string): Session | null {
    const slot = this.#slots.get(key);
    return slot?.session.isOpen ? slot.session : null;
  }

  /**
   * Lets `work` use the place's session, which is opened when there is none. Waits for its turn where the run or everybody together
   * hold as many as they may. @throws MCP_SERVER_FAILED
   */
  async use<T>(place: Place, asker: Asker, work: (session: Session) => Promise<T>): Promise<T> {
    const leave = await this.#enterRun(place, asker);
    try {
      const { slot, release } = await this.#enterSlot(place, asker);
      try {
        await abortable(slot.opened, asker.signal);
        return await work(slot.session);
      } finally {
        release();
        this.#wake();
      }
    } finally {
      leave();
    }
  }

  /** A call went well: what was before it counts no more, if that has lasted. */
  praise({ key }: Place, session: Session): void {
    if (this.#parts.clock.monotonic() - session.openedAt >= steadyMs) this.#fortunes.delete(key);
  }

  /** Ends every session, and everything that waits for one. */
  async close(): Promise<void> {
    if (!this.#closed.signal.aborted) this.#closed.abort(closed());
    this.#wake();
    const opening = [...this.#slots.values()].map(({ opened }) => opened);
    for (const [key, { session }] of this.#slots) this.#end(key, session);
    for (const session of this.#ending.keys()) await session.close({ now: true }).catch(() => {});
    await Promise.allSettled(opening);
    await Promise.all(this.#ending.values());
  }

  /** Takes the run's place at a session: many calls on one session are one. */
  async #enterRun({ server, key }: Place, { runId, signal }: Asker): Promise<() => void> {
    const { perRun } = this.#parts.limits;
    const take = (): Map<string, number> | null => {
      const held = this.#runs.get(runId) ?? new Map<string, number>();
      if (!held.has(key) && held.size >= perRun) return null;
      this.#runs.set(runId, held);
      held.set(key, (held.get(key) ?? 0) + 1);
      return held;
    };
    const held = await this.#turn(take, signal, () =>
      serverFailed(
        server,
        `has no place left: run ${runId} uses ${perRun} sessions at once, all that it may (mcp.maxSessionsPerRun).`,
      ),
    );
    return () => {
      const left = (held.get(key) ?? 1) - 1;
      if (left > 0) held.set(key, left);
      else held.delete(key);
      if (held.size === 0) this.#runs.delete(runId);
      this.#wake();
    };
  }

  /** Takes the place's session, or makes it; it is held from the same moment. */
  #enterSlot(
    place: Place,
    asker: Asker,
  ): Promise<{ readonly slot: Slot; readonly release: () => void }> {
    const { inTotal } = this.#parts.limits;
    const take = (): { slot: Slot; release: () => void } | null => {
      const slot = this.#standing(place.key) ?? (this.#hasRoom() ? this.#open(place, asker) : null);
      return slot && { slot, release: slot.session.hold() };
    };
    return this.#turn(take, asker.signal, () =>
      serverFailed(
        place.server,
        `has no place left: all ${inTotal} sessions are in use (mcp.maxSessions).`,
      ),
    );
  }

  /** Whether one more session may be opened; if not, room is being made where that is possible. */
  #hasRoom(): boolean {
    if (this.#slots.size + this.#ending.size < this.#parts.limits.inTotal) return true;
    if (this.#ending.size === 0) this.#evict();
    return false;
  }

  #standing(key: string): Slot | null {
    const slot = this.#slots.get(key);
    return slot && !slot.session.isLost ? slot : null;
  }

  #open(place: Place, asker: Asker): Slot {
    const { clock, limits } = this.#parts;
    const session = new Session({
      clock,
      limits,
      onLost: (lost) => this.#lose(place.key, lost),
      onIdle: (idle) => this.#end(place.key, idle),
    });
    const opened = this.#connect(place, session, asker);
    opened.catch(() => {});
    const slot = { session, opened };
    this.#slots.set(place.key, slot);
    return slot;
  }

  async #connect(place: Place, session: Session, { onOpened }: Asker): Promise<void> {
    const { clock, connect } = this.#parts;
    const { signal } = this.#closed;
    try {
      const waitMs = (this.#fortunes.get(place.key)?.notBefore ?? 0) - clock.monotonic();
      if (waitMs > 0) await abortable(this.#pause(waitMs), signal);
      session.open(await connect(place, session, signal));
      onOpened();
    } catch (error) {
      session.lose();
      throw signal.aborted ? closed() : unreachable(place.server, error);
    }
    if (signal.aborted) {
      await session.close();
      throw closed();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(delayMs, resolve));
  }

  /** It failed to open, or ended under way: it is forgotten, and the next one waits longer each time. */
  #lose(key: string, session: Session): void {
    const { clock } = this.#parts;
    const { failures = 0, backoff = null } = this.#fortunes.get(key) ?? {};
    // The first restart is at once: most processes that end were ended by somebody.
    const next = failures === 0 ? null : backoff ? backoff.next(undefined) : firstBackoff();
    this.#fortunes.set(key, {
      failures: failures + 1,
      backoff: next,
      notBefore: clock.monotonic() + (next?.duration ?? 0),
    });
    this.#end(key, session);
  }

  /** Makes room by ending the session that nobody uses for longest. */
  #evict(): void {
    const idle = [...this.#slots]
      .filter(([, { session }]) => session.users === 0 && session.isOpen)
      .sort(([, a], [, b]) => a.session.usedAt - b.session.usedAt)[0];
    if (idle) this.#end(idle[0], idle[1].session);
  }

  #end(key: string, session: Session): void {
    if (this.#slots.get(key)?.session === session) this.#slots.delete(key);
    if (this.#ending.has(session)) return;
    const ending = session
      .close()
      .catch(() => {})
      .finally(() => {
        this.#ending.delete(session);
        this.#wake();
      });
    this.#ending.set(session, ending);
    this.#wake();
  }

  /** Waits until `take` gives something, looking whenever something was given back, in the order of asking. */
  async #turn<T>(
    take: () => T | null,
    signal: AbortSignal,
    refusal: () => EngineError,
  ): Promise<T> {
    this.#closed.signal.throwIfAborted();
    signal.throwIfAborted();
    const taken = take();
    if (taken !== null) return taken;
    let done = (): void => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        const look = (): void => {
          if (this.#closed.signal.aborted) return reject(this.#closed.signal.reason);
          const now = take();
          if (now === null) return;
          // Nobody else may be given what this one has.
          done();
          resolve(now);
        };
        const leave = (): void => {
          done();
          reject(signal.reason);
        };
        const cancel = this.#parts.clock.after(this.#parts.limits.waitMs, () => {
          done();
          reject(refusal());
        });
        signal.addEventListener('abort', leave, { once: true });
        this.#waiting.add(look);
        done = () => {
          cancel();
          signal.removeEventListener('abort', leave);
          this.#waiting.delete(look);
        };
      });
    } finally {
      done();
    }
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

function firstBackoff(): IBackoff<unknown> {
  return new ExponentialBackoff({
    generator: noJitterGenerator,
    initialDelay: 500,
    maxDelay: 30_000,
  }).next();
}

function closed(): EngineError {
  return new EngineError('MCP_SERVER_FAILED', 'The sessions with MCP servers are closed.');
}
