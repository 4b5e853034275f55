import { crashPoint } from '../../base/crash-point.ts';
import { type ErrorData, isEngineError, toErrorData } from '../../base/errors.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { RunRequest } from '../../engine/run/request.ts';
import { mayPass } from '../../ports/db/db-error.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { knownCalendar, logicalMoment, periodsAt } from '../../sdk/calendar/occurrences.ts';
import type { RegisteredSchedule } from '../../sdk/check-schedule.ts';
import type { slotInput } from '../../sdk/schedule.ts';
import type { Apart, ScheduleParts } from './parts.ts';
import { auditFailurePause, pauseForFailure, scheduleActor } from './pause.ts';
import { type SlotRow, slotColumns } from './slot.ts';
import { lockSchedule } from './slot-store.ts';

const mostAtOnce = 200;

/**
 * Stores the runs of slots that are due. Whoever finds a due slot may do it, several at once: the slot's key makes it one run, and what a
 * crash leaves between run and slot is done again, and finds that run.
 */
export class Firings {
  readonly #parts: ScheduleParts;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** Fires what is due of a tenant, the oldest first. @throws DB_* */
  async fireDue(tenantId: number, apart: Apart): Promise<void> {
    const { rows } = await this.#parts.pool.query<SlotRow>(
      `SELECT ${slotColumns} FROM tutti.schedule_slot WHERE tenant_id = $1 AND state = 'due' ORDER BY decided_at, slot_at LIMIT ${mostAtOnce}`,
      [tenantId],
    );
    for (const row of rows) {
      const registered = this.#parts.registry.schedules.get(row.schedule);
      // One that is loaded elsewhere alone is fired there.
      if (registered) await apart(() => this.fire(tenantId, registered, row));
    }
  }

  /** Fires a slot that is due. What waiting mends leaves it due. @throws DB_* */
  async fire(tenantId: number, registered: RegisteredSchedule, row: SlotRow): Promise<void> {
    const request = this.#requestOf(tenantId, registered, row);
    let id: string;
    try {
      crashPoint('after-slot');
      id = await this.#start(request);
      crashPoint('after-slot-run');
    } catch (error) {
      if (mayPass(error) || (isEngineError(error) && error.retryable)) throw error;
      return await this.#fail(tenantId, registered, { row, error: toErrorData(error) });
    }
    // Its backfill may have been cancelled in this very moment: the run is there.
    await this.#parts.pool.query(
      `UPDATE tutti.schedule_slot SET state = 'fired', reason = NULL, run_id = $3 WHERE tenant_id = $1 AND id = $2
         AND (state = 'due' OR state = 'skipped' AND reason = 'cancelled')`,
      [tenantId, row.id, id],
    );
  }

  #requestOf(
    tenantId: number,
    { schedule, takesSlot }: RegisteredSchedule,
    row: SlotRow,
  ): RunRequest {
    const { calendars } = this.#parts.registry;
    const { business_date: businessDate, time_zone: timeZone } = row;
    const at = row.slot_at.getTime();
    const { deadlineAt } = logicalMoment(schedule, calendars, { at, timeZone });
    const slot: ReturnType<(typeof slotInput)['parse']> = {
      ...{ schedule: schedule.name, at: row.slot_at.toISOString(), businessDate, timeZone },
      ...periodsAt(knownCalendar(schedule, calendars), businessDate),
      deadlineAt: deadlineAt === null ? null : new Date(deadlineAt).toISOString(),
    };
    return {
      ...{ tenantId, workflow: schedule.workflow, key: row.run_key, businessDate, timeZone },
      input: takesSlot ? { ...Object(schedule.input), slot } : schedule.input,
      ...(schedule.goal !== null && { goal: schedule.goal }),
      ...(schedule.company !== null && { company: schedule.company }),
      ...(schedule.priority !== null && { priority: schedule.priority }),
      // A slot that the clock gives has a night that ends; whoever asks by hand, or for a night of long ago, wants it all.
      ...(row.origin === 'schedule' && deadlineAt !== null && { deadlineAt: new Date(deadlineAt) }),
      attended: false,
      actor: row.actor ?? scheduleActor(schedule.name),
    };
  }

  async #start(request: RunRequest): Promise<string> {
    try {
      return (await this.#parts.runs.start(request)).id;
    } catch (error) {
      if (!isEngineError(error) || error.code !== 'KEY_REUSED') throw error;
      // An engine with another declaration was faster: it is this slot's run.
      const { rows } = await this.#parts.pool.query<{ id: string }>(
        'SELECT id FROM tutti.run WHERE tenant_id = $1 AND workflow = $2 AND key = $3',
        [request.tenantId, request.workflow, request.key],
      );
      if (rows[0]) return rows[0].id;
      throw error;
    }
  }

  async #fail(
    tenantId: number,
    { schedule }: RegisteredSchedule,
    { row, error }: { readonly row: SlotRow; readonly error: ErrorData },
  ): Promise<void> {
    const of = { tenantId, name: schedule.name };
    const at = new Date(await this.#parts.now());
    await inTransaction(this.#parts.pool, async (client) => {
      await lockSchedule(client, of);
      const { code, message } = error;
      const { rowCount } = await client.query(
        `UPDATE tutti.schedule_slot SET state = 'failed', error = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'due'`,
        [tenantId, row.id, toJsonb({ code, message })],
      );
      if (rowCount !== 1 || !schedule.pauseOnFailure || row.origin === 'backfill') return;
      const hasPaused = await pauseForFailure(client, of, { what: `no run: ${code}`, at });
      if (hasPaused) await auditFailurePause(client, of, { slot: row.id, code });
    });
  }
}
