import type pg from 'pg';
import type { ErrorData } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { FiringState } from '../../ports/db/states.ts';
import { isSuspended } from '../../ports/db/suspended.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';

/** A firing that is this process's to settle, for as long as its claim lasts. */
export interface ClaimedFiring {
  readonly tenantId: number;
  readonly id: string;
  readonly hook: string;
  readonly entity: string | null;
  readonly recordId: string | null;
  readonly key: string;
  /** `starting`: what it starts is decided; whoever decided it has not said that it has started. */
  readonly state: Extract<FiringState, 'claimed' | 'starting'>;
  readonly attempts: number;
  readonly claim: string;
  readonly isReplay: boolean;
  readonly version: string | null;
  readonly input: unknown;
  readonly company: string | null;
  /** The last of its events. */
  readonly event: StoredEvent;
}

/** An event as it is kept. */
export interface StoredEvent {
  readonly id: string;
  readonly source: string;
  readonly dedupe: string;
  readonly type: string | null;
  readonly version: string | null;
  /** RFC 3339. */
  readonly time: string | null;
  /** JSON. */
  readonly body: string | null;
}

/** What a firing is to start. */
export interface Decision {
  readonly version: string | null;
  /** The change that it is for: one run of a hook each. */
  readonly change: string;
  readonly input: unknown;
  readonly company: string | null;
  /** Of a hook that fires when its condition becomes true; null: of any other. */
  readonly edge: 'becomes' | null;
}

/** What has become of a decision: `merged`, another firing has started a run for the same change; `still`, the condition had held before. */
export type Decided = 'starting' | 'merged' | 'still' | 'lost';

type Own = Pick<ClaimedFiring, 'tenantId' | 'id' | 'claim' | 'hook' | 'key' | 'isReplay'>;

/** The statements about firings; times are those of the caller's clock. On a pool of `tutti_engine`. */
export class FiringStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Takes up to `limit` firings that are due, also those that a dead process had taken; until `until` nobody else takes them. Two engines
   * never get the same one, nor two of the same hook and record: what was first is first.
   */
  async claim(
    hooks: readonly string[],
    { now, until, limit }: { readonly now: number; readonly until: number; readonly limit: number },
  ): Promise<readonly ClaimedFiring[]> {
    const values = [hooks, new Date(now), limit, new Date(until), newId()];
    const { rows } = await this.#pool.query<ClaimedFiring>({
      name: 'hook-claim',
      text: claimSql,
      values,
    });
    return rows;
  }

  /** When the next one is due, ms since the epoch; null: none waits. */
  async nextDue(hooks: readonly string[]): Promise<number | null> {
    const { rows } = await this.#pool.query<{ readonly at: Date | null }>(
      `SELECT min(due_at) AS at FROM tutti.hook_firing f WHERE state IN ('pending', 'waiting', 'claimed', 'starting') AND hook = ANY ($1)
         AND NOT EXISTS (SELECT FROM tutti.hook_pause p WHERE p.tenant_id = f.tenant_id AND p.hook = f.hook)`,
      [hooks],
    );
    return rows[0]?.at?.getTime() ?? null;
  }

  /** Writes down what a firing will start, before it is started. A replay is for a change of its own: it may start what has been started. */
  async decide(firing: Own, decision: Decision, now: number): Promise<Decided> {
    const change = firing.isReplay ? `${decision.change} replay ${firing.id}` : decision.change;
    const { edge } = decision;
    try {
      if (edge === null) return await this.#decide(this.#pool, firing, { ...decision, change });
      return await inTransaction(this.#pool, async (client) => {
        if (!(await isOwn(client, firing))) return 'lost';
        const held = await swapSeen(client, firing, { ...decision, holds: true, now });
        if (held && !firing.isReplay) return 'still';
        return await this.#decide(client, firing, { ...decision, change });
      });
    } catch (error) {
      // Another engine decided the same in this very moment.
      if ((error as { readonly code?: unknown }).code === '23505') return 'merged';
      throw error;
    }
  }

  async #decide(
    client: Queryable,
    { tenantId, id, claim, hook }: Own,
    { version, change, input, company }: Decision,
  ): Promise<Decided> {
    const { rows } = await client.query<{ readonly known: boolean; readonly made: boolean }>(
      `WITH known AS (SELECT 1 FROM tutti.hook_firing WHERE tenant_id = $1 AND hook = $4 AND change = $5 AND id <> $2),
       made AS (UPDATE tutti.hook_firing SET state = 'starting', version = $6, change = $5, input = $7, company = $8
         WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND state = 'claimed' AND NOT EXISTS (SELECT FROM known) RETURNING 1)
       SELECT EXISTS (SELECT FROM known) AS known, EXISTS (SELECT FROM made) AS made`,
      [tenantId, id, claim, hook, change, version, toJsonb(input ?? {}), company],
    );
    if (rows[0]?.made) return 'starting';
    return rows[0]?.known ? 'merged' : 'lost';
  }

  /** Notes that the condition does not hold, for a hook that compares. */
  async unsee(
    firing: Own,
    { version, now }: { readonly version: string | null; readonly now: number },
  ): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      if (await isOwn(client, firing))
        await swapSeen(client, firing, { version, holds: false, now });
    });
  }

  /** Ends a firing: with its run, or with why there is none. What it was to start with is kept by the run alone. False: it is another's by now. */
  async end(
    firing: Own,
    how: {
      readonly state: 'started' | 'skipped' | 'merged' | 'dead';
      readonly now: number;
      readonly version?: string | null;
      readonly runId?: string;
      readonly reason?: string;
      readonly error?: ErrorData;
    },
  ): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE tutti.hook_firing SET state = $4, ended_at = $5, version = coalesce($6, version), run_id = $7, reason = $8, error = $9,
         input = CASE WHEN $4 = 'dead' THEN input END
       WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND state IN ('claimed', 'starting')`,
      [
        ...[firing.tenantId, firing.id, firing.claim, how.state, new Date(how.now)],
        ...[how.version ?? null, how.runId ?? null, how.reason ?? null],
        how.error ? toJsonb(how.error) : null,
      ],
    );
    return rowCount === 1;
  }

  /** Lets a firing wait until `at`; one that is decided stays so. */
  async postpone(
    firing: Own,
    how: { readonly at: number; readonly error: ErrorData },
  ): Promise<void> {
    await this.#pool.query(
      `UPDATE tutti.hook_firing SET due_at = $4, error = $5, state = CASE state WHEN 'claimed' THEN 'waiting' ELSE state END
       WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND state IN ('claimed', 'starting')`,
      [firing.tenantId, firing.id, firing.claim, new Date(how.at), toJsonb(how.error)],
    );
  }

  /** Forgets ended firings from before `before`, dead ones, too, and the events that no firing is left of. */
  async purge(before: number): Promise<void> {
    const at = [new Date(before)];
    await this.#pool.query(
      'DELETE FROM tutti.hook_firing WHERE created_at < $1 AND ended_at IS NOT NULL',
      at,
    );
    await this.#pool.query(
      `DELETE FROM tutti.hook_event e WHERE e.received_at < $1 AND NOT EXISTS (SELECT FROM tutti.hook_firing f WHERE ${ofEvent})`,
      at,
    );
  }
}

/** Firings `f` of an event `e`, by hook_firing_key: a firing's key is its record's, or its event's. */
export const ofEvent = `f.tenant_id = e.tenant_id AND f.key IN (e.entity || ':' || e.record_id, 'event:' || e.id) AND e.id = ANY (f.event_ids)`;

// The index hook_firing_due finds them; hook_firing_busy is the backstop for two engines that look in the same moment. Of the firings of a
// hook and a record only the one that was due first may be taken.
const claimSql = `WITH due AS (
  SELECT f.tenant_id, f.id FROM tutti.hook_firing f
  WHERE f.state IN ('pending', 'waiting', 'claimed', 'starting') AND f.due_at <= $2 AND f.hook = ANY ($1)
    AND NOT EXISTS (SELECT FROM tutti.hook_pause p WHERE p.tenant_id = f.tenant_id AND p.hook = f.hook)
    AND NOT ${isSuspended('f.tenant_id')}
    AND NOT EXISTS (SELECT FROM tutti.hook_firing o WHERE o.tenant_id = f.tenant_id AND o.hook = f.hook AND o.key = f.key AND o.id <> f.id
      AND (o.state IN ('claimed', 'starting')
        OR (o.state IN ('pending', 'waiting') AND f.state IN ('pending', 'waiting') AND (o.due_at, o.id) < (f.due_at, f.id) AND o.due_at <= $2)))
  ORDER BY f.due_at LIMIT $3 FOR UPDATE OF f SKIP LOCKED),
