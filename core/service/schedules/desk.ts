import { EngineError } from '../../base/errors.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import type { Actor } from '../../engine/run/request.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { type CronTiming, cronFault } from '../../sdk/calendar/cron.ts';
import { nextComing, zoneOf } from '../../sdk/calendar/occurrences.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import {
  defineSchedule,
  describeTimings,
  type Overlap,
  type Schedule,
} from '../../sdk/schedule.ts';
import { advance, declarationDigest, timingDigest } from './advance.ts';
import { Backfills } from './backfills.ts';
import { Firings } from './firings.ts';
import type { ScheduleParts } from './parts.ts';
import { pauseSchedule } from './pause.ts';
import { type OccurrenceView, preview } from './preview.ts';
import { type SlotRow, type SlotView, slotColumns, viewOfSlot } from './slot.ts';
import { countOpenOf, type OpenSlots, type ScheduleOf } from './slot-store.ts';
import { storeTrigger, type TriggerAsk, triggeredSlot } from './trigger.ts';

/** A schedule as people see it. */
export interface ScheduleView {
  readonly name: string;
  readonly workflow: string;
  /** Null: the configuration declares it. */
  readonly module: string | null;
  readonly company: string | null;
  /** When it comes due, in a line. */
  readonly when: string;
  readonly overlap: Overlap;
  readonly paused: { readonly at: Date; readonly by: Actor; readonly reason: string } | null;
  /** When it comes due next; null: never again. */
  readonly nextAt: Date | null;
  /** The slot that came due, or was triggered, last. */
  readonly last: SlotView | null;
  /** Slots, by the clock and by hand, that start or go on, and that wait. */
  readonly open: number;
  readonly queued: number;
  readonly declaration: Schedule;
}

interface StateRow {
  readonly name: string;
  readonly paused_at: Date | null;
  readonly paused_by: Actor;
  readonly pause_reason: string;
}

/** How many occurrences somebody wants to see, and after which instant. @default after now */
interface PreviewAsk {
  readonly count: number;
  /** ms since 1970. */
  readonly after?: number | undefined;
}

