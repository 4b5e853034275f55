import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/ids.ts';
import { localDay } from '../../base/zoned-time.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { MorningReportConfig, Recipients } from '../../ports/service-config.ts';
import { lastInstant } from '../last-instant.ts';
import { post } from '../messages/outbox.ts';
import { Ticker } from '../ticker.ts';
import { databaseTime } from '../webhooks/claims.ts';
import { emit } from '../webhooks/emit.ts';
import type { WebhookEvent } from '../webhooks/event-types.ts';
import { type MorningReport, type ReportSources, readMorningReport } from './morning-report.ts';
import { htmlOf } from './morning-report-html.ts';
import { type ReportStyle, subjectOf, textOf } from './morning-report-text.ts';
import { missesNight, type NightPlan } from './nights.ts';

/** What reports are sent with. */
export interface ReporterParts extends ReportSources {
  readonly clock: Clock;
  /** The tenants of the installation, asked at each look. */
  readonly tenants: () => Promise<readonly ReportedTenant[]>;
  readonly config: MorningReportConfig;
  readonly registry: NightPlan;
  readonly onError: (error: unknown) => void;
}

/** A tenant whose nights are reported, unless it is suspended. */
export interface ReportedTenant {
  readonly id: number;
  readonly slug: string;
  readonly suspendedAt: Date | null;
}

/** A tenant whose turn it is; `named`: as the subject tells it from others, null where there are none. */
interface Turn {
  readonly tenant: ReportedTenant;
  readonly named: string | null;
}

/** The nights of a set time: what they are told as, and when they have begun. */
interface Day {
  readonly day: string;
  readonly from: Date;
  readonly until: Date;
}

/** A night that has begun, and what it is told as. */
interface BegunNight {
  readonly id: string;
  readonly night: string;
  readonly isTold: boolean;
}

const everyMs = 30_000;
const hourMs = 3_600_000;
/** A night that ended longer ago is no news: so an installation that begins to report does not begin with last month. */
const newsHours = 24;
/** A set time that passed longer ago, because no engine was up, is left out. */
const lateHours = 6;

/**
 * Sends the report of every night of every tenant, once: as soon as it has ended, or at a set time whatever its state. That a night is reported, the messages and the
 * webhook event are one transaction, so of several engines one does it and none does it again.
 */
export class MorningReporter {
  readonly #parts: ReporterParts;
  readonly #ticker: Ticker;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    const { clock, onError } = parts;
    this.#ticker = new Ticker({ clock, everyMs, work: () => this.#look(), onError });
  }

  async start(): Promise<void> {
    this.#ticker.wake();
  }

  async close(): Promise<void> {
    await this.#ticker.close();
  }

  /** What goes wrong with one tenant keeps no other from its report. */
  async #look(): Promise<void> {
    const { config, onError, tenants } = this.#parts;
    const all = await tenants();
    for (const tenant of all.filter(({ suspendedAt }) => suspendedAt === null)) {
      const turn = { tenant, named: all.length > 1 ? tenant.slug : null };
      const done =
        config.at === undefined ? this.#reportEnded(turn) : this.#reportAt(turn, config.at);
      await done.catch(onError);
    }
  }

  async #reportEnded(turn: Turn): Promise<void> {
    const { pool, clock, config, onError } = this.#parts;
    const { rows } = await pool.query<{ readonly id: string }>(
      `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.ended_at > $3 AND ${isNight}
         AND NOT EXISTS (SELECT FROM tutti.morning_report m WHERE m.tenant_id = $1 AND m.night = r.id::text) ORDER BY r.id`,
      [turn.tenant.id, config.after ?? usualNight, new Date(clock.now() - newsHours * hourMs)],
    );
    // One night that cannot be told of keeps no other.
    for (const { id } of rows) await this.#report(turn, { night: id, runId: id }).catch(onError);
  }

  async #reportAt(turn: Turn, at: string): Promise<void> {
    const { clock, config, onError } = this.#parts;
    const { timeZone = 'UTC' } = config;
    const now = new Date(clock.now());
    const until = lastInstant(at, timeZone, now);
    if (now.getTime() - until.getTime() > lateHours * hourMs) return;
    const day = `at ${localDay(until.getTime(), timeZone)}`;
    const from = new Date(until.getTime() - newsHours * hourMs);
    const nights = await this.#nightsOf(turn, { day, from, until });
    for (const { night, id, isTold } of nights)
      if (!isTold) await this.#report(turn, { night, runId: id }).catch(onError);
    if (nights.length === 0 && (await this.#isMissing(turn, { day, from, until })))
      await this.#report(turn, { night: day, runId: null });
  }

  /** The newest of each company, and of the group. */
  async #nightsOf({ tenant }: Turn, { day, from, until }: Day): Promise<readonly BegunNight[]> {
    const { pool, config } = this.#parts;
    const { rows } = await pool.query<BegunNight>(
      `SELECT n.id, n.night, EXISTS (SELECT FROM tutti.morning_report m WHERE m.tenant_id = $1 AND m.night = n.night) AS "isTold" FROM (
         SELECT DISTINCT ON (r.company) r.id, concat_ws(' ', $5::text, r.company) AS night FROM tutti.run r
         WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.created_at > $3 AND r.created_at <= $4 AND ${isNight} ORDER BY r.company, r.id DESC) n`,
      [tenant.id, config.after ?? usualNight, from, until, day],
    );
    return rows;
  }

  async #isMissing({ tenant: { id: tenantId } }: Turn, { day, ...span }: Day): Promise<boolean> {
    const { pool, config, registry } = this.#parts;
    const told = await pool.query(
      'SELECT FROM tutti.morning_report WHERE tenant_id = $1 AND night = $2',
      [tenantId, day],
    );
    if (told.rowCount) return false;
    const workflow = config.after ?? usualNight;
    return await missesNight(pool, registry, { tenantId, workflow, ...span });
  }

  async #report(
    { tenant, named }: Turn,
    { night, runId }: { readonly night: string; readonly runId: string | null },
  ): Promise<void> {
    const { pool, clock, config } = this.#parts;
    const { id: tenantId } = tenant;
    const report =
      runId === null ? null : await readMorningReport(this.#parts, { tenantId, runId });
    const now = new Date(clock.now());
    const recipients = recipientsOf(config, tenant.slug);
    await inTransaction(pool, async (client) => {
      const claimed = await client.query(
        'INSERT INTO tutti.morning_report (tenant_id, night, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1',
        [tenantId, night, now],
      );
      if (claimed.rowCount === 0) return;
      const sending = { tenantId, config, recipients, named, event: `report ${night}`, now };
      await sendReport(client, report, sending);
    });
  }
}

