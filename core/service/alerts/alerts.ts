import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { EngineError } from '../../base/errors.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { AlertRule, AlertsConfig, TenantAlerts } from '../../ports/service-config.ts';
import type { NightPlan } from '../batch/nights.ts';
import type { KnownTenant } from '../identity/tenants.ts';
import { post } from '../messages/outbox.ts';
import { Ticker } from '../ticker.ts';
import { takeTurn } from '../turn.ts';
import { databaseTime } from '../webhooks/claims.ts';
import { emit } from '../webhooks/emit.ts';
import { phraseOf } from './phrase.ts';
import { type Standing, standingOf } from './standing.ts';

/*
 *   (none) · over ── past the threshold ──▶ raised ── after the reminder interval ──▶ raised, told again
 *                                              └── no longer past it ──▶ over, told
 */

/** What alerts are made with. */
export interface AlertParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  /** The tenants of the installation, asked at each look. */
  readonly tenants: () => Promise<readonly WatchedTenant[]>;
  /** The one under which the readiness of this process's engine stands. */
  readonly tenantId: number;
  readonly config: AlertsConfig;
  readonly registry: NightPlan;
  /** What keeps the engine of this process from being ready. */
  readonly trouble: () => EngineError | null;
  /** The name of this machine. */
  readonly host: string;
  readonly onError: (error: unknown) => void;
}

/** A tenant that alerts speak for, unless it is suspended. */
export type WatchedTenant = Pick<KnownTenant, 'id' | 'slug' | 'suspendedAt'>;

const everyMs = 60_000;
const usualReminderMinutes = 240;

/**
 * Looks once a minute at what may be past a threshold of any tenant; of several engines one looks, and each at its own readiness. What is raised is
 * stored with the messages about it in one transaction, so that neither a restart nor another engine tells it twice.
 */
export class Alerts {
  readonly #parts: AlertParts;
  readonly #ticker: Ticker;

  constructor(parts: AlertParts) {
    this.#parts = parts;
    const { clock, onError } = parts;
    this.#ticker = new Ticker({ clock, everyMs, work: () => this.#look(), onError });
  }

  async start(): Promise<void> {
    const { rules, tenants } = this.#parts.config;
    const all = [rules, ...Object.values(tenants ?? {}).map((own) => own.rules)];
    if (all.some((each = []) => each.length > 0)) this.#ticker.wake();
  }

  async close(): Promise<void> {
    await this.#ticker.close();
  }

  async #look(): Promise<void> {
    const { clock, tenants } = this.#parts;
    const now = new Date(clock.now());
    await this.#lookAtSelf(now);
    const all = await tenants();
    for (const tenant of all.filter(({ suspendedAt }) => suspendedAt === null))
      await this.#lookAt(tenant, { now, isOneOfMany: all.length > 1 });
  }

  /** One rule that cannot be looked at keeps no other from being, and one tenant no other. */
  async #try(work: () => Promise<void>): Promise<void> {
    await work().catch(this.#parts.onError);
  }

  /** Readiness is the engine's and no tenant's: those are told who stand for all. */
  async #lookAtSelf(now: Date): Promise<void> {
    const { trouble, host, config, tenantId } = this.#parts;
    const what = trouble();
    const standing = what ? [{ subject: host, detail: { code: what.code } }] : [];
    const about = { tenantId, named: null, alerts: config };
    for (const rule of config.rules ?? [])
      if (rule.kind === 'not_ready')
        await this.#try(() => this.#settle(rule, { ...about, standing, subjects: [host], now }));
  }

  async #lookAt(
    { id: tenantId, slug }: WatchedTenant,
    { now, isOneOfMany }: { readonly now: Date; readonly isOneOfMany: boolean },
  ): Promise<void> {
    const { pool, config, registry } = this.#parts;
    const alerts = alertsOf(config, slug);
    const about = { tenantId, named: isOneOfMany ? slug : null, alerts };
    await this.#try(async () => {
      // A little less than the interval: timers of two engines are never quite as far apart.
      const turn = { name: `alerts:${tenantId}`, now, everyMs: everyMs * 0.9 };
      if (!(await takeTurn(pool, turn))) return;
      for (const rule of alerts.rules ?? [])
        if (rule.kind !== 'not_ready')
          await this.#try(async () => {
            const standing = await standingOf(rule, { pool, tenantId, now, registry });
            await this.#settle(rule, { ...about, standing, subjects: null, now });
          });
    });
  }

  /** Tells of what is new, of what still stands after a while, and of what is over. */
  async #settle(rule: AlertRule, seen: Seen): Promise<void> {
    const { tenantId, alerts, standing, subjects, now } = seen;
    const remindMs = (alerts.remindMinutes ?? usualReminderMinutes) * 60_000;
    await inTransaction(this.#parts.pool, async (client) => {
      for (const each of standing) {
        const key = [tenantId, nameOf(rule), each.subject];
        const detail = JSON.stringify(each.detail);
        const raised = await client.query(raiseSql, [...key, detail, now]);
        if (raised.rowCount) await tell(client, { ...seen, rule, each, how: 'raised' });
        const since = new Date(now.getTime() - remindMs);
        const again = await client.query(remindSql, [...key, detail, now, since]);
        if (again.rowCount) await tell(client, { ...seen, rule, each, how: 'reminder' });
      }
      const { rows } = await client.query<Standing>(overSql, [
        ...[tenantId, nameOf(rule), standing.map(({ subject }) => subject)],
        ...[now, subjects],
      ]);
      for (const each of rows) await tell(client, { ...seen, rule, each, how: 'over' });
    });
  }
}

