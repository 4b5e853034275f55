import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Registry } from '../../sdk/registry.ts';
import { auditTexts } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../store/store.ts';
import { type Reach, readReach } from './stop.ts';

/** A stop as people see it. */
export interface StopView {
  readonly id: string;
  readonly reach: Reach;
  readonly reason: string;
  readonly actor: Actor;
  readonly at: Date;
  /** Who has lifted it, when and why; null while it stands. */
  readonly liftedBy: Actor | null;
  readonly liftedAt: Date | null;
  readonly liftReason: string | null;
}

/** Who stops or lifts what. */
export interface StopAsk {
  readonly tenantId: number;
  /** As people write it: `all`, `tenant`, `module:finance`, `agent:finance.three_way_match`. */
  readonly reach: string;
  readonly actor: Actor;
  /** @default '' */
  readonly reason?: string | undefined;
}

/** Which stops to list. */
export interface StopsAsked {
  /** Those that were lifted, too. @default false */
  readonly all?: boolean;
  /** @default 200 */
  readonly limit?: number;
}

const columns = `id, reach, reason, actor, at, lifted_by AS "liftedBy", lifted_at AS "liftedAt", lift_reason AS "liftReason"`;

/** Stops, for people and programs; engines look four times a second (stops.ts). Every stop and every lift stays on record. */
export class StopStore {
  readonly #pool: pg.Pool;
  readonly #registry: Pick<Registry, 'agents' | 'modules'>;

  /** `pool` acts as `tutti_engine`. */
  constructor(pool: pg.Pool, registry: Pick<Registry, 'agents' | 'modules'>) {
    this.#pool = pool;
    this.#registry = registry;
  }

  /** Stops it; one that stands already stays as it is. @throws INPUT_INVALID naming what can be stopped */
  async stop({ tenantId, reach: text, actor, reason = '' }: StopAsk): Promise<StopView> {
    const reach = readReach(text, this.#registry);
    const id = newId();
    const texts = auditTexts({ actor, action: 'stop.place', target: reach, data: { id } });
    const values = [ownerOf(reach, tenantId), id, reach, reason, toJsonb(actor), ...texts];
    const { rows } = await this.#pool.query<StopRow>(
      `WITH placed AS (INSERT INTO tutti.stop (tenant_id, id, reach, reason, actor) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, reach) WHERE lifted_at IS NULL DO UPDATE SET reach = excluded.reach RETURNING *)
       SELECT ${columns}, CASE WHEN id = $2 THEN tutti.append_audit($1, $6, $7, $8, $9) END AS audited FROM placed`,
      values,
    );
    return viewOf(rows[0] as StopRow);
  }

  /** Lifts a stop that stands. What is no longer loaded can be lifted, too. @throws STOP_UNKNOWN */
  async lift({ tenantId, reach, actor, reason = '' }: StopAsk): Promise<StopView> {
    const { rows } = await this.#pool.query<StopRow>(
      `WITH lifted AS (UPDATE tutti.stop SET lifted_at = clock_timestamp(), lifted_by = $3, lift_reason = $4
         WHERE tenant_id = $1 AND reach = $2 AND lifted_at IS NULL RETURNING *)
       SELECT ${columns}, tutti.append_audit($1, $5, $6, $7, $8) AS audited FROM lifted`,
      [
        ...[ownerOf(reach, tenantId), reach, toJsonb(actor), reason],
        ...auditTexts({ actor, action: 'stop.lift', target: reach }),
      ],
    );
    if (rows[0]) return viewOf(rows[0]);
    const shown = reach.slice(0, 200);
    throw new EngineError('STOP_UNKNOWN', `'${shown}' is not stopped; what is, says: tutti stops`);
  }

  /** The stop of a reach that stands; null: none does. */
  async standing(tenantId: number, reach: string): Promise<StopView | null> {
    const { rows } = await this.#pool.query<StopView>(
      `SELECT ${columns} FROM tutti.stop WHERE tenant_id = $1 AND reach = $2 AND lifted_at IS NULL`,
      [ownerOf(reach, tenantId), reach],
    );
    return rows[0] ?? null;
  }

  /** The stops of a tenant and those of all, as `listStops` has them. */
  list(tenantId: number, asked: StopsAsked = {}): Promise<readonly StopView[]> {
    return listStops(this.#pool, tenantId, asked);
  }
}

/** The stops of a tenant and those of all, standing ones first, each newest first. `pool` acts as `tutti_engine`. */
export async function listStops(
  pool: pg.Pool,
  tenantId: number,
  { all = false, limit = 200 }: StopsAsked = {},
): Promise<readonly StopView[]> {
  const { rows } = await pool.query<StopView>(
    `SELECT ${columns} FROM tutti.stop WHERE tenant_id IN (0, $1) AND ($2 OR lifted_at IS NULL)
     ORDER BY lifted_at IS NOT NULL, at DESC LIMIT $3`,
    [tenantId, all, limit],
  );
  return rows;
}

type StopRow = StopView & { readonly audited: unknown };

function viewOf({ audited: _, ...view }: StopRow): StopView {
  return view;
}

/** Whose a stop is; that of all is nobody's. */
function ownerOf(reach: string, tenantId: number): number {
  return reach === 'all' ? 0 : tenantId;
}
