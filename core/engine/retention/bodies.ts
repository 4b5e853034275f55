import type pg from 'pg';
import type { PayloadClass } from '../journal/rows.ts';
import { isHeld, isInReview, withoutNewHolds } from './keeping.ts';
import { daysBefore, payloadClasses, type RetentionPolicy } from './policy.ts';

/** What the policy took from runs whose journal stays. */
export interface ErasedBodies {
  readonly runs: number;
  readonly bodies: number;
}

/** Condition on a run `r` that ended before $1: its bodies of class $2 are there and may go. */
export function isDue(payloadClass: PayloadClass): string {
  const open = payloadClass === 'effect' ? `AND NOT ${isInReview}` : '';
  return `(r.ended_at < $1 AND NOT $2 = ANY (r.erased) AND NOT ${isHeld} ${open})`;
}

// A night of 10,000 steps has some 50,000 bodies; a transaction takes a few such nights at most.
const runsATime = 5;

/** Erases the bodies that are past the days of their class, a few runs a transaction; hash and size stay. */
export async function eraseBodies(
  client: pg.Client,
  policy: RetentionPolicy,
  when: { readonly now: Date; readonly signal?: AbortSignal },
): Promise<ErasedBodies> {
  let runs = 0;
  let bodies = 0;
  for (const payloadClass of payloadClasses) {
    const days = policy.bodyDays[payloadClass];
    const limit = daysBefore(when.now, days);
    for (let more = true; more && !when.signal?.aborted; ) {
      const { rows } = await withoutNewHolds(client, () =>
        client.query<{ runs: number; bodies: number }>(eraseSql(payloadClass), [
          limit,
          payloadClass,
          `retention: ${days} days`,
          runsATime,
        ]),
      );
      runs += rows[0]?.runs ?? 0;
      bodies += rows[0]?.bodies ?? 0;
      more = rows[0]?.runs === runsATime;
    }
  }
  return { runs, bodies };
}

/** What becomes of a question whose text is erased; its hash, and what people have said, stay. */
export const withoutText = `title = '', shown = '"Its text has been erased."', key_id = NULL`;

/** CTE: takes what effects bind from the runs of another one: fields of the records that they are about. */
const withoutBinds = (runs: string): string =>
  `binds AS (UPDATE tutti.effect t SET binds = NULL FROM ${runs} WHERE t.tenant_id = ${runs}.tenant_id AND t.run_id = ${runs}.id AND t.binds IS NOT NULL)`;

/** CTE: takes what questions of nodes show from the runs of another one. */
const withoutQuestions = (runs: string): string =>
  `questions AS (UPDATE tutti.approval a SET ${withoutText} FROM ${runs} WHERE a.tenant_id = ${runs}.tenant_id AND a.run_id = ${runs}.id AND a.effect_key IS NULL)`;

/** CTEs: take from the runs of another one, with `tenant_id` and `id`, the texts that lie beside their bodies and outlive them. */
export const textsBeside = (runs: string): string =>
  `${withoutBinds(runs)}, ${withoutQuestions(runs)}`;

/** `binds` go with the arguments of their effect; what questions show is made of outputs. */
function eraseSql(payloadClass: PayloadClass): string {
  const binds = payloadClass === 'effect' ? `${withoutBinds('due')},` : '';
  const questions = payloadClass === 'output' ? `${withoutQuestions('due')},` : '';
  return `WITH due AS MATERIALIZED (SELECT r.tenant_id, r.id FROM tutti.run r WHERE ${isDue(payloadClass)} LIMIT $4 FOR NO KEY UPDATE),
  bodies AS (UPDATE tutti.payload p SET body = NULL, erased_at = now() FROM due
    WHERE p.tenant_id = due.tenant_id AND p.run_id = due.id AND p.class = $2 AND p.body IS NOT NULL RETURNING p.tenant_id, p.run_id),
  ${binds}
  ${questions}
  keys AS (DELETE FROM tutti.data_key k USING due WHERE k.tenant_id = due.tenant_id AND k.run_id = due.id
    AND (k.class = $2 OR (k.class = 'shown' AND $2 = 'output'))),
  noted AS (INSERT INTO tutti.erasure (tenant_id, run_id, what, reason, actor, payloads)
    SELECT tenant_id, run_id, 'bodies ' || $2, $3, '{"kind":"schedule","id":"retention"}', count(*) FROM bodies GROUP BY 1, 2),
  marked AS (UPDATE tutti.run t SET erased = t.erased || $2 FROM due WHERE t.tenant_id = due.tenant_id AND t.id = due.id)
  SELECT (SELECT count(*) FROM due)::int AS runs, (SELECT count(*) FROM bodies)::int AS bodies`;
}