const usualNight = 'nightly';
const isNight = `r.parent_run_id IS NULL AND NOT coalesce((r.pins->>'rehearsal')::boolean, false)`;

/** Whom a tenant's report goes to: whom the configuration names for it, else for all. */
export function recipientsOf(config: MorningReportConfig, slug: string): Recipients {
  return config.tenants?.[slug] ?? config;
}

/** How the configuration wants reports to be written. */
export function styleOf({ link, summaries = false }: MorningReportConfig): ReportStyle {
  return { link: link ?? null, summaries };
}

/** What is sent, and as what. */
export interface ReportSending {
  readonly tenantId: number;
  readonly config: MorningReportConfig;
  readonly recipients: Recipients;
  /** The tenant, where the installation has several. @default the subject names none */
  readonly named?: string | null;
  /** What it tells of: it is told once. @default this once more */
  readonly event?: string;
  readonly now: Date;
}

/** Leaves a report for its recipients, in the transaction that `client` is in; null: no night has begun. */
export async function sendReport(
  client: pg.PoolClient,
  report: MorningReport | null,
  sending: ReportSending,
): Promise<void> {
  const { tenantId, config, recipients, named = null, event = `report ${newId()}`, now } = sending;
  const workflow = config.after ?? usualNight;
  const style = styleOf(config);
  const words = report
    ? { subject: subjectOf(report), text: textOf(report, style), html: htmlOf(report, style) }
    : { subject: `Tutti: ${workflow} has not begun`, text: `No run of ${workflow} was started.` };
  const subject = named === null ? words.subject : `${words.subject} (${named})`;
  await post(client, { tenantId, event, ...words, subject }, { recipients, now });
  const at = await databaseTime(client);
  const common = { tenantId, event, at, module: null, company: report?.head.company ?? null };
  const told: WebhookEvent = { ...common, type: 'report.ready', data: figuresOf(report, workflow) };
  await emit(client, [told], now);
}

function figuresOf(report: MorningReport | null, workflow: string) {
  return {
    runId: report?.head.id ?? null,
    since: report?.since?.head.id ?? null,
    workflow,
    status: report?.head.status ?? 'not_begun',
    newFindings: report?.newFindings.length ?? 0,
    goneFindings: report?.goneFindings.length ?? 0,
    openFindings: report?.openFindings.length ?? 0,
    newProposals: report?.newProposals.length ?? 0,
    failedSteps: report?.failedSteps.length ?? 0,
    costMicroUsd: report?.summary.costMicroUsd ?? 0,
    durationMs: report ? Math.max(0, Math.round(report.summary.durationMs)) : null,
  };
}
