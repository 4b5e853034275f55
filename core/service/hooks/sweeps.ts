import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { toErrorData } from '../../base/errors.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Connector, ErpEvent } from '../../ports/erp/connector.ts';
import { Patience, Silence } from '../../ports/erp/patience.ts';
import type { Delivery, Recorded } from './intake.ts';

/** What sweeps are made with. */
export interface SweepParts {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  /** The tenants whose ERPs are looked at. */
  readonly tenants: () => Promise<readonly number[]>;
  /** What is looked for. */
  readonly entities: readonly string[];
  readonly connector: (tenantId: number) => Connector;
  readonly record: (delivery: Delivery) => Promise<Recorded>;
  readonly clock: Clock;
  /** @default 60000; 0: never */
  readonly everyMs?: number;
  /** Gets what goes wrong outside of any sweep. @default nobody */
  readonly onError?: (error: unknown) => void;
}

interface Cursor {
  readonly tenantId: number;
  readonly entity: string;
  readonly cursor: string | null;
  readonly previous: string | null;
}

/** Entities in one claim. */
const claimLimit = 16;
/** Pages of changes that one sweep reads at most; the rest comes with the next. */
const pageLimit = 100;
/** How long a start waits for ERPs to say where sweeps begin, milliseconds: one that is silent keeps nobody from being served. */
const startMs = 5_000;

/**
 * Finds the changes that no event told: each entity that a hook listens to is asked, tenant by tenant, for what has changed since it was
 * asked last, and from where the sweep before began, because an ERP may show a change later than one that came after it. What an event has
 * told of is known by its version. An entity's first sweep begins at that moment: what was before it is no change.
 */
export class Sweeps {
  readonly #parts: SweepParts;
  readonly #everyMs: number;
  readonly #patience: Patience;
  #cancel: () => void = () => {};
  #working: Promise<void> = Promise.resolve();
  #isOpen = false;

  constructor(parts: SweepParts) {
    this.#parts = parts;
    this.#everyMs = parts.everyMs ?? 60_000;
    this.#patience = new Patience(parts.clock);
  }

  /** Marks where sweeps begin, before anything else happens, as far as ERPs say so soon. */
  async start(): Promise<void> {
    if (this.#everyMs === 0 || this.#parts.entities.length === 0) return;
    this.#isOpen = true;
    this.#working = this.#look();
    const late = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(startMs, late.resolve);
    await Promise.race([this.#working, late.promise]);
    cancel();
  }

  /** Ends when the sweep that is under way is done; ERPs are not waited for. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#cancel();
    await this.#patience.endUntil(this.#working);
  }

  /** Sweeps whatever is due; resolves with how many changes were found that nobody had told of. */
  async sweepDue(): Promise<number> {
    await this.#introduce();
    let found = 0;
    for (;;) {
      const claimed = await this.#claim();
      const tenants = [...Map.groupBy(claimed, ({ tenantId }) => tenantId).values()];
      const each = await Promise.all(tenants.map((cursors) => this.#sweepTenant(cursors)));
      found += each.reduce((sum, one) => sum + one, 0);
      if (claimed.length === 0) return found;
    }
  }

  async #look(): Promise<void> {
    try {
      await this.sweepDue();
    } catch (error) {
      this.#parts.onError?.(error);
    }
    if (!this.#isOpen) return;
    this.#cancel = this.#parts.clock.after(this.#everyMs, () => {
      this.#working = this.#look();
    });
  }

  async #introduce(): Promise<void> {
    const { pool, tenants, entities, clock } = this.#parts;
    await pool.query(
      `INSERT INTO tutti.hook_cursor (tenant_id, entity, due_at) SELECT t, e, $3 FROM unnest($1::int[]) t CROSS JOIN unnest($2::text[]) e
       ORDER BY t, e ON CONFLICT DO NOTHING`,
      [await tenants(), entities, new Date(clock.now())],
    );
  }

  /** One engine sweeps an entity at a time; one that dies in the middle leaves it to whoever is next when it is due again. */
  async #claim(): Promise<readonly Cursor[]> {
    const { pool, tenants, entities, clock } = this.#parts;
    const now = clock.now();
    const { rows } = await pool.query<Cursor>(
      `WITH due AS (SELECT tenant_id, entity FROM tutti.hook_cursor WHERE due_at <= $1 AND tenant_id = ANY ($2) AND entity = ANY ($3)
         ORDER BY due_at, tenant_id, entity LIMIT $4 FOR UPDATE SKIP LOCKED)
       UPDATE tutti.hook_cursor c SET due_at = $5 FROM due WHERE c.tenant_id = due.tenant_id AND c.entity = due.entity
       RETURNING c.tenant_id AS "tenantId", c.entity, c.cursor, c.previous`,
      [new Date(now), await tenants(), entities, claimLimit, new Date(now + (this.#everyMs || 1))],
    );
    return rows;
  }

  /** Entity after entity; once its ERP was silent the others are asked together, so that they wait no longer than for one. */
  async #sweepTenant(cursors: readonly Cursor[]): Promise<number> {
    const left = [...cursors];
    let found = 0;
    for (let at = left.shift(); at !== undefined; at = left.shift()) {
      const swept = await this.#sweep(at);
      if (swept === null) break;
      found += swept;
    }
    const others = await Promise.all(left.map((at) => this.#sweep(at)));
    return others.reduce<number>((sum, swept) => sum + (swept ?? 0), found);
  }

  /** How many changes were found; null: its ERP has not answered in time. */
  async #sweep(at: Cursor): Promise<number | null> {
    try {
      const { found, cursor } = await this.#read(at);
      await this.#moveOn(at, cursor);
      return found;
    } catch (error) {
      if (this.#patience.isOver) return 0;
      await this.#parts.pool.query(
        'UPDATE tutti.hook_cursor SET error = $3 WHERE tenant_id = $1 AND entity = $2',
        [at.tenantId, at.entity, toJsonb(toErrorData(error))],
      );
      return error instanceof Silence ? null : 0;
    }
  }

  async #read(at: Cursor): Promise<{ readonly found: number; readonly cursor: string }> {
    const { tenantId, entity } = at;
    const connector = this.#parts.connector(tenantId);
    let cursor = at.previous ?? at.cursor;
    let found = 0;
    for (let page = 0; page < pageLimit; page += 1) {
      const from: string | null = cursor;
      const { events, cursor: next } = await this.#patience.wait(
        `what has changed of '${entity}'`,
        (signal) => connector.changes(from, { entities: [entity], signal }),
      );
      const delivery = { tenantId, source: 'sweep', events: events.map(foundEvent) };
      if (events.length > 0) found += (await this.#parts.record(delivery)).recorded;
      cursor = next;
      if (events.length === 0 || next === from) break;
    }
    return { found, cursor: cursor ?? '' };
  }

  /** Only from where it began: a sweep that was overtaken does not set the cursor back. */
  async #moveOn({ tenantId, entity, cursor: from }: Cursor, cursor: string): Promise<void> {
    const { pool, clock } = this.#parts;
    await pool.query(
      `UPDATE tutti.hook_cursor SET cursor = $4, previous = $3, swept_at = $5, error = NULL
       WHERE tenant_id = $1 AND entity = $2 AND cursor IS NOT DISTINCT FROM $3`,
      [tenantId, entity, from, cursor, new Date(clock.now())],
    );
  }
}

function foundEvent({ entity, id, version }: ErpEvent) {
  return {
    ...{ key: `${entity}:${id}@${version}`, type: null, entity, recordId: id, version },
    ...{ time: null, data: null },
  };
}