/** Leaves word of an alert for people and webhook endpoints, in the transaction of its row. */
async function tell(client: pg.PoolClient, telling: Telling): Promise<void> {
  const { tenantId, named, alerts, rule, each, how, now } = telling;
  const name = nameOf(rule);
  const event = `alert ${how} ${name} ${each.subject} ${now.toISOString()}`;
  const subject = [`Tutti: ${words[how]}`, name.replaceAll('_', ' '), each.subject]
    .concat(named === null ? [] : [`(${named})`])
    .filter((part) => part !== '')
    .join(' ');
  const sentence = phraseOf(rule, each);
  const text = how === 'over' ? `This is over: ${sentence}` : sentence;
  await post(client, { tenantId, event, subject, text }, { recipients: alerts, now });
  const data = { rule: name, kind: rule.kind, subject: each.subject, detail: each.detail };
  const at = await databaseTime(client);
  const common = { tenantId, event, at, module: null, company: null };
  const told =
    how === 'over'
      ? ({ ...common, type: 'alert.over', data } as const)
      : ({
          ...common,
          type: 'alert.raised',
          data: { ...data, isReminder: how === 'reminder' },
        } as const);
  await emit(client, [told], now);
}

/** Whom alerts are about, and who is told. */
interface About {
  readonly tenantId: number;
  /** The tenant as the subject tells it from others; null: where there are no others, and where it is about none. */
  readonly named: string | null;
  readonly alerts: TenantAlerts;
  readonly now: Date;
}

interface Seen extends About {
  readonly standing: readonly Standing[];
  /** The only ones that were looked at; null: all. */
  readonly subjects: readonly string[] | null;
}

interface Telling extends About {
  readonly rule: AlertRule;
  readonly each: Standing;
  readonly how: 'raised' | 'reminder' | 'over';
}

/** What holds for a tenant: what the configuration says of it, and of all where it says nothing. */
function alertsOf({ tenants, ...all }: AlertsConfig, slug: string): TenantAlerts {
  const own = tenants?.[slug] ?? {};
  const hasRecipients = own.to !== undefined || own.slack !== undefined;
  const { to, slack, ...rest } = all;
  return hasRecipients ? { ...rest, ...own } : { ...all, ...own };
}

const words = { raised: 'alert,', reminder: 'still,', over: 'over,' } as const;

function nameOf({ name, kind }: AlertRule): string {
  return name ?? kind;
}

const raiseSql = `INSERT INTO tutti.alert AS a (tenant_id, rule, subject, detail, raised_at, told_at) VALUES ($1, $2, $3, $4, $5, $5)
  ON CONFLICT (tenant_id, rule, subject) DO UPDATE SET detail = excluded.detail, raised_at = excluded.raised_at, told_at = excluded.told_at, over_at = NULL
  WHERE a.over_at IS NOT NULL RETURNING 1`;

const remindSql = `UPDATE tutti.alert SET detail = $4, told_at = $5
  WHERE tenant_id = $1 AND rule = $2 AND subject = $3 AND over_at IS NULL AND told_at <= $6 RETURNING 1`;

const overSql = `UPDATE tutti.alert SET over_at = $4
  WHERE tenant_id = $1 AND rule = $2 AND over_at IS NULL AND subject <> ALL ($3) AND ($5::text[] IS NULL OR subject = ANY ($5)) RETURNING subject, detail`;
