import type pg from 'pg';
import { type Clock, systemClock } from '../../base/clock.ts';
import { monotonicNs } from '../../base/lease-clock.ts';
import { stopped } from '../../guard/stopped.ts';
import { reaches, type Stop, type Subject, stopError } from './stop.ts';

/** How often an engine looks, milliseconds. */
const lookEveryMs = 250;
/** How long what a look has shown may be acted on, counted from before it, milliseconds. */
const freshMs = 1_000;

/** What stops are asked. */
export interface StopBook {
  /** The stop that reaches somebody, or null; the widest of several. */
  of(subject: Subject): Stop | null;
  /** Whether a tenant is suspended: its runs do nothing, and take no room from others. */
  isSuspended(tenantId: number): boolean;
  /** Until when a write may begin, ms of the machine's monotonic clock; 0: not without another look, or not at all. */
  clearUntilMs(subject: Subject): number;
  /** The same after a look, where the last one is too old. @throws STOPPED */
  clear(subject: Subject): Promise<number>;
  /** Calls `moved` whenever the stops have changed. */
  onMove(moved: () => void): void;
}

/** Milliseconds of the machine's monotonic clock: the same in every thread and process. */
export const machineMs = (): number => Number(monotonicNs()) / 1e6;

/**
 * The stops that stand, tenants that are suspended among them, in an engine's memory. It looks four times a second, and once more before a write when its last look is older
 * than a second: whatever was committed a second ago, a write that begins now has heeded. Nothing is written while it cannot look.
 */
export class Stops implements StopBook {
  readonly #pool: pg.Pool;
  readonly #clock: Clock;
  #standing: readonly Stop[] = [];
  /** When the last look that was answered began; 0: none was. */
  #lookedAtMs = 0;
  #looking: Promise<void> | null = null;
  #moved: () => void = () => {};
  #cancelLook: () => void = () => {};
  #isClosed = false;

  /** `pool` acts as `tutti_engine`. */
  constructor(pool: pg.Pool, clock: Clock = systemClock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Looks, and goes on looking until it is closed. @throws DB_* when the first look fails */
  async open(): Promise<void> {
    await this.look();
    this.#lookAgain();
  }

  /** Looks no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLook();
  }

  of(subject: Subject): Stop | null {
    return this.#standing.find((stop) => reaches(stop, subject)) ?? null;
  }

  isSuspended(tenantId: number): boolean {
    return this.#standing.some((stop) => stop.reach === 'suspended' && stop.tenantId === tenantId);
  }

  clearUntilMs(subject: Subject): number {
    const untilMs = this.#lookedAtMs + freshMs;
    return this.of(subject) === null && machineMs() < untilMs ? untilMs : 0;
  }

  async clear(subject: Subject): Promise<number> {
    if (machineMs() >= this.#lookedAtMs + freshMs)
      await this.look().catch(() => {
        const why = 'Nobody can tell now whether this is stopped, so nothing is written.';
        throw stopped('stop.unknown', why);
      });
    const stop = this.of(subject);
    if (stop) throw stopError(stop);
    return this.#lookedAtMs + freshMs;
  }

  onMove(moved: () => void): void {
    this.#moved = moved;
  }

  /** Looks now. One under way is not enough: it may have begun before what is asked for. @throws what the database throws */
  async look(): Promise<void> {
    await this.#looking?.catch(() => {});
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const beganMs = machineMs();
    const { rows: standing } = await this.#pool.query<Stop>({
      name: 'stops',
      text: `SELECT * FROM (SELECT tenant_id AS "tenantId", reach, reason FROM tutti.stop WHERE lifted_at IS NULL
          UNION ALL SELECT id, 'suspended', '' FROM tutti.tenant WHERE suspended_at IS NOT NULL) s
        ORDER BY array_position(ARRAY['all', 'suspended', 'tenant', 'module', 'agent'], split_part(reach, ':', 1)), reach, "tenantId"`,
    });
    const hasMoved = JSON.stringify(standing) !== JSON.stringify(this.#standing);
    this.#standing = standing;
    this.#lookedAtMs = beganMs;
    if (hasMoved) this.#moved();
  }

  #lookAgain(): void {
    if (this.#isClosed) return;
    this.#cancelLook = this.#clock.after(lookEveryMs, () => {
      // While the database is away, what was seen last stands; it only lets no write begin.
      void this.look()
        .catch(() => {})
        .finally(() => this.#lookAgain());
    });
  }
}

/** Nothing is ever stopped. */
export const noStops: StopBook = {
  of: () => null,
  isSuspended: () => false,
  clearUntilMs: () => Number.POSITIVE_INFINITY,
  clear: async () => Number.POSITIVE_INFINITY,
  onMove: () => {},
};
