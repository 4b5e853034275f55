import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { isId, newId } from '../../base/ids.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { BackfillOrder, BackfillState, Reprocess } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import { type BackfillAsk, planBackfill } from './backfill-plan.ts';
import type { Apart, ScheduleParts } from './parts.ts';
import { type SlotRow, type SlotView, slotColumns, viewOfSlot } from './slot.ts';
import { insertSlots, settleSlots } from './slot-store.ts';

/** A backfill as somebody asks for it. */
export interface NewBackfill extends BackfillAsk {
  readonly tenantId: number;
  /** Of whoever asks: the same key again is the same backfill. */
  readonly key: string;
  readonly actor: Actor;
  readonly maxActiveRuns: number;
  readonly order: BackfillOrder;
}

interface BackfillRow {
  readonly id: string;
  readonly schedule: string;
  readonly from_at: Date;
  readonly to_at: Date;
  readonly reprocess: Reprocess;
  readonly max_active_runs: number;
  readonly run_order: BackfillOrder;
  readonly state: BackfillState;
  readonly actor: Actor;
  readonly at: Date;
  readonly ended_at: Date | null;
}

const columns =
  'id, schedule, from_at, to_at, reprocess, max_active_runs, run_order, state, actor, at, ended_at';

/** A slot of a backfill, in its order. */
export type BackfillSlot = Pick<
  SlotView,
  'at' | 'businessDate' | 'timeZone' | 'state' | 'reason' | 'runId' | 'outcome' | 'error'
>;

/** A backfill as people see it. */
export interface BackfillView {
  /** Null: it was only asked what it would do. */
  readonly id: string | null;
  readonly schedule: string;
  readonly from: Date;
  readonly to: Date;
  readonly reprocess: Reprocess;
  readonly maxActiveRuns: number;
  readonly order: BackfillOrder;
  readonly state: BackfillState | 'planned';
  readonly actor: Actor;
  readonly at: Date | null;
  readonly endedAt: Date | null;
  readonly slots: readonly BackfillSlot[];
}

/** Backfills: stored with all their slots when they are asked for, and carried out by whoever serves, so many runs at a time. */
export class Backfills {
  readonly #parts: ScheduleParts;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** What a backfill would do; nothing is stored. @throws INPUT_INVALID */
  async plan(registered: RegisteredSchedule, ask: NewBackfill): Promise<BackfillView> {
    const slots = await planBackfill(this.#parts, registered, { ...ask, id: newId() });
    return {
      ...{ id: null, schedule: registered.schedule.name, state: 'planned' },
      ...{ from: new Date(ask.from), to: new Date(ask.to), reprocess: ask.reprocess },
      ...{ maxActiveRuns: ask.maxActiveRuns, order: ask.order, actor: ask.actor },
      ...{ at: null, endedAt: null },
      slots: ordered(slots, ask.order).map(({ at, businessDate, timeZone, state, reason }) => {
        const asked = { at: new Date(at), businessDate, timeZone, state, reason };
        return { ...asked, runId: null, outcome: null, error: null };
      }),
    };
  }

  /** Stores a backfill; whoever serves carries it out. The same key again is the one that is stored. @throws INPUT_INVALID · KEY_REUSED */
  async create(registered: RegisteredSchedule, ask: NewBackfill): Promise<BackfillView> {
    const { tenantId, actor } = ask;
    const { name } = registered.schedule;
    const known = await this.#byKey(tenantId, name, ask.key);
    if (known) return asAsked(await this.show(tenantId, known), ask);
    const id = newId();
    const slots = await planBackfill(this.#parts, registered, { ...ask, id });
    await inTransaction(this.#parts.pool, async (client) => {
      const { rowCount } = await client.query(
        `INSERT INTO tutti.backfill (tenant_id, id, schedule, key, from_at, to_at, reprocess, max_active_runs, run_order, state, actor)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10) ON CONFLICT (tenant_id, schedule, key) DO NOTHING`,
        [
          ...[tenantId, id, name, ask.key, new Date(ask.from), new Date(ask.to)],
          ...[ask.reprocess, ask.maxActiveRuns, ask.order, toJsonb(actor)],
        ],
      );
      if (rowCount !== 1) return;
      const owner = {
        tenantId,
        schedule: name,
        origin: 'backfill',
        backfillId: id,
        actor,
      } as const;
      await insertSlots(client, owner, slots);
      const data = { schedule: name, slots: slots.length, reprocess: ask.reprocess };
      await appendAudit(client, { tenantId, actor, action: 'backfill.create', target: id, data });
    });
    const stored = (await this.#byKey(tenantId, name, ask.key)) ?? id;
    return asAsked(await this.show(tenantId, stored), ask);
  }

  /** @throws SCHEDULE_UNKNOWN */
  async show(tenantId: number, id: string): Promise<BackfillView> {
    const { rows } = await this.#parts.pool.query<BackfillRow>(
      `SELECT ${columns} FROM tutti.backfill WHERE tenant_id = $1 AND id = $2`,
      [tenantId, isId(id) ? id : null],
    );
    const [row] = rows;
    if (!row)
      throw new EngineError('SCHEDULE_UNKNOWN', `There is no backfill '${id.slice(0, 64)}'.`);
    const slots = await this.#parts.pool.query<SlotRow>(
      `SELECT ${slotColumns} FROM tutti.schedule_slot WHERE tenant_id = $1 AND backfill_id = $2 ORDER BY slot_at`,
      [tenantId, id],
    );
    return viewOf(row, ordered(slots.rows, row.run_order));
  }

