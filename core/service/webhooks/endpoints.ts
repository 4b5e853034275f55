import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { isId, newId } from '../../base/ids.ts';
import { type AuditedChange, appendAudit } from '../../engine/audit/append.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { WebhookEnd } from '../../ports/db/states.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { openEgress } from '../../ports/http/egress.ts';
import type { Seal } from '../../ports/seal.ts';
import type { WebhooksConfig } from '../../ports/service-config.ts';
import { databaseTime } from './claims.ts';
import { emitTo } from './emit.ts';
import type { WebhookEventType } from './event-types.ts';
import { placeNowSql } from './fan-out.ts';
import { sealed } from './sealed.ts';
import { newSecret, secretText } from './secret.ts';

/** What people say of an endpoint. */
export interface EndpointInput {
  readonly url: string;
  /** What it is for, in their words. @default '' */
  readonly about?: string | undefined;
  /** @default all */
  readonly types?: readonly WebhookEventType[] | undefined;
  /** @default all, and what belongs to none */
  readonly modules?: readonly string[] | undefined;
  /** Codes. @default all, and what belongs to none */
  readonly companies?: readonly string[] | undefined;
  /** Deliveries at once, 1 to 4. @default 2 */
  readonly concurrency?: number | undefined;
}

/** What changes of it; what is left out stays. */
export interface EndpointChange extends Omit<EndpointInput, 'url'> {
  readonly url?: string | undefined;
  readonly disabled?: boolean | undefined;
}

/** An endpoint as people see it; never with its secret. */
export interface EndpointView {
  readonly id: string;
  readonly url: string;
  readonly about: string;
  readonly types: readonly WebhookEventType[];
  readonly modules: readonly string[];
  readonly companies: readonly string[];
  readonly concurrency: number;
  readonly disabledAt: Date | null;
  readonly disabledBy: WebhookEnd | null;
  readonly lastSuccessAt: Date | null;
  /** Deliveries that wait, those of a disabled endpoint included. */
  readonly pending: number;
  readonly createdAt: Date;
}

/** An endpoint with its secret, which is shown this once. */
export interface NewEndpoint {
  readonly webhook: EndpointView;
  readonly secret: string;
}

/** What endpoints are kept with. */
export interface EndpointParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly config?: WebhooksConfig | undefined;
  /** What secrets are sealed with before they are stored. */
  readonly seal: Seal;
}

/** Whose an endpoint is, and who asks. */
export interface Whose {
  readonly tenantId: number;
  readonly actor: Actor;
}

const mostEndpoints = 50;
const usualOverlapHours = 24;

/** The webhook endpoints of tenants. Needs no engine; every change is in the audit log. */
export class Webhooks {
  readonly #parts: EndpointParts;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  /** Oldest first. */
  async list(tenantId: number): Promise<readonly EndpointView[]> {
    return await this.#views(this.#parts.pool, tenantId, null);
  }

  /** @throws WEBHOOK_UNKNOWN */
  async get(tenantId: number, id: string): Promise<EndpointView> {
    return await this.#view(this.#parts.pool, tenantId, id);
  }