/** Schedules for people and programs, whether somebody serves or not. */
export class ScheduleDesk {
  readonly #parts: ScheduleParts;
  readonly #firings: Firings;
  readonly backfills: Backfills;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
    this.#firings = new Firings(parts);
    this.backfills = new Backfills(parts);
  }

  /** @throws SCHEDULE_UNKNOWN */
  schedule(name: string): RegisteredSchedule {
    const { schedules } = this.#parts.registry;
    const found = schedules.get(name);
    if (found) return found;
    const known = [...schedules.keys()].join(', ') || 'none';
    throw new EngineError(
      'SCHEDULE_UNKNOWN',
      `There is no schedule '${name.slice(0, 64)}'; there are: ${known}.`,
    );
  }

  /** The zone in which dates about a schedule are meant. */
  zoneOf(schedule: Schedule): string {
    return zoneOf(schedule, this.#parts.registry.calendars);
  }

  /** All that are declared. */
  async list(tenantId: number): Promise<readonly ScheduleView[]> {
    return await this.#views(tenantId, [...this.#parts.registry.schedules.values()]);
  }

  /** @throws SCHEDULE_UNKNOWN */
  async show(tenantId: number, name: string): Promise<ScheduleView> {
    const [view] = await this.#views(tenantId, [this.schedule(name)]);
    return view as ScheduleView;
  }

  /** The next occurrences, and those between them that are excluded: `count` that come due. @throws SCHEDULE_UNKNOWN */
  async occurrences(name: string, ask: PreviewAsk): Promise<readonly OccurrenceView[]> {
    return await this.#preview(this.schedule(name).schedule, ask);
  }

  /** The same of an expression that nobody has declared. @throws INPUT_INVALID */
  async previewCron(when: CronTiming, ask: PreviewAsk): Promise<readonly OccurrenceView[]> {
    const fault = cronFault(when);
    if (fault !== null) throw new EngineError('INPUT_INVALID', `${fault}.`);
    return await this.#preview(defineSchedule({ name: 'preview', workflow: '', when }), ask);
  }

  /** Slots that came due, were triggered or backfilled, the newest first; `before`: those before a slot, by its id. @throws SCHEDULE_UNKNOWN */
  async slots(
    tenantId: number,
    name: string,
    { limit, before = null }: { readonly limit: number; readonly before?: string | null },
  ): Promise<readonly SlotView[]> {
    this.schedule(name);
    const { rows } = await this.#parts.pool.query<SlotRow>(
      `SELECT ${slotColumns} FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = $2 AND ($3::uuid IS NULL OR (slot_at, id) <
         (SELECT slot_at, id FROM tutti.schedule_slot WHERE tenant_id = $1 AND id = $3)) ORDER BY slot_at DESC, id DESC LIMIT $4`,
      [tenantId, name, before, limit],
    );
    return rows.map(viewOfSlot);
  }

  /** Nothing of it starts any more by the clock; what goes on, goes on. One that is paused stays as it is. @throws SCHEDULE_UNKNOWN */
  async pause(
    tenantId: number,
    name: string,
    { actor, reason }: { readonly actor: Actor; readonly reason: string },
  ): Promise<ScheduleView> {
    const of = { tenantId, name };
    await this.#know(of);
    const at = new Date(await this.#parts.now());
    await inTransaction(this.#parts.pool, async (client) => {
      if (await pauseSchedule(client, of, { actor, reason, at }))
        await appendAudit(client, { tenantId, actor, action: 'schedule.pause', target: name });
    });
    return await this.show(tenantId, name);
  }

  /** It comes due again from now on; what came due meanwhile stays skipped. @throws SCHEDULE_UNKNOWN */
  async resume(
    tenantId: number,
    name: string,
    { actor }: { readonly actor: Actor },
  ): Promise<ScheduleView> {
    const registered = await this.#know({ tenantId, name });
    // With nobody serving, nobody has said of the slots until now that they came due while it was paused.
    await advance(this.#parts, registered, { tenantId, now: await this.#parts.now() });
    await inTransaction(this.#parts.pool, async (client) => {
      const { rowCount } = await client.query(
        'UPDATE tutti.schedule SET paused_at = NULL, paused_by = NULL, pause_reason = NULL WHERE tenant_id = $1 AND name = $2 AND paused_at IS NOT NULL',
        [tenantId, name],
      );
      if (rowCount === 1)
        await appendAudit(client, { tenantId, actor, action: 'schedule.resume', target: name });
    });
    return await this.show(tenantId, name);
  }

  /** Starts it now, paused or not, for whoever asks; the same key again is the same slot. @throws SCHEDULE_UNKNOWN · DB_* */
  async trigger(tenantId: number, name: string, ask: TriggerAsk): Promise<SlotView> {
    const registered = await this.#know({ tenantId, name });
    const slot = await storeTrigger(this.#parts, registered, { ...ask, tenantId });
    if (slot.state === 'due') await this.#firings.fire(tenantId, registered, slot);
    const of = { tenantId, name, runKey: slot.run_key };
    return viewOfSlot((await triggeredSlot(this.#parts.pool, of)) ?? slot);
  }

  /** Before anybody has served, nobody has made it known. @throws SCHEDULE_UNKNOWN */
  async #know({ tenantId, name }: ScheduleOf): Promise<RegisteredSchedule> {
    const registered = this.schedule(name);
    const now = new Date(await this.#parts.now());
    await this.#parts.pool.query(
      `INSERT INTO tutti.schedule (tenant_id, name, declared, timing, through_at, seen_at, since) VALUES ($1, $2, $3, $4, $5, $5, $5) ON CONFLICT DO NOTHING`,
      [tenantId, name, declarationDigest(registered), timingDigest(registered), now],
    );
    return registered;
  }

  async #preview(
    schedule: Schedule,
    { count, after }: PreviewAsk,
  ): Promise<readonly OccurrenceView[]> {
    const { calendars } = this.#parts.registry;
    return preview(schedule, calendars, { count, after: after ?? (await this.#parts.now()) });
  }

  /** As they stand, by as many questions whatever their number. */
  async #views(
    tenantId: number,
    schedules: readonly RegisteredSchedule[],
  ): Promise<readonly ScheduleView[]> {
    const { pool } = this.#parts;
    const names = schedules.map(({ schedule }) => schedule.name);
    const now = await this.#parts.now();
    const states = await pool.query<StateRow>(
      'SELECT name, paused_at, paused_by, pause_reason FROM tutti.schedule WHERE tenant_id = $1 AND name = ANY ($2)',
      [tenantId, names],
    );
    const last = await pool.query<SlotRow>(
      `SELECT s.* FROM unnest($2::text[]) n CROSS JOIN LATERAL (SELECT ${slotColumns} FROM tutti.schedule_slot
         WHERE tenant_id = $1 AND schedule = n AND origin <> 'backfill' ORDER BY slot_at DESC, id DESC LIMIT 1) s`,
      [tenantId, names],
    );
    const countsOf = await countOpenOf(pool, { tenantId, names });
    return schedules.map((registered) => {
      const { name } = registered.schedule;
      const state = states.rows.find((row) => row.name === name);
      const slot = last.rows.find((row) => row.schedule === name);
      return this.#view(registered, { now, state, slot, counts: countsOf(name) });
    });
  }

  #view(
    { module, schedule }: RegisteredSchedule,
    stored: {
      readonly now: number;
      readonly state: StateRow | undefined;
      readonly slot: SlotRow | undefined;
      readonly counts: OpenSlots;
    },
  ): ScheduleView {
    const { now, state, slot, counts } = stored;
    const { calendars } = this.#parts.registry;
    const next = nextComing(schedule, calendars, now);
    const { name, workflow, company, overlap } = schedule;
    return {
      ...{ name, workflow, module, company, overlap },
      when: describeTimings(schedule),
      paused: state?.paused_at
        ? { at: state.paused_at, by: state.paused_by, reason: state.pause_reason }
        : null,
      nextAt: next && new Date(next.at),
      last: slot ? viewOfSlot(slot) : null,
      ...counts,
      declaration: schedule,
    };
  }
}
