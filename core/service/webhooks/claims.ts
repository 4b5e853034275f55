import type pg from 'pg';
import type { DeliveryState } from '../../ports/db/states.ts';
import { isSuspended } from '../../ports/db/suspended.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import type { Seal } from '../../ports/seal.ts';
import { emit } from './emit.ts';
import { nextDelayMs, type Outcome } from './retry.ts';
import { opened, type StoredSecret } from './sealed.ts';

/*
 * A delivery:
 *
 *   pending ── claimed: the attempt has a number and is somebody's until claimed_until ──▶ 2xx ─▶ delivered
 *      ▲                    └── no 2xx ─▶ pending again, after a while │ 410, or the last attempt ─▶ failed
 *      └──────────────────── replayed ◀────────────────────────────────┘
 */

/** One attempt that is this engine's to make. */
export interface Claim {
  readonly tenantId: number;
  readonly deliveryId: string;
  readonly endpointId: string;
  readonly url: string;
  readonly type: string;
  readonly body: Buffer;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** Attempts since it was made or replayed, this one included. */
  readonly tries: number;
  readonly signing: Signing;
}

/** What deliveries of an endpoint are signed with: the newest first. An error: one of its secrets cannot be read. */
export type Signing = readonly Buffer[] | Error;

interface EndpointRow {
  readonly tenant_id: number;
  readonly id: string;
  readonly url: string;
}

interface TakenRow {
  readonly tenant_id: number;
  readonly id: string;
  readonly endpoint_id: string;
  readonly type: string;
  readonly body: Buffer;
  readonly attempt: number;
  readonly tries: number;
}

interface Claiming {
  readonly now: Date;
  readonly until: Date;
  readonly limit: number;
  /** Opens the secrets. */
  readonly seal: Seal;
}

/**
 * Takes attempts that are due, each for one engine only, and of no endpoint more at once than it allows. An endpoint's row is locked while its
 * deliveries are counted and taken; those that another engine holds are left to it. What is told of a tenant that is suspended waits.
 */
export async function claim(
  pool: pg.Pool,
  { now, until, limit, seal }: Claiming,
): Promise<readonly Claim[]> {
  return inTransaction(pool, async (client) => {
    const { rows: endpoints } = await client.query<EndpointRow>(dueSql, [now]);
    if (endpoints.length === 0) return [];
    const { rows } = await client.query<TakenRow>(takeSql, [
      ...[endpoints.map(({ tenant_id }) => tenant_id), endpoints.map(({ id }) => id)],
      ...[now, until, limit],
    ]);
    if (rows.length === 0) return [];
    await client.query(
      `INSERT INTO tutti.delivery_attempt (tenant_id, delivery_id, no, began_at)
       SELECT t.tenant, t.id, t.no, $1 FROM unnest($2::int[], $3::uuid[], $4::int[]) AS t(tenant, id, no)`,
      [now, ...columnsOf(rows)],
    );
    const signing = await signingOf(client, endpoints, { now, seal });
    return rows.map((row) => ({
      tenantId: row.tenant_id,
      deliveryId: row.id,
      endpointId: row.endpoint_id,
      url: endpoints.find(({ id }) => id === row.endpoint_id)?.url ?? '',
      type: row.type,
      body: row.body,
      attempt: row.attempt,
      tries: row.tries,
      signing: signing.get(row.endpoint_id) ?? [],
    }));
  });
}

function columnsOf(rows: readonly TakenRow[]) {
  return [
    rows.map(({ tenant_id }) => tenant_id),
    rows.map(({ id }) => id),
    rows.map(({ attempt }) => attempt),
  ];
}

async function signingOf(
  client: pg.ClientBase,
  endpoints: readonly EndpointRow[],
  { now, seal }: Pick<Claiming, 'now' | 'seal'>,
): Promise<ReadonlyMap<string, Signing>> {
  const { rows } = await client.query<StoredSecret>(
    `SELECT tenant_id, webhook_id, id, secret, key_id FROM tutti.webhook_secret
     WHERE webhook_id = ANY ($1::uuid[]) AND (expires_at IS NULL OR expires_at > $2) ORDER BY expires_at DESC NULLS FIRST, id DESC`,
    [endpoints.map(({ id }) => id), now],
  );
  return new Map(
    [...Map.groupBy(rows, ({ webhook_id }) => webhook_id)].map(([id, of]) => [
      id,
      openedAll(seal, of),
    ]),
  );
}

