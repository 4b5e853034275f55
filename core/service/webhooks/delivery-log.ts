import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { isId } from '../../base/ids.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import type { DeliveryState } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { disabledError, type Whose } from './endpoints.ts';
import { messageId } from './secret.ts';

/** A delivery in a list. */
export interface DeliveryView {
  readonly id: string;
  /** As the endpoint hears it: the header `webhook-id`. */
  readonly messageId: string;
  readonly webhookId: string;
  readonly type: string;
  readonly state: DeliveryState;
  /** Attempts so far. */
  readonly attempts: number;
  /** Null once it is over. */
  readonly nextAt: Date | null;
  /** The answer's status at the last attempt; null when there was none. */
  readonly status: number | null;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** One attempt of a delivery. */
export interface AttemptView {
  readonly no: number;
  readonly beganAt: Date;
  /** Null: it is under way, or whoever made it has died. */
  readonly durationMs: number | null;
  readonly status: number | null;
  readonly error: string | null;
  /** The beginning of the answer, without what might be personal or secret. */
  readonly answer: string | null;
}

/** A delivery with all that is known of it. */
export interface WholeDelivery extends DeliveryView {
  /** The body. */
  readonly payload: unknown;
  readonly log: readonly AttemptView[];
}

/** Which deliveries a list has. */
export interface DeliveryFilter {
  readonly webhookId?: string | undefined;
  readonly state?: DeliveryState | undefined;
  /** Id of the last one seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What was delivered, and what was not. On a pool of `tutti_engine`. */
export class DeliveryLog {
  readonly #pool: pg.Pool;
  readonly #clock: Clock;

  constructor(pool: pg.Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Newest first. */
  async list(tenantId: number, filter: DeliveryFilter): Promise<readonly DeliveryView[]> {
    const { webhookId = null, state = null, after = null, limit } = filter;
    const { rows } = await this.#pool.query<DeliveryView>(
      `SELECT ${columns} FROM tutti.delivery d WHERE d.tenant_id = $1 AND ($2::uuid IS NULL OR d.endpoint_id = $2) AND ($3::text IS NULL OR d.state = $3)
         AND ($4::uuid IS NULL OR d.id < $4) ORDER BY d.id DESC LIMIT $5`,
      [tenantId, webhookId, state, after, limit],
    );
    return rows.map(named);
  }

  /** @throws WEBHOOK_UNKNOWN */
  async get(tenantId: number, id: string): Promise<WholeDelivery> {
    const { rows } = await this.#pool.query<DeliveryView & { readonly body: Buffer }>(
      `SELECT ${columns}, d.body FROM tutti.delivery d WHERE d.tenant_id = $1 AND d.id = $2`,
      [tenantId, known(id)],
    );
    const [row] = rows;
    if (!row) throw unknown(id);
    const { rows: log } = await this.#pool.query<AttemptView>(
      `SELECT no::int AS no, began_at AS "beganAt", duration_ms AS "durationMs", status::int AS status, error, answer
       FROM tutti.delivery_attempt WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY no`,
      [tenantId, id],
    );
    const { body, ...view } = row;
    return { ...named(view), payload: JSON.parse(body.toString('utf8')) as unknown, log };
  }

  /**
   * Delivers it again, under the same message id, and from the beginning of the schedule.
   * @throws WEBHOOK_UNKNOWN · INPUT_INVALID while its endpoint is disabled
   */
  async replay({ tenantId, actor }: Whose, id: string): Promise<WholeDelivery> {
    await inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ readonly id: string; readonly isOff: boolean }>(
        `SELECT w.id, w.disabled_at IS NOT NULL AS "isOff" FROM tutti.delivery d
         JOIN tutti.webhook w ON w.tenant_id = d.tenant_id AND w.id = d.endpoint_id WHERE d.tenant_id = $1 AND d.id = $2 FOR NO KEY UPDATE OF w`,
        [tenantId, known(id)],
      );
      const [webhook] = rows;
      if (!webhook) throw unknown(id);
      if (webhook.isOff) throw disabledError(webhook.id);
      // One that is being attempted goes on as it is.
      await client.query(
        `UPDATE tutti.delivery SET state = 'pending', next_at = $3, ended_at = NULL, replayed_from = attempt
         WHERE tenant_id = $1 AND id = $2 AND claimed_until IS NULL`,
        [tenantId, id, new Date(this.#clock.now())],
      );
      await appendAudit(client, { tenantId, actor, action: 'delivery.replay', target: id });
    });
    return await this.get(tenantId, id);
  }
}

const columns = `d.id, d.endpoint_id AS "webhookId", d.type, d.state, d.attempt::int AS attempts,
  CASE d.state WHEN 'pending' THEN d.next_at END AS "nextAt", (d.last->>'status')::int AS status, d.last->>'error' AS error,
  d.created_at AS "createdAt", d.ended_at AS "endedAt"`;

function named(row: Omit<DeliveryView, 'messageId'>): DeliveryView {
  return { ...row, messageId: messageId(row.id) };
}

/** @throws WEBHOOK_UNKNOWN for what is no id at all */
function known(id: string): string {
  if (isId(id)) return id;
  throw unknown(id);
}

function unknown(id: string): EngineError {
  return new EngineError(
    'WEBHOOK_UNKNOWN',
    `There is no delivery '${id.slice(0, 64)}'; see: tutti webhooks deliveries`,
  );
}
