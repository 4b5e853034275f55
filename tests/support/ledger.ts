import type pg from 'pg';
import { newId } from '../../core/base/ids.ts';
import { Store } from '../../core/engine/store/store.ts';
import type { Database } from '../../core/ports/db/database.ts';

/** A model call as the journal leaves it. */
export interface LedgerCall {
  readonly tenantId: number;
  readonly run: string;
  readonly seq: number;
  readonly step: number;
  readonly model: string;
  readonly state: 'reserved' | 'settled' | 'estimated' | 'released';
  readonly bound: number;
  readonly cost: number | null;
  readonly tokens: object | null;
  readonly simulated: boolean;
  readonly batch: boolean;
  /** When its reservation was written, and the purses' day. Null: its entry is gone. */
  readonly at: Date | null;
  /** What the entry says of it. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Fills the tables that costs are read from, as the engine does, without one. */
export class LedgerRows {
  readonly #pool: pg.Pool;
  readonly #store: Store;

  constructor(database: Database) {
    this.#pool = database.pool('tutti_engine', 1);
    this.#store = new Store(this.#pool);
  }

  tenant(slug: string): Promise<number> {
    return this.#store.tenant(slug);
  }

  /** @default endedAt null, it goes on · createdAt now */
  async run(
    tenantId: number,
    workflow: string,
    times: { readonly endedAt?: Date | null; readonly createdAt?: Date } = {},
  ): Promise<string> {
    const id = newId();
    await this.#pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, created_at, ended_at)
       VALUES ($1, $2, $3, 1, '{}', 2, '2026-06-30', 'UTC', 'running', '{}', $4, $5)`,
      [tenantId, id, workflow, times.createdAt ?? new Date(), times.endedAt ?? null],
    );
    return id;
  }

  /** @default wait null */
  async step(
    tenantId: number,
    run: string,
    step: { readonly id: number; readonly agent: string; readonly wait?: 'budget' },
  ): Promise<void> {
    await this.#pool.query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, kind, agent, status, priority, wait)
       VALUES ($1, $2, $3, 'node' || $3::int, 'task', $4, $5, 5, $6)`,
      [tenantId, run, step.id, step.agent, step.wait ? 'waiting' : 'succeeded', step.wait ?? null],
    );
  }

  async call(call: LedgerCall): Promise<void> {
    const { tenantId, run, seq, step, model, state, bound, cost, simulated, batch, at } = call;
    await this.#pool.query(
      `INSERT INTO tutti.ledger (tenant_id, run_id, seq, step, model, price_v, state, reserved_micro_usd, cost_micro_usd, tokens, simulated, batch)
       VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11)`,
      [
        tenantId,
        run,
        seq,
        step,
        model,
        state,
        bound,
        cost,
        call.tokens && JSON.stringify(call.tokens),
        simulated,
        batch,
      ],
    );
    if (at === null) return;
    await this.#pool.query(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, at, data) VALUES ($1, $2, $3, $4, 'turn.started', $5, $6)`,
      [tenantId, run, seq, step, at, call.data],
    );
  }

  async purse(purse: {
    readonly tenantId: number;
    readonly scope: string;
    readonly period: string;
    readonly limit: number;
    readonly reserved?: number;
    readonly settled?: number;
  }): Promise<void> {
    const { tenantId, scope, period, limit, reserved = 0, settled = 0 } = purse;
    await this.#pool.query(
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, reserved_micro_usd, settled_micro_usd) VALUES ($1, $2, $3, $4, $5, $6)`,
      [tenantId, scope, period, limit, reserved, settled],
    );
  }

  /** Lets the purses of a day, and those of the next, each have all that a tenant has spent of both. */
  async spendOnBothDays(tenantId: number): Promise<void> {
    await this.#pool.query(
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, reserved_micro_usd, settled_micro_usd)
       SELECT tenant_id, scope, min(period) + day, max(limit_micro_usd), 0, sum(settled_micro_usd) FROM tutti.budget, generate_series(0, 1) day
       WHERE tenant_id = $1 AND NOT starts_with(scope, 'run:') GROUP BY tenant_id, scope, day
       ON CONFLICT (tenant_id, scope, period) DO UPDATE SET settled_micro_usd = excluded.settled_micro_usd`,
      [tenantId],
    );
  }

  /** The limits that stand in the table, `scope period` → micro-USD. */
  async limits(tenantId: number): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#pool.query<{ scope: string; period: string; limit: number }>(
      'SELECT scope, period, limit_micro_usd AS limit FROM tutti.budget WHERE tenant_id = $1',
      [tenantId],
    );
    return new Map(rows.map(({ scope, period, limit }) => [`${scope} ${period}`, limit]));
  }
}