  /** Backfills of a schedule, the newest first, without their slots. */
  async list(tenantId: number, schedule: string): Promise<readonly Omit<BackfillView, 'slots'>[]> {
    const { rows } = await this.#parts.pool.query<BackfillRow>(
      `SELECT ${columns} FROM tutti.backfill WHERE tenant_id = $1 AND schedule = $2 ORDER BY id DESC LIMIT 100`,
      [tenantId, schedule],
    );
    return rows.map((row) => {
      const { slots: _, ...view } = viewOf(row, []);
      return view;
    });
  }

  /** Starts nothing more of a backfill; runs that go on, go on. One that has ended stays as it is. @throws SCHEDULE_UNKNOWN */
  async cancel(tenantId: number, id: string, actor: Actor): Promise<BackfillView> {
    const view = await this.show(tenantId, id);
    await inTransaction(this.#parts.pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE tutti.backfill SET state = 'cancelled', ended_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2 AND state = 'running'`,
        [tenantId, id],
      );
      if (rowCount !== 1) return;
      await client.query(
        `UPDATE tutti.schedule_slot SET state = 'skipped', reason = 'cancelled' WHERE tenant_id = $1 AND backfill_id = $2 AND state IN ('queued', 'due')`,
        [tenantId, id],
      );
      const data = { schedule: view.schedule };
      await appendAudit(client, { tenantId, actor, action: 'backfill.cancel', target: id, data });
    });
    return await this.show(tenantId, id);
  }

  /** Lets go as many slots as may run beside each other, of every backfill that is not carried out yet; whether there is one. */
  async advance(tenantId: number, apart: Apart): Promise<boolean> {
    const { rows } = await this.#parts.pool.query<Pick<BackfillRow, 'id' | 'schedule'>>(
      `SELECT b.id, b.schedule FROM tutti.backfill b WHERE b.tenant_id = $1 AND (b.state = 'running' OR EXISTS
         (SELECT FROM tutti.schedule_slot s WHERE s.tenant_id = $1 AND s.backfill_id = b.id AND s.state IN ('due', 'fired')))`,
      [tenantId],
    );
    const own = rows.filter(({ schedule }) => this.#parts.registry.schedules.has(schedule));
    for (const { id, schedule } of own)
      await apart(() =>
        inTransaction(this.#parts.pool, (client) => advanceOne(client, { tenantId, id, schedule })),
      );
    return own.length > 0;
  }

  async #byKey(tenantId: number, schedule: string, key: string): Promise<string | undefined> {
    const { rows } = await this.#parts.pool.query<{ id: string }>(
      'SELECT id FROM tutti.backfill WHERE tenant_id = $1 AND schedule = $2 AND key = $3',
      [tenantId, schedule, key],
    );
    return rows[0]?.id;
  }
}

/** The backfill that a key has. @throws KEY_REUSED when it is another one than is asked for */
function asAsked(view: BackfillView, ask: NewBackfill): BackfillView {
  const { from, to, reprocess, maxActiveRuns, order } = view;
  const known = [from.getTime(), to.getTime(), reprocess, maxActiveRuns, order];
  const asked = [ask.from, ask.to, ask.reprocess, ask.maxActiveRuns, ask.order];
  if (known.every((each, at) => each === asked[at])) return view;
  throw new EngineError(
    'KEY_REUSED',
    `The key '${ask.key}' belongs to backfill ${view.id}, which is another one; use a new key.`,
  );
}

async function advanceOne(
  client: pg.PoolClient,
  {
    tenantId,
    id,
    schedule,
  }: { readonly tenantId: number; readonly id: string; readonly schedule: string },
): Promise<void> {
  // Whoever holds it does this very thing.
  const { rows } = await client.query<BackfillRow>(
    `SELECT ${columns} FROM tutti.backfill WHERE tenant_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED`,
    [tenantId, id],
  );
  const [row] = rows;
  if (!row) return;
  await settleSlots(client, { tenantId, name: schedule, backfillId: id });
  if (row.state !== 'running') return;
  const direction = row.run_order === 'forwards' ? 'ASC' : 'DESC';
  await client.query(
    `UPDATE tutti.schedule_slot SET state = 'due' WHERE tenant_id = $1 AND id IN
       (SELECT id FROM tutti.schedule_slot WHERE tenant_id = $1 AND backfill_id = $2 AND state = 'queued' ORDER BY slot_at ${direction}
        LIMIT greatest(0, $3 - (SELECT count(*) FROM tutti.schedule_slot WHERE tenant_id = $1 AND backfill_id = $2 AND state IN ('due', 'fired'))))`,
    [tenantId, id, row.max_active_runs],
  );
  await client.query(
    `UPDATE tutti.backfill SET state = 'ended', ended_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2
       AND NOT EXISTS (SELECT FROM tutti.schedule_slot WHERE tenant_id = $1 AND backfill_id = $2 AND state IN ('due', 'queued', 'fired'))`,
    [tenantId, id],
  );
}

function ordered<T>(slots: readonly T[], order: BackfillOrder): readonly T[] {
  return order === 'forwards' ? slots : slots.toReversed();
}

function viewOf(row: BackfillRow, slots: readonly SlotRow[]): BackfillView {
  return {
    id: row.id,
    schedule: row.schedule,
    from: row.from_at,
    to: row.to_at,
    reprocess: row.reprocess,
    maxActiveRuns: row.max_active_runs,
    order: row.run_order,
    state: row.state,
    actor: row.actor,
    at: row.at,
    endedAt: row.ended_at,
    slots: slots.map((slot) => {
      const { at, businessDate, timeZone, state, reason, runId, outcome, error } = viewOfSlot(slot);
      return { at, businessDate, timeZone, state, reason, runId, outcome, error };
    }),
  };
}
