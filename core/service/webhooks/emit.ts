import { newId } from '../../base/ids.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { bodyOf, type WebhookEvent } from './event-types.ts';

/** What an endpoint wants to hear of. */
export interface Filter {
  /** Empty: everything. */
  readonly types: readonly string[];
  /** Empty: everything; else only what belongs to one of them. */
  readonly modules: readonly string[];
  /** Likewise. */
  readonly companies: readonly string[];
}

interface Endpoint extends Filter {
  readonly id: string;
  readonly enabled_at: Date;
}

/** Whether an endpoint is told of an event. */
function wants({ types, modules, companies }: Filter, event: WebhookEvent): boolean {
  const has = (own: readonly string[], asked: string | null): boolean =>
    own.length === 0 || (asked !== null && own.includes(asked));
  return has(types, event.type) && has(modules, event.module) && has(companies, event.company);
}

/**
 * Makes the deliveries of a tenant's events, in the transaction that `client` is in, so that what is told and that it happened are both
 * there or neither. An endpoint that has been told of an event is not told again. Returns how many were made.
 */
export async function emit(
  client: Queryable,
  events: readonly WebhookEvent[],
  now: Date,
): Promise<number> {
  const [first] = events;
  if (!first) return 0;
  const { rows: endpoints } = await client.query<Endpoint>(
    'SELECT id, types, modules, companies, enabled_at FROM tutti.webhook WHERE tenant_id = $1 AND disabled_at IS NULL',
    [first.tenantId],
  );
  const pairs = events.flatMap((event) =>
    endpoints
      .filter((endpoint) => event.at >= endpoint.enabled_at && wants(endpoint, event))
      .map(({ id }) => ({ endpoint: id, event, body: bodyOf(event) })),
  );
  if (pairs.length === 0) return 0;
  const { rowCount } = await client.query(insertSql, [
    first.tenantId,
    now,
    pairs.map(() => newId()),
    pairs.map(({ endpoint }) => endpoint),
    pairs.map(({ event }) => event.type),
    pairs.map(({ body }) => body),
    pairs.map(({ event }) => event.event),
  ]);
  return rowCount ?? 0;
}

/** Makes one delivery to one endpoint, whatever it wants to hear of. */
export async function emitTo(
  client: Queryable,
  endpoint: string,
  { event, now }: { readonly event: WebhookEvent; readonly now: Date },
): Promise<string> {
  const id = newId();
  await client.query(insertSql, [
    ...[event.tenantId, now, [id], [endpoint], [event.type]],
    ...[[bodyOf(event)], [event.event]],
  ]);
  return id;
}

const insertSql = `INSERT INTO tutti.delivery (tenant_id, id, endpoint_id, type, body, event, state, next_at, created_at)
  SELECT $1, d.id, d.endpoint, d.type, d.body, d.event, 'pending', $2, $2
  FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::text[]) AS d(id, endpoint, type, body, event)
  ON CONFLICT (tenant_id, endpoint_id, event) DO NOTHING`;
