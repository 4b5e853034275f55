import type { Clock } from '../../base/clock.ts';
import { isEngineError } from '../../base/errors.ts';
import { isOutage } from '../../ports/db/db-error.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import { advance, declarationDigest, nextDue, timingDigest } from './advance.ts';
import { Backfills } from './backfills.ts';
import { Firings } from './firings.ts';
import type { Apart, ScheduleParts } from './parts.ts';
import { scheduleActor } from './pause.ts';

/** How long it looks away while something is open: runs whose end others wait for, backfills, slots that could not be fired. */
const busyMs = 1_000;
/**
 * How long it looks away while nothing is. It wakes for what is due; this is for what others leave it (a backfill by a command), and for a
 * machine whose clock was set: a timer counts what has passed, a schedule goes by what clocks show.
 */
const idleMs = 5_000;
/** How often it says that what it declares still counts, and after how long of not hearing that another one's does, its own does. */
const declareMs = 60_000;
const unseenMs = 5 * declareMs;
/** How long slots that have ended are shown; those of a backfill since somebody asked for it. */
const keptDays = 400;
const dayMs = 86_400_000;

/** What the service part needs beside the rest. */
export interface SchedulesParts extends ScheduleParts {
  /** Wakes it; what is due, `now` says. */
  readonly clock: Clock;
  /** The tenants of the installation, asked at each look: what is declared is for every one of them. */
  readonly tenants: () => Promise<readonly FiringTenant[]>;
  /** It fires nothing before this is over. @default nothing to wait for */
  readonly after?: Promise<unknown>;
  /** Gets what went wrong in a look; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

/** A tenant for which schedules come due; of one that is suspended what comes due is skipped. */
export interface FiringTenant {
  readonly id: number;
  readonly suspendedAt: Date | null;
}

/** A schedule of one tenant, as this process sees it. */
interface Watched {
  readonly tenantId: number;
  readonly registered: RegisteredSchedule;
  /** When it is next to be looked at; null: never again. */
  dueAt: number | null;
  /** Whether this process's declaration of it is the one that counts. */
  counts: boolean;
}

/**
 * Fires schedules: wakes when a slot comes due, decides about it under the schedule's lock, and stores its run. Any number of them may
 * look at one database at the same time.
 */
export class Schedules {
  readonly #parts: SchedulesParts;
  readonly #firings: Firings;
  readonly #backfills: Backfills;
  #tenants: readonly FiringTenant[] = [];
  #watched: readonly Watched[] = [];
  #looking: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => {};
  #state: 'new' | 'running' | 'closed' = 'new';
  #prunedAt = Number.NEGATIVE_INFINITY;
  #declaredAt = Number.NEGATIVE_INFINITY;
  #since: Date | null = null;
  readonly #cancelled = new Set<string>();

  constructor(parts: SchedulesParts) {
    this.#parts = parts;
    this.#firings = new Firings(parts);
    this.#backfills = new Backfills(parts);
  }

  /** Makes its schedules known and begins to look; what was missed is caught up with in the first look. @throws DB_* */
  async start(): Promise<void> {
    const { after } = this.#parts;
    if (after === undefined) return await this.#begin();
    void after.then(() => this.#begin()).catch(this.#parts.onError);
  }

  async #begin(): Promise<void> {
    if (this.#state !== 'new') return;
    await this.#meet();
    await this.#declare(await this.#parts.now());
    if (this.#state !== 'new') return;
    this.#state = 'running';
    await this.look();
  }

  /** Ends: a look that has begun is finished, no other begins. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#cancelTimer();
    await this.#looking;
  }

  /** Looks at once, after a look that is under way. */
  look(): Promise<void> {
    this.#cancelTimer();
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#state !== 'running') return;
    let isOpen = true;
    let now = Number.NaN;
    try {
      now = await this.#parts.now();
      isOpen = await this.#lookAt(now);
    } catch (error) {
      this.#parts.onError(error);
    }
    if (this.#state === 'running') this.#sleep(now, isOpen);
  }

  #sleep(now: number, isOpen: boolean): void {
    const due = this.#watched.flatMap(({ dueAt, counts }) =>
      dueAt !== null && counts ? [dueAt] : [],
    );
    // What is due still could not be done: not at once again.
    const longestMs = isOpen || due.some((at) => at <= now) ? busyMs : idleMs;
    const next = Math.min(...due.filter((at) => at > now)) - now;
    const delayMs = next < longestMs ? next : longestMs;
    this.#cancelTimer = this.#parts.clock.after(delayMs, () => void this.look());
  }

  /** Learns which tenants there are; whether one is new. */
  async #meet(): Promise<boolean> {
    this.#tenants = await this.#parts.tenants();
    const known = new Set(this.#watched.map(({ tenantId }) => tenantId));
    const schedules = [...this.#parts.registry.schedules.values()];
    const met = this.#tenants
      .filter(({ id }) => !known.has(id))
      .flatMap(({ id: tenantId }) =>
        schedules.map((registered) => {
          return { tenantId, registered, dueAt: Number.NEGATIVE_INFINITY, counts: true };
        }),
      );
    this.#watched = [...this.#watched, ...met];
    return met.length > 0;
  }

  /** Whether something is open, so that it should look again soon. */
  async #lookAt(now: number): Promise<boolean> {
    const isNew = await this.#meet();
    await this.#prune(now);
    if (isNew || Math.abs(now - this.#declaredAt) >= declareMs) await this.#declare(now);
    const open = await this.#open();
    for (const watched of this.#watched) {
      const { tenantId, registered } = watched;
      if (!watched.counts) continue;
      const isDue = watched.dueAt !== null && watched.dueAt <= now;
      if (isDue || open.has(`${tenantId} ${registered.schedule.name}`))
        await this.#apart(() => this.#advance(watched, now));
    }
    let isOpen = false;
    const apart: Apart = (work) => this.#apart(work);
    for (const tenantId of await this.#busy()) {
      await this.#apart(async () => {
        isOpen = (await this.#backfills.advance(tenantId, apart)) || isOpen;
      });
      await this.#apart(() => this.#firings.fireDue(tenantId, apart));
    }
    return isOpen || (await this.#open()).size > 0;
  }

  /** What cannot be done is told of, and keeps nothing else from being. @throws DB_* without a database */
  async #apart(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isOutage(error)) throw error;
      this.#parts.onError(error);
    }
  }

  async #advance(watched: Watched, now: number): Promise<void> {
    const { tenantId, registered } = watched;
    const { through, isStale, toCancel } = await advance(this.#parts, registered, {
      tenantId,
      now,
    });
    watched.counts = !isStale;
    watched.dueAt = nextDue(this.#parts, registered, { tenantId, after: through });
    for (const runId of toCancel) {
      if (this.#cancelled.has(runId)) continue;
      await this.#cancel(tenantId, registered, runId);
      this.#cancelled.add(runId);
    }
  }

  async #cancel(tenantId: number, { schedule }: RegisteredSchedule, runId: string): Promise<void> {
    const actor = scheduleActor(schedule.name);
    try {
      await this.#parts.runs.ask({ tenantId, runId, kind: 'cancel', actor });
    } catch (error) {
      if (isEngineError(error) && ['RUN_ENDED', 'RUN_UNKNOWN'].includes(error.code)) return;
      throw error;
    }
  }

