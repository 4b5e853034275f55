import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import type { Freshness } from '../../ports/erp/freshness.ts';
import type { Listeners } from './listeners.ts';
import type { ReceivedEvent } from './received.ts';

/** Events of one tenant and source, to be recorded together. */
export interface Delivery {
  readonly tenantId: number;
  /** `sweep`: what an event has told already is left out. */
  readonly source: string;
  readonly events: readonly ReceivedEvent[];
}

/** How many events were new; the others are on record already. */
export interface Recorded {
  readonly recorded: number;
  readonly duplicates: number;
}

/** What the intake works with. */
export interface IntakeParts {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly listeners: Listeners;
  readonly clock: Clock;
  /** Told when the first of the recorded firings is due, ms since the epoch. @default nobody */
  readonly onDue?: (at: number) => void;
  /** Told what is said to have changed, before anything is made of it. @default nobody */
  readonly freshness?: Pick<Freshness, 'changed'>;
  /** Told what has become durable. @default nobody counts */
  readonly metrics?: Metrics;
}

/** Events in one statement. 1,000 of them with three hooks took about 60 ms; larger groups gain nothing. */
const groupLimit = 1_000;
/** Events that may wait for the database; beyond, senders are asked to come again. */
const waitingLimit = 50_000;

interface Row {
  readonly id: string;
  readonly tenantId: number;
  readonly source: string;
  readonly dedupe: string;
  readonly event: ReceivedEvent;
  readonly body: string | null;
}

interface Waiting {
  readonly rows: readonly Row[];
  readonly settle: (made: ReadonlySet<string>) => void;
  readonly fail: (error: EngineError) => void;
}

/**
 * Records events, each once, and with each the firings of the hooks that listen to it, in one statement: both are there, or neither. What
 * comes while a statement is under way goes down with the next one, so that a burst costs a few statements and no timer.
 */
export class Intake {
  readonly #parts: IntakeParts;
  #waiting: Waiting[] = [];
  #count = 0;
  #isFlushing = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Resolves when it is durable. @throws RATE_LIMITED when too many wait · DB_* */
  record(delivery: Delivery): Promise<Recorded> {
    const { tenantId, events } = delivery;
    for (const { entity } of events)
      if (entity !== null) this.#parts.freshness?.changed(tenantId, entity);
    const rows = delivery.events.map((event) => rowOf(delivery, event));
    if (rows.length === 0) return Promise.resolve({ recorded: 0, duplicates: 0 });
    if (this.#count + rows.length > waitingLimit && this.#count > 0)
      throw new EngineError(
        'RATE_LIMITED',
        `${this.#count} events wait to be recorded; send this again in a second.`,
      );
    const { promise, resolve, reject } = Promise.withResolvers<Recorded>();
    this.#waiting.push({
      rows,
      settle: (made) => {
        const recorded = rows.filter(({ id }) => made.has(id)).length;
        const told = { recorded, duplicates: rows.length - recorded };
        this.#tell(delivery, told);
        resolve(told);
      },
      fail: reject,
    });
    this.#count += rows.length;
    void this.#flush();
    return promise;
  }

  #tell({ source }: Delivery, { recorded, duplicates }: Recorded): void {
    const { metrics } = this.#parts;
    if (recorded > 0) metrics?.add('tutti.hooks.received', recorded, { source });
    if (duplicates > 0) metrics?.add('tutti.hooks.duplicates', duplicates, { source });
  }

  async #flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // What comes in the same turn of the event loop goes down together.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) await this.#flushGroup(this.#takeGroup());
    this.#isFlushing = false;
  }

  #takeGroup(): readonly Waiting[] {
    let count = 0;
    const end = this.#waiting.findIndex(({ rows }, index) => {
      count += rows.length;
      return index > 0 && count > groupLimit;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #flushGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const made = await this.#insert(onceEach(group.flatMap(({ rows }) => rows)));
      for (const { settle } of group) settle(made);
    } catch (error) {
      for (const { fail } of group) fail(translateDbError(error));
    } finally {
      this.#count -= group.reduce((sum, { rows }) => sum + rows.length, 0);
    }
  }

  async #insert(rows: readonly Row[]): Promise<ReadonlySet<string>> {
    const { pool, listeners, clock, onDue } = this.#parts;
    const now = clock.now();
    const firings = rows.flatMap((row) =>
      listeners.of(row.event).map(({ name, hook }) => ({
        ...{ row, hook: name, dueAt: now + hook.debounceMs },
        key: hook.coalesce === 'record' ? keyOf(row) : `event:${row.id}`,
      })),
    );
    const { rows: made } = await pool.query<{ readonly id: string }>({
      name: 'hook-intake',
      text: insertSql,
      values: [
        new Date(now),
        rows.map(({ tenantId }) => tenantId),
        rows.map(({ source }) => source),
        rows.map(({ dedupe }) => dedupe),
        rows.map(({ id }) => id),
        rows.map(({ event }) => event.type),
        rows.map(({ event }) => event.entity),
        rows.map(({ event }) => event.recordId),
        rows.map(({ event }) => event.version),
        rows.map(({ event }) => event.time),
        rows.map(({ body }) => body),
        firings.map(() => newId()),
        firings.map(({ row }) => row.id),
        firings.map(({ hook }) => hook),
        firings.map(({ key }) => key),
        firings.map(({ dueAt }) => new Date(dueAt)),
      ],
    });
    if (made.length > 0 && firings.length > 0)
      onDue?.(Math.min(...firings.map(({ dueAt }) => dueAt)));
    return new Set(made.map(({ id }) => id));
  }
}

