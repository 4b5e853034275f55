import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { EngineError } from '../../base/errors.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { AlertRule, AlertsConfig } from '../../ports/service-config.ts';
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
  readonly tenantId: number;
  readonly config: AlertsConfig;
  /** What keeps the engine of this process from being ready. */
  readonly trouble: () => EngineError | null;
  /** The name of this machine. */
  readonly host: string;
  readonly onError: (error: unknown) => void;
}

const everyMs = 60_000;
const usualReminderMinutes = 240;

/**
 * Looks once a minute at what may be past a threshold; of several engines one looks, and each at its own readiness. What is raised is stored with
 * the messages about it in one transaction, so that neither a restart nor another engine tells it twice.
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
    if ((this.#parts.config.rules ?? []).length > 0) this.#ticker.wake();
  }

  async close(): Promise<void> {
    await this.#ticker.close();
  }

  async #look(): Promise<void> {
    const { pool, clock, tenantId, config, onError } = this.#parts;
    const now = new Date(clock.now());
    const { rules = [] } = config;
    for (const rule of rules) if (rule.kind === 'not_ready') await this.#lookAtSelf(rule, now);
    // A little less than the interval: timers of two engines are never quite as far apart.
    const turn = { name: `alerts:${tenantId}`, now, everyMs: everyMs * 0.9 };
    if (!(await takeTurn(pool, turn))) return;
    for (const rule of rules) {
      if (rule.kind === 'not_ready') continue;
      try {
        const standing = await standingOf(rule, { pool, tenantId, now });
        await this.#settle(rule, { standing, subjects: null, now });
      } catch (error) {
        // One rule that cannot be looked at keeps no other from being.
        onError(error);
      }
    }
  }

  async #lookAtSelf(rule: AlertRule, now: Date): Promise<void> {
    const { trouble, host } = this.#parts;
    const what = trouble();
    const standing = what ? [{ subject: host, detail: { code: what.code } }] : [];
    await this.#settle(rule, { standing, subjects: [host], now });
  }

  /** Tells of what is new, of what still stands after a while, and of what is over. */
  async #settle(rule: AlertRule, seen: Seen): Promise<void> {
    const { pool, tenantId, config } = this.#parts;
    const remindMs = (config.remindMinutes ?? usualReminderMinutes) * 60_000;
    const { standing, subjects, now } = seen;
    await inTransaction(pool, async (client) => {
      for (const each of standing) {
        const key = [tenantId, nameOf(rule), each.subject];
        const detail = JSON.stringify(each.detail);
        const raised = await client.query(raiseSql, [...key, detail, now]);
        if (raised.rowCount) await this.#tell(client, { rule, each, how: 'raised', now });
        const since = new Date(now.getTime() - remindMs);
        const again = await client.query(remindSql, [...key, detail, now, since]);
        if (again.rowCount) await this.#tell(client, { rule, each, how: 'reminder', now });
      }
      const { rows } = await client.query<Standing>(overSql, [
        ...[tenantId, nameOf(rule), standing.map(({ subject }) => subject)],
        ...[now, subjects],
      ]);
      for (const each of rows) await this.#tell(client, { rule, each, how: 'over', now });
    });
  }

  async #tell(client: pg.PoolClient, { rule, each, how, now }: Telling): Promise<void> {
    const { tenantId, config } = this.#parts;
    const name = nameOf(rule);
    const event = `alert ${how} ${name} ${each.subject} ${now.toISOString()}`;
    const subject = [`Tutti: ${words[how]}`, name.replaceAll('_', ' '), each.subject]
      .filter((part) => part !== '')
      .join(' ');
    const sentence = phraseOf(rule, each);
    const text = how === 'over' ? `This is over: ${sentence}` : sentence;
    await post(client, { tenantId, event, subject, text }, { recipients: config, now });
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
}

interface Seen {
  readonly standing: readonly Standing[];
  /** The only ones that were looked at; null: all. */
  readonly subjects: readonly string[] | null;
  readonly now: Date;
}

interface Telling {
  readonly rule: AlertRule;
  readonly each: Standing;
  readonly how: 'raised' | 'reminder' | 'over';
  readonly now: Date;
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