/** One endpoint whose secrets cannot be read fails its own attempts, and holds up no others. */
function openedAll(seal: Seal, rows: readonly StoredSecret[]): Signing {
  try {
    return rows.map((row) => opened(seal, row));
  } catch (error) {
    return error as Error;
  }
}

const isDue = `d.state = 'pending' AND d.next_at <= $NOW AND (d.claimed_until IS NULL OR d.claimed_until <= $NOW)`;

// Index delivery_endpoint. Of those with a place free, each tenant's longest due first, tenant by tenant: however many there are, each has its turn.
const dueSql = `WITH due AS MATERIALIZED (SELECT w.tenant_id, w.id, w.concurrency, (SELECT d.next_at FROM tutti.delivery d
      WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id AND ${isDue.replaceAll('$NOW', '$1')} ORDER BY d.next_at LIMIT 1) AS since
    FROM tutti.webhook w WHERE w.disabled_at IS NULL AND NOT ${isSuspended('w.tenant_id')}),
  line AS MATERIALIZED (SELECT tenant_id, id, since, row_number() OVER (PARTITION BY tenant_id ORDER BY since, id) AS place FROM due
    WHERE since IS NOT NULL AND concurrency > (SELECT count(*) FROM tutti.delivery d
      WHERE d.tenant_id = due.tenant_id AND d.endpoint_id = due.id AND d.state = 'pending' AND d.claimed_until > $1))
  SELECT w.tenant_id, w.id, w.url FROM line JOIN tutti.webhook w USING (tenant_id, id) WHERE w.disabled_at IS NULL
  ORDER BY line.place, line.since LIMIT 100 FOR NO KEY UPDATE OF w SKIP LOCKED`;

// A statement of its own: it sees what whoever held the endpoints before has committed. The tenant with the fewest attempts under way goes
// first: one whose endpoints do not answer would else hold every place for as long as anything of it is due.
const takeSql = `WITH held AS MATERIALIZED (
    SELECT tenant_id, endpoint_id, count(*) AS held FROM tutti.delivery
    WHERE tenant_id = ANY ($1) AND state = 'pending' AND claimed_until > $3 GROUP BY 1, 2),
  free AS MATERIALIZED (
    SELECT w.tenant_id, w.id, greatest(0, w.concurrency - coalesce((SELECT held FROM held h WHERE h.tenant_id = w.tenant_id AND h.endpoint_id = w.id), 0))::int AS free,
      coalesce((SELECT sum(held) FROM held h WHERE h.tenant_id = w.tenant_id), 0) AS held
    FROM unnest($1::int[], $2::uuid[]) AS asked(tenant_id, id) JOIN tutti.webhook w USING (tenant_id, id)),
  picked AS MATERIALIZED (SELECT d.tenant_id, d.id FROM free CROSS JOIN LATERAL (SELECT d.tenant_id, d.id, d.next_at FROM tutti.delivery d
      WHERE d.tenant_id = free.tenant_id AND d.endpoint_id = free.id AND ${isDue.replaceAll('$NOW', '$3')}
      ORDER BY d.next_at, d.id LIMIT free.free) d
    ORDER BY free.held + row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.next_at, d.id), d.next_at, d.id LIMIT $5)
  UPDATE tutti.delivery d SET attempt = d.attempt + 1, claimed_until = $4 FROM picked p
  WHERE d.tenant_id = p.tenant_id AND d.id = p.id AND ${isDue.replaceAll('$NOW', '$3')}
  RETURNING d.tenant_id, d.id, d.endpoint_id, d.type, d.body, d.attempt::int AS attempt, (d.attempt - d.replayed_from)::int AS tries`;

/** What is to be known of an attempt that was made. */
export interface Settlement {
  readonly outcome: Outcome;
  readonly now: Date;
  /** 0 to 1. */
  readonly chance: number;
}

/**
 * Records what came of an attempt, and what follows. A success counts even when the claim had lapsed and somebody else has the next attempt;
 * a failure then does not. Returns what the delivery has come to by it; null: nothing, somebody else has settled it. An endpoint that is gone, or that took nothing for a whole schedule, is disabled, and others are told.
 */
