import type pg from 'pg';
import type { AlertRule } from '../../ports/service-config.ts';
import { missesNight, type NightPlan } from '../batch/nights.ts';
import { lastInstant } from '../last-instant.ts';
import { type AttemptCounts, attemptCounts, risingIn, windowOf } from './rising.ts';

/** Something that is past its threshold now. */
export interface Standing {
  /** What it is about; '' where a rule is about one thing only. */
  readonly subject: string;
  /** Ids, codes and figures. */
  readonly detail: Readonly<Record<string, string | number | null>>;
}

/** What rules are held against. */
export interface Look {
  readonly pool: pg.Pool;
  readonly tenantId: number;
  readonly now: Date;
  readonly registry: NightPlan;
}

type Kind = AlertRule['kind'];
type RuleOf<K extends Kind> = Extract<AlertRule, { readonly kind: K }>;

/** What is past the threshold of a rule that looks at what is stored. */
export async function standingOf(rule: AlertRule, look: Look): Promise<readonly Standing[]> {
  switch (rule.kind) {
    case 'run_failed':
      return await failedRuns(rule, look);
    case 'failure_rate':
      return await failureRate(rule, look);
    case 'budget_used':
      return await usedBudgets(rule, look);
    case 'dead_letters':
      return await deadLetters(rule, look);
    case 'webhook_disabled':
      return await rowsOf(
        look,
        `SELECT id::text AS subject, jsonb_build_object('reason', disabled_by) AS detail FROM tutti.webhook
         WHERE tenant_id = $1 AND disabled_by IN ('gone', 'unreachable')`,
        [],
      );
    case 'approvals_waiting':
      return await waitingApprovals(rule, look);
    case 'night_late':
      return await lateNight(rule, look);
    case 'agent_refused':
      return await refusedAgents(rule, look);
    case 'failures_rising':
      return await risingFailures(rule, look);
    case 'not_ready':
      // Each engine looks at itself.
      return [];
  }
}

async function rowsOf(
  { pool, tenantId }: Look,
  query: string,
  values: readonly unknown[],
): Promise<readonly Standing[]> {
  const { rows } = await pool.query<Standing>(query, [tenantId, ...values]);
  return rows;
}

const isReal = `NOT coalesce((r.pins->>'rehearsal')::boolean, false)`;

function failedRuns({ workflow }: RuleOf<'run_failed'>, look: Look) {
  return rowsOf(
    look,
    `SELECT workflow AS subject, jsonb_build_object('runId', id) AS detail FROM (
       SELECT DISTINCT ON (r.workflow) r.workflow, r.id, r.status FROM tutti.run r
       WHERE r.tenant_id = $1 AND r.ended_at > $2 AND r.parent_run_id IS NULL AND ${isReal} AND ($3::text IS NULL OR r.workflow = $3)
       ORDER BY r.workflow, r.ended_at DESC, r.id DESC) newest
     WHERE status = 'failed'`,
    [daysBefore(look, 30), workflow ?? null],
  );
}

function failureRate(
  { share, withinMinutes = 60, atLeast = 20 }: RuleOf<'failure_rate'>,
  look: Look,
) {
  return rowsOf(
    look,
    `SELECT '' AS subject, jsonb_build_object('failed', failed, 'ended', ended, 'withinMinutes', $5::int) AS detail FROM (
       SELECT count(*) FILTER (WHERE s.status = 'failed') AS failed, count(*) AS ended FROM tutti.run r
       JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id AND s.ended_at > $2 AND s.status IN ('succeeded', 'failed')
       WHERE r.tenant_id = $1 AND (r.ended_at IS NULL OR r.ended_at > $2) AND ${isReal}) c
     WHERE ended >= $3 AND failed >= ended * $4::float8 AND failed > 0`,
    [minutesBefore(look, withinMinutes), atLeast, share, withinMinutes],
  );
}

function usedBudgets({ share = 0.9, scope }: RuleOf<'budget_used'>, look: Look) {
  return rowsOf(
    look,
    `SELECT scope AS subject, jsonb_build_object('period', period::text, 'limitMicroUsd', limit_micro_usd,
         'usedMicroUsd', reserved_micro_usd + settled_micro_usd) AS detail
     FROM tutti.budget WHERE tenant_id = $1 AND period = $2::date AND reserved_micro_usd + settled_micro_usd >= limit_micro_usd * $3::float8
       AND reserved_micro_usd + settled_micro_usd > 0 AND ($4::text IS NULL OR scope = $4) AND ($4::text IS NOT NULL OR scope ~ '^(tenant$|module:|workflow:)')`,
    [look.now.toISOString().slice(0, 10), share, scope ?? null],
  );
}