  /** Makes an endpoint; it is told of what happens from now on. @throws EGRESS_REFUSED · INPUT_INVALID when there are too many */
  async add({ tenantId, actor }: Whose, input: EndpointInput): Promise<NewEndpoint> {
    const url = this.#check(input.url);
    const { about = '', types = [], modules = [], companies = [], concurrency = 2 } = input;
    const id = newId();
    const secret = newSecret();
    return await this.#change(async (client) => {
      await this.#refuseTooMany(client, tenantId);
      await client.query(
        `INSERT INTO tutti.webhook (tenant_id, id, url, about, types, modules, companies, concurrency, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [tenantId, id, url, about, types, modules, companies, concurrency, JSON.stringify(actor)],
      );
      await this.#addSecret(client, { tenantId, id, secret });
      await client.query(placeNowSql, [tenantId]);
      const webhook = await this.#view(client, tenantId, id);
      const data = { types, modules, companies };
      const audit = { tenantId, actor, action: 'webhook.add', target: id, data };
      return [{ webhook, secret: secretText(secret) }, audit];
    });
  }

  /** Changes what is named. `disabled: false` lets it be told again, from now on. @throws WEBHOOK_UNKNOWN · EGRESS_REFUSED */
  async change(
    { tenantId, actor }: Whose,
    id: string,
    input: EndpointChange,
  ): Promise<EndpointView> {
    const { about, types, modules, companies, concurrency, disabled } = input;
    const url = input.url === undefined ? undefined : this.#check(input.url);
    const now = new Date(this.#parts.clock.now());
    return await this.#change(async (client) => {
      await this.#view(client, tenantId, id);
      await client.query(changeSql, [
        ...[tenantId, id, url ?? null, about ?? null, types ?? null, modules ?? null],
        ...[companies ?? null, concurrency ?? null, disabled ?? null, now],
      ]);
      if (disabled === false) {
        await client.query(
          `UPDATE tutti.delivery SET next_at = $3 WHERE tenant_id = $1 AND endpoint_id = $2 AND state = 'pending'`,
          [tenantId, id, now],
        );
      }
      const view = await this.#view(client, tenantId, id);
      const data = { changed: Object.keys(input), ...(disabled !== undefined && { disabled }) };
      return [view, { tenantId, actor, action: 'webhook.change', target: id, data }];
    });
  }

  /** Removes an endpoint with its deliveries. @throws WEBHOOK_UNKNOWN */
  async remove({ tenantId, actor }: Whose, id: string): Promise<void> {
    await this.#change(async (client) => {
      await this.#view(client, tenantId, id);
      for (const statement of removeSql) await client.query(statement, [tenantId, id]);
      return [undefined, { tenantId, actor, action: 'webhook.remove', target: id }];
    });
  }

  /** Gives it a new secret; the one before signs, too, for `overlapHours`. @throws WEBHOOK_UNKNOWN */
  async rotate(
    { tenantId, actor }: Whose,
    id: string,
    { overlapHours = usualOverlapHours }: { readonly overlapHours?: number | undefined } = {},
  ): Promise<NewEndpoint> {
    const secret = newSecret();
    const until = new Date(this.#parts.clock.now() + overlapHours * 3_600_000);
    return await this.#change(async (client) => {
      const webhook = await this.#view(client, tenantId, id);
      await client.query(
        'UPDATE tutti.webhook_secret SET expires_at = least(expires_at, $3) WHERE tenant_id = $1 AND webhook_id = $2',
        [tenantId, id, until],
      );
      await this.#addSecret(client, { tenantId, id, secret });
      const data = { overlapHours };
      const audit = { tenantId, actor, action: 'webhook.rotate', target: id, data };
      return [{ webhook, secret: secretText(secret) }, audit];
    });
  }

  /** Sends the event `ping`; returns the delivery's id. @throws WEBHOOK_UNKNOWN · INPUT_INVALID for one that is disabled */
  async ping({ tenantId, actor }: Whose, id: string): Promise<string> {
    const now = new Date(this.#parts.clock.now());
    return await this.#change(async (client) => {
      const { disabledAt } = await this.#view(client, tenantId, id);
      if (disabledAt) throw disabledError(id);
      const at = await databaseTime(client);
      const common = { tenantId, at, module: null, company: null, event: `ping ${newId()}` };
      const event = { ...common, type: 'ping', data: { webhookId: id } } as const;
      const delivery = await emitTo(client, id, { event, now });
      return [delivery, { tenantId, actor, action: 'webhook.ping', target: id }];
    });
  }

  /** The audit row comes last: from there on others that append for the tenant wait. */
  async #change<T>(
    work: (client: pg.PoolClient) => Promise<readonly [T, AuditedChange]>,
  ): Promise<T> {
    return await inTransaction(this.#parts.pool, async (client) => {
      const [result, audited] = await work(client);
      await appendAudit(client, audited);
      return result;
    });
  }

  /** @throws EGRESS_REFUSED */
  #check(url: string): string {
    return openEgress(egressOf(this.#parts.config)).check(url).href;
  }

  async #refuseTooMany(client: pg.ClientBase, tenantId: number): Promise<void> {
    const { rows } = await client.query<{ readonly count: number }>(
      'SELECT count(*)::int AS count FROM tutti.webhook WHERE tenant_id = $1',
      [tenantId],
    );
    if ((rows[0]?.count ?? 0) < mostEndpoints) return;
    throw new EngineError(
      'INPUT_INVALID',
      `There are ${mostEndpoints} webhook endpoints already, as many as there may be; remove one first.`,
    );
  }

  async #addSecret(
    client: pg.ClientBase,
    made: { readonly tenantId: number; readonly id: string; readonly secret: Buffer },
  ): Promise<void> {
    const place = { tenant_id: made.tenantId, webhook_id: made.id, id: newId() };
    const { body, keyId } = sealed(this.#parts.seal, place, made.secret);
    await client.query(
      'INSERT INTO tutti.webhook_secret (tenant_id, webhook_id, id, secret, key_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)',
      [made.tenantId, made.id, place.id, body, keyId, new Date(this.#parts.clock.now())],
    );
  }

  async #view(client: Queryable, tenantId: number, id: string): Promise<EndpointView> {
    const [view] = isId(id) ? await this.#views(client, tenantId, id) : [];
    if (view) return view;
    throw new EngineError(
      'WEBHOOK_UNKNOWN',
      `There is no webhook endpoint '${id.slice(0, 64)}'; see: tutti webhooks`,
    );
  }

  async #views(
    client: Queryable,
    tenantId: number,
    id: string | null,
  ): Promise<readonly EndpointView[]> {
    const { rows } = await client.query<EndpointView>(viewSql, [tenantId, id]);
    return rows;
  }
}

/** What a `fetch` of webhooks may reach. */
export function egressOf(config: WebhooksConfig = {}) {
  return { hosts: ['*'], ...config, setting: 'webhooks', maxBytes: 65_536 };
}

/** Nothing is sent to an endpoint that is disabled. */
export function disabledError(id: string): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    `Webhook endpoint ${id} is disabled; enable it first: tutti webhooks enable ${id}`,
  );
}

const viewSql = `SELECT w.id, w.url, w.about, w.types, w.modules, w.companies, w.concurrency::int AS concurrency, w.disabled_at AS "disabledAt",
    w.disabled_by AS "disabledBy", w.last_success_at AS "lastSuccessAt", w.created_at AS "createdAt",
    (SELECT count(*)::int FROM tutti.delivery d WHERE d.tenant_id = w.tenant_id AND d.endpoint_id = w.id AND d.state = 'pending') AS pending
  FROM tutti.webhook w WHERE w.tenant_id = $1 AND ($2::uuid IS NULL OR w.id = $2) ORDER BY w.id`;

const changeSql = `UPDATE tutti.webhook SET url = coalesce($3, url), about = coalesce($4, about), types = coalesce($5, types),
    modules = coalesce($6, modules), companies = coalesce($7, companies), concurrency = coalesce($8, concurrency),
    enabled_at = CASE WHEN $9 = false AND disabled_at IS NOT NULL THEN clock_timestamp() ELSE enabled_at END,
    disabled_at = CASE WHEN $9 THEN coalesce(disabled_at, $10) WHEN $9 = false THEN NULL ELSE disabled_at END,
    disabled_by = CASE WHEN $9 THEN coalesce(disabled_by, 'person') WHEN $9 = false THEN NULL ELSE disabled_by END
  WHERE tenant_id = $1 AND id = $2`;

const removeSql = [
  'DELETE FROM tutti.webhook WHERE tenant_id = $1 AND id = $2',
  'DELETE FROM tutti.webhook_secret WHERE tenant_id = $1 AND webhook_id = $2',
  `DELETE FROM tutti.delivery_attempt a USING tutti.delivery d WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND a.tenant_id = $1 AND a.delivery_id = d.id`,
  'DELETE FROM tutti.delivery WHERE tenant_id = $1 AND endpoint_id = $2',
];
