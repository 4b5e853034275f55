import type pg from 'pg';
import type { Database } from '../../ports/db/database.ts';
import { listPartitions } from '../../ports/db/partitions.ts';
import type { PayloadClass } from '../journal/rows.ts';
import { isDue } from './bodies.ts';
import { isHeld, withConnection } from './keeping.ts';
import { daysAfter, daysBefore, payloadClasses, type RetentionPolicy } from './policy.ts';

/** What the runs of one agent take up. */
export interface AgentSize {
  /** `module.agent`; '' for what belongs to no agent. */
  readonly agent: string;
  readonly runs: number;
  readonly steps: number;
  readonly entries: number;
  /** Bodies that are there. */
  readonly bodyBytes: number;
}

/** A month of runs, and when the policy lets it go. */
export interface MonthSize {
  /** `2026-11` */
  readonly month: string;
  readonly sizeBytes: number;
  readonly runs: number;
  readonly unfinished: number;
  readonly held: number;
  /** Null while a run of it has not ended. */
  readonly dropsAt: Date | null;
}

/** The bodies of one class. */
export interface ClassSize {
  readonly class: PayloadClass;
  readonly days: number;
  /** What goes with the next application. */
  readonly due: { readonly runs: number; readonly bodies: number; readonly bytes: number };
  /** When the oldest of the others goes; null when there are none. */
  readonly nextAt: Date | null;
}

/** What there is and what the policy will take next. */
export interface RetentionView {
  readonly months: readonly MonthSize[];
  readonly bodies: readonly ClassSize[];
  readonly agents: readonly AgentSize[];
}

/** Measures all tenants; reads the whole journal, which takes seconds for some millions of entries, and changes nothing. */
export async function viewRetention(
  database: Pick<Database, 'connect'>,
  policy: RetentionPolicy,
  now: Date,
): Promise<RetentionView> {
  return withConnection(database, async (client) => ({
    months: await monthSizes(client, policy),
    bodies: await classSizes(client, policy, now),
    agents: (await client.query<AgentSize>(agentSql)).rows,
  }));
}

const agentSql = `SELECT coalesce(s.agent, '') AS agent, count(DISTINCT (n.tenant_id, n.run_id))::int AS runs,
    count(DISTINCT (n.tenant_id, n.run_id, n.step)) FILTER (WHERE n.step IS NOT NULL)::int AS steps,
    count(*) FILTER (WHERE coalesce(p.part, 0) = 0)::int AS entries, coalesce(sum(p.size) FILTER (WHERE p.body IS NOT NULL), 0)::bigint AS "bodyBytes"
  FROM tutti.entry n
  LEFT JOIN tutti.payload p ON p.tenant_id = n.tenant_id AND p.run_id = n.run_id AND p.seq = n.seq
  LEFT JOIN tutti.step s ON s.tenant_id = n.tenant_id AND s.run_id = n.run_id AND s.id = n.step
  GROUP BY 1 ORDER BY "bodyBytes" DESC, agent`;

async function monthSizes(
  client: pg.Client,
  policy: RetentionPolicy,
): Promise<readonly MonthSize[]> {
  const byMonth = [
    ...Map.groupBy(await listPartitions(client), ({ month }) => month.name).values(),
  ];
  const months = byMonth.flatMap(([first]) => (first ? [first.month] : []));
  const { rows } = await client.query<MonthCounts>(
    `SELECT count(r.id)::int AS runs, count(r.id) FILTER (WHERE r.ended_at IS NULL)::int AS unfinished,
       count(r.id) FILTER (WHERE ${isHeld})::int AS held, max(r.ended_at) AS newest
     FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS m("from", "to", place)
     LEFT JOIN tutti.run r ON r.id >= m."from" AND r.id < m."to" GROUP BY place ORDER BY place`,
    [months.map(({ from }) => from), months.map(({ to }) => to)],
  );
  return months.map(({ name, end }, index) => {
    const { newest, ...counts } = rows[index] as MonthCounts;
    return {
      month: name.slice(1).replace('m', '-'),
      sizeBytes: (byMonth[index] ?? []).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      ...counts,
      dropsAt:
        counts.unfinished > 0
          ? null
          : daysAfter(newest && newest > end ? newest : end, policy.journalDays),
    };
  });
}

interface MonthCounts extends Pick<MonthSize, 'runs' | 'unfinished' | 'held'> {
  readonly newest: Date | null;
}

async function classSizes(
  client: pg.Client,
  policy: RetentionPolicy,
  now: Date,
): Promise<readonly ClassSize[]> {
  const sizes: ClassSize[] = [];
  for (const payloadClass of payloadClasses) {
    const days = policy.bodyDays[payloadClass];
    const limit = daysBefore(now, days);
    const due = await client.query<ClassSize['due']>(
      `SELECT count(DISTINCT r.id)::int AS runs, count(*)::int AS bodies, coalesce(sum(p.size), 0)::bigint AS bytes
       FROM tutti.run r JOIN tutti.payload p ON p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.class = $2 AND p.body IS NOT NULL WHERE ${isDue(payloadClass)}`,
      [limit, payloadClass],
    );
    const next = await client.query<{ ended: Date | null }>(
      `SELECT min(r.ended_at) AS ended FROM tutti.run r WHERE r.ended_at >= $1 AND NOT $2 = ANY (r.erased) AND NOT ${isHeld}`,
      [limit, payloadClass],
    );
    const ended = next.rows[0]?.ended;
    sizes.push({
      class: payloadClass,
      days,
      due: due.rows[0] ?? { runs: 0, bodies: 0, bytes: 0 },
      nextAt: ended ? daysAfter(ended, days) : null,
    });
  }
  return sizes;
}
