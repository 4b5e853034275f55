import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/ids.ts';
import { localDay } from '../../base/zoned-time.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { MorningReportConfig } from '../../ports/service-config.ts';
import { lastInstant } from '../last-instant.ts';
import { post } from '../messages/outbox.ts';
import { Ticker } from '../ticker.ts';
import { databaseTime } from '../webhooks/claims.ts';
import { emit } from '../webhooks/emit.ts';
import type { WebhookEvent } from '../webhooks/event-types.ts';
import { type MorningReport, type ReportSources, readMorningReport } from './morning-report.ts';
import { htmlOf } from './morning-report-html.ts';
import { type ReportStyle, subjectOf, textOf } from './morning-report-text.ts';

/** What reports are sent with. */
export interface ReporterParts extends ReportSources {
  readonly clock: Clock;
  readonly tenantId: number;
  readonly config: MorningReportConfig;
  readonly onError: (error: unknown) => void;
}

const everyMs = 30_000;
const hourMs = 3_600_000;
/** A night that ended longer ago is no news: so an installation that begins to report does not begin with last month. */
const newsHours = 24;
/** A set time that passed longer ago, because no engine was up, is left out. */
const lateHours = 6;

/**
 * Sends the report of every night, once: as soon as it has ended, or at a set time whatever its state. That a night is reported, the messages and the
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

  async #look(): Promise<void> {
    const { config } = this.#parts;
    if (config.at === undefined) await this.#reportEnded();
    else await this.#reportAt(config.at);
  }

  async #reportEnded(): Promise<void> {
    const { pool, tenantId, clock, config } = this.#parts;
    const { rows } = await pool.query<{ readonly id: string }>(
      `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.ended_at > $3 AND ${isNight}
         AND NOT EXISTS (SELECT FROM tutti.morning_report m WHERE m.tenant_id = $1 AND m.night = r.id::text) ORDER BY r.id`,
      [tenantId, config.after ?? usualNight, new Date(clock.now() - newsHours * hourMs)],
    );
    for (const { id } of rows) await this.#report(id, id);
  }

  async #reportAt(at: string): Promise<void> {
    const { pool, tenantId, clock, config } = this.#parts;
    const { timeZone = 'UTC', after = usualNight } = config;
    const now = new Date(clock.now());
    const moment = lastInstant(at, timeZone, now);
    if (now.getTime() - moment.getTime() > lateHours * hourMs) return;
    const night = `at ${localDay(moment.getTime(), timeZone)}`;
    const known = await pool.query(
      'SELECT FROM tutti.morning_report WHERE tenant_id = $1 AND night = $2',
      [tenantId, night],
    );
    if (known.rowCount) return;
    const { rows } = await pool.query<{ readonly id: string }>(
      `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.created_at > $3 AND r.created_at <= $4 AND ${isNight}
       ORDER BY r.id DESC LIMIT 1`,
      [tenantId, after, new Date(moment.getTime() - newsHours * hourMs), moment],
    );
    await this.#report(night, rows[0]?.id ?? null);
  }

  async #report(night: string, runId: string | null): Promise<void> {
    const { pool, tenantId, clock, config } = this.#parts;
    const report =
      runId === null ? null : await readMorningReport(this.#parts, { tenantId, runId });
    const now = new Date(clock.now());
    await inTransaction(pool, async (client) => {
      const claimed = await client.query(
        'INSERT INTO tutti.morning_report (tenant_id, night, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1',
        [tenantId, night, now],
      );
      if (claimed.rowCount === 0) return;
      await sendReport(client, report, { tenantId, config, event: `report ${night}`, now });
    });
  }
}

const usualNight = 'nightly';
const isNight = `r.parent_run_id IS NULL AND NOT coalesce((r.pins->>'rehearsal')::boolean, false)`;

/** How the configuration wants reports to be written. */
export function styleOf({ link, summaries = false }: MorningReportConfig): ReportStyle {
  return { link: link ?? null, summaries };
}

/** What is sent, and as what. */
export interface ReportSending {
  readonly tenantId: number;
  readonly config: MorningReportConfig;
  /** What it tells of: it is told once. @default this once more */
  readonly event?: string;
  readonly now: Date;
}

/** Leaves a report for everybody whom the configuration names, in the transaction that `client` is in; null: no night has begun. */
export async function sendReport(
  client: pg.PoolClient,
  report: MorningReport | null,
  sending: ReportSending,
): Promise<void> {
  const { tenantId, config, event = `report ${newId()}`, now } = sending;
  const workflow = config.after ?? usualNight;
  const style = styleOf(config);
  const words = report
    ? { subject: subjectOf(report), text: textOf(report, style), html: htmlOf(report, style) }
    : { subject: `Tutti: ${workflow} has not begun`, text: `No run of ${workflow} was started.` };
  await post(client, { tenantId, event, ...words }, { recipients: config, now });
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