function deadLetters({ atLeast = 1 }: RuleOf<'dead_letters'>, look: Look) {
  return rowsOf(
    look,
    `SELECT '' AS subject, jsonb_build_object('deliveries', deliveries, 'firings', firings) AS detail FROM (SELECT
       (SELECT count(*) FROM tutti.delivery WHERE tenant_id = $1 AND state = 'failed' AND ended_at > $2) AS deliveries,
       (SELECT count(*) FROM tutti.hook_firing WHERE tenant_id = $1 AND state = 'dead') AS firings) c
     WHERE deliveries + firings >= $3`,
    [daysBefore(look, 7), atLeast],
  );
}

function waitingApprovals({ hours = 24, atLeast = 1 }: RuleOf<'approvals_waiting'>, look: Look) {
  return rowsOf(
    look,
    `SELECT '' AS subject, jsonb_build_object('questions', count(*), 'hours', $4::float8, 'oldest', min(asked_at)) AS detail FROM tutti.approval
     WHERE tenant_id = $1 AND state = 'open' AND asked_at <= $2 AND expires_at > $5 HAVING count(*) >= $3`,
    [minutesBefore(look, hours * 60), atLeast, hours, look.now],
  );
}

/** From each deadline to the next: of the night before it, one that goes on before one that has ended, and one that began later only where there is no other. */
async function lateNight(
  { by, timeZone = 'UTC', workflow = 'nightly' }: RuleOf<'night_late'>,
  look: Look,
): Promise<readonly Standing[]> {
  const deadline = lastInstant(by, timeZone, look.now);
  const from = new Date(deadline.getTime() - dayMs);
  const { rows } = await look.pool.query<{ readonly id: string; readonly ended_at: Date | null }>(
    `SELECT r.id, r.ended_at FROM tutti.run r WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.created_at > $3 AND ${isReal}
     ORDER BY r.ended_at IS NULL AND r.created_at <= $4 DESC, r.ended_at IS NULL, r.id DESC LIMIT 1`,
    [look.tenantId, workflow, from, deadline],
  );
  const [night] = rows;
  if (night?.ended_at) return [];
  const asked = { tenantId: look.tenantId, workflow, from, until: deadline };
  if (!night && !(await missesNight(look.pool, look.registry, asked))) return [];
  const state = night ? 'running' : 'not begun';
  const detail = { state, by, timeZone, runId: night?.id ?? null };
  return [{ subject: workflow, detail }];
}

function refusedAgents({ atLeast = 20, withinMinutes = 60 }: RuleOf<'agent_refused'>, look: Look) {
  return rowsOf(
    look,
    `SELECT s.agent AS subject, jsonb_build_object('refusals', count(*), 'withinMinutes', $4::int) AS detail FROM tutti.run r
     JOIN tutti.entry e ON e.tenant_id = r.tenant_id AND e.run_id = r.id AND e.kind = 'tool.called' AND e.data->>'outcome' = 'refused' AND e.at > $2
     JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id AND s.id = e.step
     WHERE r.tenant_id = $1 AND (r.ended_at IS NULL OR r.ended_at > $2) AND ${isReal} AND s.agent IS NOT NULL
     GROUP BY s.agent HAVING count(*) >= $3`,
    [minutesBefore(look, withinMinutes), atLeast, withinMinutes],
  );
}

async function risingFailures(
  rule: RuleOf<'failures_rising'>,
  look: Look,
): Promise<readonly Standing[]> {
  const { withinHours, againstDays } = windowOf(rule);
  const lately = minutesBefore(look, withinHours * 60);
  const since = daysBefore({ ...look, now: lately }, againstDays);
  const values = [look.tenantId, since, lately];
  const { rows } = await look.pool.query<AttemptCounts>(attemptCounts, values);
  return risingIn(rule, rows);
}

const dayMs = 86_400_000;

function minutesBefore({ now }: Look, minutes: number): Date {
  return new Date(now.getTime() - minutes * 60_000);
}

function daysBefore(look: Look, days: number): Date {
  return minutesBefore(look, days * 1_440);
}