taken AS (
  UPDATE tutti.hook_firing f SET state = CASE f.state WHEN 'starting' THEN 'starting' ELSE 'claimed' END, due_at = $4, claim = $5, attempts = attempts + 1
  FROM due WHERE f.tenant_id = due.tenant_id AND f.id = due.id RETURNING f.*)
SELECT t.tenant_id AS "tenantId", t.id, t.hook, t.entity, t.record_id AS "recordId", t.key, t.state, t.attempts, t.claim,
  t.replayed_by IS NOT NULL AS "isReplay", t.version, t.input, t.company,
  json_build_object('id', e.id, 'source', e.source, 'dedupe', e.dedupe, 'type', e.type, 'version', e.version, 'time', e.occurred_at,
    'body', convert_from(e.body, 'UTF8')) AS event
FROM taken t LEFT JOIN tutti.hook_event e ON e.tenant_id = t.tenant_id AND e.id = t.event_ids[cardinality(t.event_ids)]`;

/** Whether a claim still holds; if so nobody can take it over before the transaction ends. */
async function isOwn(client: Queryable, { tenantId, id, claim }: Own): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM tutti.hook_firing WHERE tenant_id = $1 AND id = $2 AND claim = $3 AND state = 'claimed' FOR UPDATE`,
    [tenantId, id, claim],
  );
  return rowCount === 1;
}

/** Notes whether the condition holds; returns whether it held before. */
async function swapSeen(
  client: Queryable,
  { tenantId, hook, key }: Own,
  {
    version,
    holds,
    now,
  }: { readonly version: string | null; readonly holds: boolean; readonly now: number },
): Promise<boolean> {
  const { rows } = await client.query<{ readonly held: boolean | null }>(
    `WITH before AS (SELECT holds FROM tutti.hook_seen WHERE tenant_id = $1 AND hook = $2 AND key = $3),
     after AS (INSERT INTO tutti.hook_seen (tenant_id, hook, key, holds, version, at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, hook, key) DO UPDATE SET holds = excluded.holds, version = excluded.version, at = excluded.at RETURNING 1)
     SELECT (SELECT holds FROM before) AS held FROM after`,
    [tenantId, hook, key, holds, version, new Date(now)],
  );
  return rows[0]?.held ?? false;
}