// By the primary key of hook_event; what a sweep finds also by hook_event_version: an event has told of it, unless the record was read
// for that event while the ERP still showed another version. In the order of the keys, so that two engines that record the same do not
// wait for each other in a circle.
const insertSql = `WITH given AS (
  SELECT * FROM unnest($2::int[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[])
    AS g (tenant_id, source, dedupe, id, type, entity, record_id, version, occurred_at, body)),
made AS (
  INSERT INTO tutti.hook_event (tenant_id, source, dedupe, id, type, entity, record_id, version, occurred_at, received_at, body)
  SELECT tenant_id, source, dedupe, id, type, entity, record_id, version, occurred_at, $1, convert_to(body, 'UTF8') FROM given g
  WHERE source <> 'sweep' OR NOT EXISTS (SELECT FROM tutti.hook_event k
    WHERE k.tenant_id = g.tenant_id AND k.entity = g.entity AND k.record_id = g.record_id AND k.version = g.version
      AND NOT EXISTS (SELECT FROM tutti.hook_firing f WHERE f.tenant_id = k.tenant_id AND f.key IN (k.entity || ':' || k.record_id, 'event:' || k.id)
        AND k.id = ANY (f.event_ids) AND f.ended_at IS NOT NULL AND f.state <> 'dead' AND f.version IS DISTINCT FROM k.version))
  ORDER BY tenant_id, source, dedupe ON CONFLICT DO NOTHING
  RETURNING tenant_id, id, entity, record_id),
fired AS (
  INSERT INTO tutti.hook_firing (tenant_id, id, hook, entity, record_id, key, state, due_at, events, event_ids, created_at)
  SELECT m.tenant_id, (array_agg(f.id))[1], f.hook, min(m.entity), min(m.record_id), f.key, 'pending', min(f.due_at), count(*),
    (array_agg(m.id ORDER BY m.id))[greatest(1, count(*) - 99):], $1
  FROM unnest($12::uuid[], $13::uuid[], $14::text[], $15::text[], $16::timestamptz[]) AS f (id, event_id, hook, key, due_at)
  JOIN made m ON m.id = f.event_id GROUP BY m.tenant_id, f.hook, f.key ORDER BY m.tenant_id, f.hook, f.key
  ON CONFLICT (tenant_id, hook, key) WHERE state = 'pending' DO UPDATE SET events = hook_firing.events + excluded.events,
    event_ids = (hook_firing.event_ids || excluded.event_ids)[greatest(1, cardinality(hook_firing.event_ids) + cardinality(excluded.event_ids) - 99):]
  RETURNING 1)
SELECT id FROM made`;

function rowOf({ tenantId, source }: Delivery, event: ReceivedEvent): Row {
  const body = event.data === null || event.data === undefined ? null : jsonOf(event.data);
  return { id: newId(), tenantId, source, dedupe: dedupeOf(event.key), event, body };
}

/** @throws INPUT_INVALID for what is nested so deep that it cannot be written */
function jsonOf(data: unknown): string {
  try {
    return JSON.stringify(data);
  } catch (cause) {
    throw new EngineError('INPUT_INVALID', 'An event is nested too deep.', { cause });
  }
}

/** What stands in an index is short. */
function dedupeOf(key: string): string {
  if (key.length <= 200) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}

function keyOf({ id, event: { entity, recordId } }: Row): string {
  return entity === null || recordId === null ? `event:${id}` : `${entity}:${recordId}`;
}

/** The first of those that say the same. */
function onceEach(rows: readonly Row[]): readonly Row[] {
  const seen = new Map<string, Row>();
  for (const row of rows) {
    const key = JSON.stringify([row.tenantId, row.source, row.dedupe]);
    if (!seen.has(key)) seen.set(key, row);
  }
  return [...seen.values()];
}