export async function settle(
  pool: pg.Pool,
  made: Claim,
  settlement: Settlement,
): Promise<DeliveryState | null> {
  const { outcome, now, chance } = settlement;
  const { tenantId, endpointId, deliveryId, attempt } = made;
  return await inTransaction(pool, async (client) => {
    // In the order of whoever claims: the endpoint, then its deliveries.
    await client.query(
      'SELECT FROM tutti.webhook WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE',
      [tenantId, endpointId],
    );
    await client.query(
      `UPDATE tutti.delivery_attempt SET duration_ms = $4, status = $5, error = $6, answer = $7 WHERE tenant_id = $1 AND delivery_id = $2 AND no = $3`,
      [
        ...[tenantId, deliveryId, attempt, outcome.durationMs],
        ...[outcome.status, outcome.error, outcome.answer],
      ],
    );
    const delay =
      outcome.kind === 'failed' ? nextDelayMs(made.tries, { ...outcome, chance }) : null;
    const state: DeliveryState =
      outcome.kind === 'delivered' ? 'delivered' : delay === null ? 'failed' : 'pending';
    const { rows } = await client.query<{ readonly began: Date }>(settleSql, [
      ...[tenantId, deliveryId, attempt, state, now],
      delay === null ? null : new Date(now.getTime() + delay),
      JSON.stringify({ at: now, status: outcome.status, error: outcome.error }),
    ]);
    const [settled] = rows;
    if (state === 'delivered') await succeeded(client, made, now);
    if (outcome.kind === 'gone') await disable(client, made, { reason: 'gone', now });
    else if (settled && state === 'failed' && (await tookNothing(client, made, settled.began)))
      await disable(client, made, { reason: 'unreachable', now });
    return settled ? state : null;
  });
}

const settleSql = `UPDATE tutti.delivery d SET state = $4, claimed_until = NULL, next_at = coalesce($6, d.next_at), last = $7::jsonb,
    ended_at = CASE $4 WHEN 'pending' THEN NULL ELSE $5::timestamptz END
  WHERE d.tenant_id = $1 AND d.id = $2 AND d.state = 'pending' AND (d.attempt = $3 OR $4 = 'delivered')
  RETURNING (SELECT a.began_at FROM tutti.delivery_attempt a WHERE a.tenant_id = $1 AND a.delivery_id = $2 AND a.no = d.replayed_from + 1) AS began`;

async function succeeded(client: pg.ClientBase, made: Claim, now: Date): Promise<void> {
  await client.query(
    'UPDATE tutti.webhook SET last_success_at = greatest(last_success_at, $3) WHERE tenant_id = $1 AND id = $2',
    [made.tenantId, made.endpointId, now],
  );
}

/** Whether an endpoint has taken nothing since a schedule began. */
async function tookNothing(client: pg.ClientBase, made: Claim, began: Date): Promise<boolean> {
  const { rows } = await client.query(
    'SELECT FROM tutti.webhook WHERE tenant_id = $1 AND id = $2 AND last_success_at >= $3',
    [made.tenantId, made.endpointId, began],
  );
  return rows.length === 0;
}

async function disable(
  client: pg.ClientBase,
  { tenantId, endpointId }: Claim,
  { reason, now }: { readonly reason: 'gone' | 'unreachable'; readonly now: Date },
): Promise<void> {
  const { rowCount } = await client.query(
    'UPDATE tutti.webhook SET disabled_at = $3, disabled_by = $4 WHERE tenant_id = $1 AND id = $2 AND disabled_at IS NULL',
    [tenantId, endpointId, now, reason],
  );
  if (rowCount === 0) return;
  const at = await databaseTime(client);
  const data = { webhookId: endpointId, reason };
  const event = `webhook.disabled ${endpointId} ${now.toISOString()}`;
  const common = { tenantId, at, module: null, company: null, event };
  await emit(client, [{ ...common, type: 'webhook.disabled', data }], now);
}

/** What happens now, by the clock that endpoints were enabled by. */
export async function databaseTime(client: Queryable): Promise<Date> {
  const { rows } = await client.query<{ readonly at: Date }>('SELECT clock_timestamp() AS at');
  return rows[0]?.at as Date;
}
