import type pg from 'pg';
import type { ModelProfile } from '../../sdk/agent.ts';
import type { HistoryEntry } from '../store/store.ts';
import type { StoredCall } from './calls.ts';

/** A batch as the journal has it, whose end it does not tell. */
export interface StoredBatch {
  readonly mark: string;
  readonly profile: ModelProfile;
  readonly model: string;
  readonly plannedAt: number;
  /** Numbers of its calls. */
  readonly items: readonly number[];
  /** Null: nobody knows whether the provider has it. */
  readonly id: string | null;
}

/** What a new owner finds of a run's batches. */
export interface StoredBatches {
  readonly calls: readonly StoredCall[];
  readonly batches: readonly StoredBatch[];
}

interface CallRow {
  readonly seq: number;
  readonly step: number;
  readonly model: string;
  readonly price_v: number;
  readonly reserved_micro_usd: number;
  readonly data: {
    readonly turn: number;
    readonly profile: ModelProfile;
    readonly period: string;
    readonly module: string;
    readonly at: number;
  };
}

/** Reads what a run has in batches: the calls that are reserved, and the batches that its history has begun and not ended. */
export async function readBatches(
  pool: pg.Pool,
  { tenantId, id }: { readonly tenantId: number; readonly id: string },
  history: readonly HistoryEntry[],
): Promise<StoredBatches> {
  const { rows } = await pool.query<CallRow>(
    `SELECT l.seq, l.step, l.model, l.price_v, l.reserved_micro_usd, e.data FROM tutti.ledger l
     JOIN tutti.entry e ON e.tenant_id = l.tenant_id AND e.run_id = l.run_id AND e.seq = l.seq
     WHERE l.tenant_id = $1 AND l.run_id = $2 AND l.batch AND l.state = 'reserved' ORDER BY l.seq`,
    [tenantId, id],
  );
  const calls = rows.map(({ seq, step, model, data, ...row }) => ({
    ...{ seq, step, model },
    priceVersion: row.price_v,
    reservedMicroUsd: row.reserved_micro_usd,
    turn: data.turn,
    profile: data.profile,
    period: data.period,
    module: data.module,
    startedAt: data.at,
  }));
  return { calls, batches: openBatches(history) };
}

function openBatches(history: readonly HistoryEntry[]): readonly StoredBatch[] {
  const batches = new Map<string, StoredBatch>();
  for (const { kind, data } of history) {
    const mark = String(data.mark);
    if (kind === 'batch.planned') {
      const { profile, model, at, items } = data as {
        readonly profile: ModelProfile;
        readonly model: string;
        readonly at: number;
        readonly items: readonly number[];
      };
      batches.set(mark, { mark, profile, model, plannedAt: at, items, id: null });
    }
    const known = batches.get(mark);
    if (kind === 'batch.submitted' && known) batches.set(mark, { ...known, id: String(data.id) });
    if (kind === 'batch.ended') batches.delete(mark);
  }
  return [...batches.values()];
}
