import { shareBounds } from '../../base/share-bounds.ts';
import type { AlertRule } from '../../ports/service-config.ts';

/** What became of attempts: lately, and in the days before. */
export interface AttemptCounts {
  readonly agent: string;
  readonly failed: number;
  readonly ended: number;
  readonly pastFailed: number;
  readonly pastEnded: number;
}

/** An agent that fails more often, and how often. */
interface Rise {
  readonly subject: string;
  readonly detail: Readonly<Record<string, number>>;
}

type Rising = Extract<AlertRule, { readonly kind: 'failures_rising' }>;

/** Attempts of `tutti.attempt` by agent. $1 tenant, $2 since when, $3 since when it is lately. A cancelled attempt is no failure. */
export const attemptCounts = `SELECT s.agent, count(*) FILTER (WHERE f.is_failed AND a.ended_at > $3)::int AS failed, count(*) FILTER (WHERE a.ended_at > $3)::int AS ended,
    count(*) FILTER (WHERE f.is_failed AND a.ended_at <= $3)::int AS "pastFailed", count(*) FILTER (WHERE a.ended_at <= $3)::int AS "pastEnded"
  FROM tutti.run r JOIN tutti.attempt a ON a.tenant_id = r.tenant_id AND a.run_id = r.id AND a.ended_at > $2 AND a.outcome <> 'cancelled'
  JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id AND s.id = a.step AND s.agent IS NOT NULL
  CROSS JOIN LATERAL (SELECT a.error->>'code' IS NOT NULL AS is_failed) f
  WHERE r.tenant_id = $1 AND (r.ended_at IS NULL OR r.ended_at > $2) AND NOT coalesce((r.pins->>'rehearsal')::boolean, false)
  GROUP BY s.agent ORDER BY s.agent`;

/** The hours that are lately, and the days before them that they are held against. */
export function windowOf({
  withinHours = 24,
  againstDays = 7,
}: Rising): Readonly<Required<Pick<Rising, 'withinHours' | 'againstDays'>>> {
  return { withinHours, againstDays };
}

/**
 * The agents whose attempts fail more often than before, by more than chance would explain: the least share that fits what was seen
 * lately is above the greatest that fits the days before. Who has no past is not held against it.
 */
export function risingIn(rule: Rising, counts: readonly AttemptCounts[]): readonly Rise[] {
  const { atLeast = 5 } = rule;
  return counts.flatMap(({ agent, failed, ended, pastFailed, pastEnded }) => {
    const isMore = shareBounds(failed, ended).least > shareBounds(pastFailed, pastEnded).most;
    if (failed < atLeast || !isMore) return [];
    const detail = { failed, ended, pastFailed, pastEnded, ...windowOf(rule) };
    return [{ subject: agent, detail }];
  });
}