  /** The schedules with slots that start, wait or go on, as `tenant name`. */
  async #open(): Promise<ReadonlySet<string>> {
    const { rows } = await this.#parts.pool.query<{ tenant_id: number; schedule: string }>(
      `SELECT DISTINCT tenant_id, schedule FROM tutti.schedule_slot
       WHERE tenant_id = ANY ($1) AND state IN ('due', 'queued', 'fired') AND origin <> 'backfill'`,
      [this.#tenants.map(({ id }) => id)],
    );
    const { schedules } = this.#parts.registry;
    return new Set(
      rows
        .filter(({ schedule }) => schedules.has(schedule))
        .map(({ tenant_id, schedule }) => `${tenant_id} ${schedule}`),
    );
  }

  /** The tenants that have runs to be stored or a backfill to be carried out, and may. */
  async #busy(): Promise<readonly number[]> {
    const active = this.#tenants.filter(({ suspendedAt }) => suspendedAt === null);
    const { rows } = await this.#parts.pool.query<{ tenant_id: number }>(
      `SELECT tenant_id FROM tutti.schedule_slot WHERE tenant_id = ANY ($1) AND state IN ('due', 'queued', 'fired') AND (state = 'due' OR origin = 'backfill')
       UNION SELECT tenant_id FROM tutti.backfill WHERE tenant_id = ANY ($1) AND state = 'running' ORDER BY 1`,
      [active.map(({ id }) => id)],
    );
    return rows.map(({ tenant_id }) => tenant_id);
  }

  /**
   * Says what this process declares. A schedule begins when it is first known, and again when its times have changed. Who was started last
   * counts; one that differs from what counts is left alone, until nobody has been seen with that for a while.
   */
  async #declare(now: number): Promise<void> {
    this.#declaredAt = now;
    this.#since ??= new Date(now);
    const schedules = [...this.#parts.registry.schedules.values()];
    const { rows } = await this.#parts.pool.query<{ tenant_id: number; name: string }>(
      `INSERT INTO tutti.schedule AS s (tenant_id, name, declared, timing, through_at, seen_at, since)
       SELECT t, d.*, $5, $5, $6 FROM unnest($1::int[]) t CROSS JOIN unnest($2::text[], $3::bytea[], $4::bytea[]) d ORDER BY 1, 2
       ON CONFLICT (tenant_id, name) DO UPDATE SET declared = excluded.declared, timing = excluded.timing, seen_at = excluded.seen_at, since = excluded.since,
         through_at = CASE WHEN s.timing = excluded.timing THEN s.through_at ELSE greatest(s.through_at, excluded.through_at) END
       WHERE s.declared = excluded.declared OR s.since <= excluded.since OR s.seen_at < $7 RETURNING s.tenant_id, s.name`,
      [
        this.#tenants.map(({ id }) => id),
        schedules.map(({ schedule }) => schedule.name),
        ...[schedules.map(declarationDigest), schedules.map(timingDigest)],
        ...[new Date(now), this.#since, new Date(now - unseenMs)],
      ],
    );
    const counting = new Set(rows.map(({ tenant_id, name }) => `${tenant_id} ${name}`));
    for (const watched of this.#watched) {
      const counts = counting.has(`${watched.tenantId} ${watched.registered.schedule.name}`);
      if (counts && !watched.counts) watched.dueAt = Number.NEGATIVE_INFINITY;
      watched.counts = counts;
    }
  }

  async #prune(now: number): Promise<void> {
    if (now - this.#prunedAt < dayMs) return;
    await this.#parts.pool.query(
      `DELETE FROM tutti.schedule_slot WHERE tenant_id = ANY ($1) AND state IN ('ended', 'skipped', 'failed') AND slot_at < $2 AND decided_at < $2`,
      [this.#tenants.map(({ id }) => id), new Date(now - keptDays * dayMs)],
    );
    this.#prunedAt = now;
  }
}
