import type pg from 'pg';
import { isOutage } from '../../ports/db/db-error.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import { emit } from './emit.ts';
import { faultOf, type WebhookEvent } from './event-types.ts';
import { type FeedRow, journalEvents } from './journal-events.ts';

const rowsATime = 500;

/** What the feeds are read with. */
export interface Reading {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly now: Date;
  /** Told of an event that cannot be told: it must not hold up those after it. */
  readonly onError: (error: unknown) => void;
}

/** Makes deliveries of everything that has happened since the last time, of every tenant that has endpoints; returns how many. */
export async function fanOut({ pool, now, onError }: Reading): Promise<number> {
  const { rows } = await pool.query<{ readonly tenant_id: number }>(
    'SELECT DISTINCT tenant_id FROM tutti.webhook WHERE disabled_at IS NULL',
  );
  let made = 0;
  for (const { tenant_id: tenantId } of rows) {
    try {
      for (let isMore = true; isMore; ) {
        const portion = await inTransaction(pool, (client) =>
          readOn(client, tenantId, { now, onError }),
        );
        made += portion.made;
        isMore = portion.isMore;
      }
    } catch (error) {
      if (isOutage(error)) throw error;
      // One tenant's feed that cannot be read holds up no other's, nor what is there to be told.
      onError(error);
    }
  }
  return made;
}

interface Portion {
  readonly made: number;
  readonly isMore: boolean;
}

const nothing: Portion = { made: 0, isMore: false };

/**
 * One portion: the deliveries and the place up to where they reach are one transaction, so that nothing is left out or told twice wherever
 * an engine dies. Whoever holds the place's row reads; the other engines leave it to them.
 */
async function readOn(
  client: pg.ClientBase,
  tenantId: number,
  { now, onError }: Omit<Reading, 'pool'>,
): Promise<Portion> {
  const { rows } = await client.query<{ readonly tx: string; readonly run_id: string }>(
    `SELECT CASE WHEN tx > pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN ${beginning} ELSE tx END::text AS tx, run_id
     FROM tutti.webhook_place WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED`,
    [tenantId],
  );
  const [place] = rows;
  if (!place) return nothing;
  const feed = await client.query<FeedRow>(feedSql, [tenantId, place.tx, place.run_id, rowsATime]);
  const notices = await client.query<NoticeRow>(noticesSql, [tenantId, rowsATime]);
  const events = [
    ...(await journalEvents(client, tenantId, feed.rows)),
    ...(await noticedEvents(client, tenantId, notices.rows)),
  ];
  const made = await emit(client, tellable(events, onError), now);
  const last = feed.rows.at(-1);
  if (last) {
    await client.query('UPDATE tutti.webhook_place SET tx = $2, run_id = $3 WHERE tenant_id = $1', [
      tenantId,
      last.tx,
      last.run_id,
    ]);
  }
  return { made, isMore: [feed, notices].some((read) => read.rows.length === rowsATime) };
}

/** Those that are as the documentation has them. */
function tellable(
  events: readonly WebhookEvent[],
  onError: (error: unknown) => void,
): readonly WebhookEvent[] {
  return events.filter((event) => {
    const fault = faultOf(event);
    if (fault !== null) onError(fault);
    return fault === null;
  });
}

// A number that this server has not reached is another server's: the feed is read from its beginning, and what was told is not told again.
const beginning = '-9223372036854775808';

/** A tenant's place at this moment: what is committed is before it. */
export const placeNowSql = `INSERT INTO tutti.webhook_place (tenant_id, tx, run_id)
  VALUES ($1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ON CONFLICT (tenant_id) DO NOTHING`;

// In the order of the primary key; never past a transaction that is still open, whose rows would come in behind the reader.
const feedSql = `SELECT tx, run_id, from_seq, to_seq FROM tutti.feed WHERE tenant_id = $1 AND (tx, run_id) > ($2::bigint, $3::uuid)
  AND tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY tx, run_id LIMIT $4`;

interface NoticeRow {
  readonly type:
    | 'approval.requested'
    | 'approval.decided'
    | 'approval.lapsed'
    | 'stop.set'
    | 'stop.lifted';
  readonly subject: string;
  readonly state: string;
  readonly at: Date;
}

// Whoever deletes a row has made the deliveries of it; none is ever passed over.
const noticesSql = `DELETE FROM tutti.notice WHERE id IN (SELECT id FROM tutti.notice WHERE tenant_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING type, subject, state, at`;

interface QuestionRow {
  readonly approvalId: string;
  readonly runId: string | null;
  readonly effectKey: string | null;
  readonly tier: string;
  readonly required: number;
  readonly expires_at: Date;
  readonly tool: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly amount: string | null;
  readonly currency: string | null;
}

async function noticedEvents(
  client: Queryable,
  tenantId: number,
  notices: readonly NoticeRow[],
): Promise<readonly WebhookEvent[]> {
  if (notices.length === 0) return [];
  const subjects = notices.map(({ subject }) => subject);
  const questions = await client.query<QuestionRow>(questionsSql, [tenantId, subjects]);
  const stops = await client.query<{ readonly id: string; readonly reach: string }>(
    'SELECT id, reach FROM tutti.stop WHERE tenant_id IN (0, $1) AND id = ANY ($2::uuid[])',
    [tenantId, subjects],
  );
  const questionOf = new Map(questions.rows.map((row) => [row.approvalId, row]));
  const reachOf = new Map(stops.rows.map(({ id, reach }) => [id, reach]));
  return notices.flatMap((notice): WebhookEvent[] => {
    const { type, subject, state, at } = notice;
    const common = { tenantId, type, at, event: `${type} ${subject} ${state}` };
    const reach = reachOf.get(subject);
    if (type === 'stop.set' || type === 'stop.lifted') {
      if (reach === undefined) return [];
      const [kind, name = ''] = reach.split(':');
      const module = kind === 'module' ? name : kind === 'agent' ? moduleOf(name) : null;
      const data = { stopId: subject, reach };
      return [{ ...common, module, company: null, data } as WebhookEvent];
    }
    const question = questionOf.get(subject);
    if (!question) return [];
    const { expires_at, ...asked } = question;
    const { tool, company } = asked;
    const ended = type === 'approval.requested' ? {} : { state };
    const data = { ...asked, expiresAt: expires_at.toISOString(), ...ended };
    const module = tool === null ? null : moduleOf(tool);
    return [{ ...common, module, company, data } as WebhookEvent];
  });
}

const questionsSql = `SELECT a.id AS "approvalId", a.run_id AS "runId", encode(a.effect_key, 'hex') AS "effectKey", a.tier, a.required::int AS required,
    a.expires_at, e.tool, e.entity, e.target_id AS "targetId", coalesce(e.company, r.company) AS company, e.amount::text AS amount, e.currency
  FROM tutti.approval a
  LEFT JOIN tutti.effect e ON e.tenant_id = a.tenant_id AND e.key = a.effect_key
  LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
  WHERE a.tenant_id = $1 AND a.id = ANY ($2::uuid[])`;
