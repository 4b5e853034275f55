import type pg from 'pg';
import type { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { madeBy } from '../../guard/effects.ts';
import type { EffectState } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { bodyText, type Vault, vaultOf } from '../../ports/db/vault.ts';
import type { Verdict } from '../../ports/dispatcher.ts';
import type { PolicyRef } from '../../sdk/policy/policy-ref.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import { appendAudit } from '../audit/append.ts';
import { callInSight, callSight, type Sight } from '../history/sight.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from './store.ts';

/** What a person has said of an effect. */
export interface Review {
  /** 1 for the first; an effect that is tried again may need another. */
  readonly no: number;
  readonly verdict: Verdict;
  readonly actor: Actor;
  readonly reason: string | null;
  /** RFC 3339, by the database's clock. */
  readonly at: string;
}

/** A change outside, or an attempt at one, as people and programs are shown it. */
export interface EffectView {
  /** The idempotency key, hex. */
  readonly key: string;
  /** The run that asked for it first. */
  readonly runId: string;
  readonly stepId: number;
  readonly tool: string;
  /** `module.agent` */
  readonly agent: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly state: EffectState;
  /** Whether nobody but a person can say how it ended: it waits for that, or its run is over and nobody looks any more. */
  readonly needsPerson: boolean;
  /** The rule by which it was begun, and the policy that said so; null where none did, or a release before that has recorded it. */
  readonly rule: string | null;
  readonly policy: PolicyRef | null;
  /** What the tool answered, or the error that it ended with. */
  readonly outcome: unknown;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** What people have said of it, first to last. */
  readonly reviews: readonly Review[];
  /** What the tool was called with; null once it has been erased. */
  readonly args: unknown;
}

/** Which effects a list has. */
export interface EffectFilter {
  readonly state?: EffectState;
  /** Only those that a person must settle. */
  readonly needsPerson?: boolean;
  readonly runId?: string;
  /** Only those of these modules and companies. @default all */
  readonly sight?: Sight;
  /** Key of the last one seen. */
  readonly after?: string;
  readonly limit: number;
}

/** What a person says of an effect whose end nobody knows. */
export interface Settlement {
  readonly tenantId: number;
  /** The key, or its first digits. */
  readonly key: string;
  readonly verdict: Verdict;
  /** What the tool would have answered, for one that happened; by its result schema. @default null */
  readonly outcome?: unknown;
  readonly reason?: string | undefined;
  readonly actor: Actor;
}

/** Effects, and the verdicts of people on those whose end nobody knows. All on a pool of `tutti_engine`; needs no engine. */
export class Reviews {
  readonly #pool: pg.Pool;
  readonly #vault: Vault;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#vault = vaultOf(pool);
  }

  /** Effects that are more than proposals, newest run first. */
  async list(tenantId: number, filter: EffectFilter): Promise<readonly EffectView[]> {
    const { state = null, needsPerson = false, runId = null, after = null, sight, limit } = filter;
    const { rows } = await this.#pool.query<ViewRow>(
      `${selectView} WHERE e.tenant_id = $1 AND e.state = coalesce($2, e.state) AND e.state <> 'proposed'
         AND ($3::uuid IS NULL OR e.run_id = $3) AND (NOT $4 OR ${isForPerson})
         AND ($5::text IS NULL OR (e.run_id, e.seq) < (SELECT run_id, seq FROM tutti.effect WHERE tenant_id = $1 AND key = decode($5, 'hex')))
         AND ${callInSight('e.tool', 'e.company', 7)}
       ORDER BY e.run_id DESC, e.seq DESC LIMIT $6`,
      [tenantId, state, runId, needsPerson, after, limit, ...callSight(sight)],
    );
    return (await this.#vault.open(rows, 'body')).map(viewOf);
  }

  /** The effect of a key, or of its first digits where they name one only. @throws EFFECT_UNKNOWN · INPUT_INVALID */
  async find(tenantId: number, key: string): Promise<EffectView> {
    const { rows } = await this.#pool.query<ViewRow>(
      `${selectView} WHERE e.tenant_id = $1 AND e.key BETWEEN $2 AND $3 LIMIT 2`,
      [tenantId, ...rangeOf(key)],
    );
    return viewOf(onlyOne(await this.#vault.open(rows, 'body'), key));
  }

  /** The tenant that an effect belongs to. @throws EFFECT_UNKNOWN · INPUT_INVALID */
  async tenantOf(key: string): Promise<number> {
    const { rows } = await this.#pool.query<{ readonly tenant_id: number }>(
      `SELECT e.tenant_id FROM tutti.tenant t JOIN tutti.effect e ON e.tenant_id = t.id AND e.key BETWEEN $1 AND $2 LIMIT 2`,
      [...rangeOf(key)],
    );
    return onlyOne(rows, key).tenant_id;
  }

  /**
   * Records what a person says, and tells the owners of every step that waits for it; all or nothing. `tools` are those of the
   * loaded modules: what happened must have the answer that its tool gives.
   * @throws EFFECT_UNKNOWN · EFFECT_SETTLED · INPUT_INVALID
   */
  async settle(settlement: Settlement, tools: ReadonlyMap<string, AnyTool>): Promise<EffectView> {
    const { tenantId } = settlement;
    const { key, tool: name } = await this.find(tenantId, settlement.key);
    const tool = tools.get(name);
    const outcome = checkOutcome(settlement, tool, name);
    const made = tool && settlement.verdict === 'happened' ? madeBy(tool, outcome) : null;
    await inTransaction(this.#pool, async (client) => {
      await write(client, { ...settlement, key, outcome });
      if (made) await client.query(madeSql, [tenantId, made.entity, made.id, key]);
    });
    return await this.find(tenantId, key);
  }
}

// Whoever still has the run looks for what has started or is uncertain; when it is over, nobody does.
const isForPerson = `(e.state = 'needs_review' OR (e.state IN ('started', 'uncertain')
  AND NOT EXISTS (SELECT FROM tutti.run r WHERE r.tenant_id = e.tenant_id AND r.id = e.run_id AND r.ended_at IS NULL)))`;

const selectView = `SELECT encode(e.key, 'hex') AS key, e.run_id, e.step, e.tool, e.actor->>'id' AS agent, e.entity, e.target_id, e.company,
    e.state, ${isForPerson} AS needs_person, e.outcome, e.started_at, e.ended_at, e.review, ${bodyText('p')} AS body, d.data->>'rule' AS rule, d.data->'policy' AS policy
  FROM tutti.effect e
  LEFT JOIN tutti.entry d ON d.tenant_id = e.tenant_id AND d.run_id = e.run_id AND d.seq = e.seq
  LEFT JOIN tutti.payload p ON p.tenant_id = e.tenant_id AND p.run_id = e.run_id AND p.seq = e.seq AND p.part = 0`;

interface ViewRow {
  readonly key: string;
  readonly run_id: string;
  readonly step: number;
  readonly tool: string;
  readonly agent: string | null;
  readonly entity: string | null;
  readonly target_id: string | null;
  readonly company: string | null;
  readonly state: EffectState;
  readonly needs_person: boolean;
  readonly outcome: unknown;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly review: StoredReview | null;
  readonly body: string | null;
  readonly rule: string | null;
  readonly policy: PolicyRef | null;
}

/** The last verdict, which is what the guard reads, with those before it. */
type StoredReview = Review & { readonly earlier?: readonly Review[] };

function viewOf(row: ViewRow): EffectView {
  const { earlier = [], ...last } = row.review ?? {};
  return {
    key: row.key,
    runId: row.run_id,
    stepId: row.step,
    tool: row.tool,
    agent: row.agent,
    entity: row.entity,
    targetId: row.target_id,
    company: row.company,
    state: row.state,
    needsPerson: row.needs_person,
    rule: row.rule,
    policy: row.policy,
    outcome: row.outcome,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    reviews: row.review ? [...earlier, last as Review] : [],
    args: row.body === null ? null : ((JSON.parse(row.body) as { args?: unknown }).args ?? null),
  };
}

/** All keys that begin with these digits, as a range of the primary key. @throws INPUT_INVALID */
function rangeOf(key: string): readonly [from: Buffer, to: Buffer] {
  if (!/^[0-9a-f]{8,64}$/i.test(key)) {
    throw new EngineError(
      'INPUT_INVALID',
      `'${key.slice(0, 80)}' is no key of an effect; give at least its first 8 digits, as tutti effects lists them.`,
    );
  }
  return [Buffer.from(key.padEnd(64, '0'), 'hex'), Buffer.from(key.padEnd(64, 'f'), 'hex')];
}

function onlyOne<T>(rows: readonly T[], key: string): T {
  const [row, second] = rows;
  if (row === undefined) {
    throw new EngineError('EFFECT_UNKNOWN', `There is no effect '${key}'; see: tutti effects`);
  }
  if (second === undefined) return row;
  throw new EngineError(
    'INPUT_INVALID',
    `More than one effect has a key that begins with '${key}'; give more of its digits.`,
  );
}

/** What is stored as the outcome. @throws INPUT_INVALID when the tool, if it is loaded, does not answer like that */
function checkOutcome(
  { verdict, outcome }: Settlement,
  tool: AnyTool | undefined,
  name: string,
): unknown {
  if (verdict !== 'happened') {
    if (outcome === undefined) return null;
    throw new EngineError('INPUT_INVALID', `Only what happened has an outcome; leave it out.`);
  }
  const parsed = tool && (tool.result as z.ZodType).safeParse(outcome ?? null);
  if (!parsed || parsed.success) return outcome ?? null;
  const issue = parsed.error.issues[0];
  throw new EngineError(
    'INPUT_INVALID',
    `'${name}' ${outcome === undefined ? 'has an answer' : 'does not answer like that'}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}. Give what it would have answered as the outcome, in JSON.`,
    { details: { errors: [{ pointer: '/outcome', detail: issue?.message }] } },
  );
}

/** The word that an effect's state becomes by a verdict; the guard goes on from there. */
const stateBy: Readonly<Record<Verdict, EffectState>> = {
  happened: 'applied',
  'did-not-happen': 'rejected',
  retry: 'approved',
};

/** One verdict, and the messages that it causes; inside the caller's transaction. */
async function write(
  client: pg.ClientBase,
  { tenantId, key, verdict, outcome, reason, actor }: Settlement,
): Promise<void> {
  const { rows } = await client.query<{
    readonly state: EffectState;
    readonly needs_person: boolean;
    readonly review: StoredReview | null;
  }>(
    `SELECT e.state, e.review, ${isForPerson} AS needs_person FROM tutti.effect e
     WHERE e.tenant_id = $1 AND e.key = decode($2, 'hex') FOR UPDATE OF e`,
    [tenantId, key],
  );
  const row = onlyOne(rows, key);
  if (!row.needs_person) throw settledAlready(key, row);
  const { earlier = [], ...last } = row.review ?? {};
  const before = row.review ? [...earlier, last] : [];
  const no = before.length + 1;
  await client.query(
    `UPDATE tutti.effect SET state = $3, outcome = $4, ended_at = now(),
       review = $5::jsonb || jsonb_build_object('at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     WHERE tenant_id = $1 AND key = decode($2, 'hex')`,
    [
      tenantId,
      key,
      stateBy[verdict],
      outcome === null ? null : toJsonb(outcome),
      toJsonb({ no, verdict, actor, reason: reason ?? null, ...(no > 1 && { earlier: before }) }),
    ],
  );
  await client.query(tellOwnersSql, [tenantId, key, no, toJsonb(actor)]);
  await client.query(undoneSql, [tenantId, key]);
  const change = { action: 'effect.settle', target: key, data: { verdict, no } };
  await appendAudit(client, { tenantId, actor, ...change });
}

/**
 * A message to the step that began the effect, and to every other one that waits for it: the key of a tool may reach over a run
 * or over all of a tenant's. Runs that are over get none. $1 tenant, $2 key, $3 which verdict on it, $4 actor.
 */
const tellOwnersSql = `
WITH told AS (
  SELECT e.run_id, e.step FROM tutti.effect e WHERE e.tenant_id = $1 AND e.key = decode($2, 'hex')
  UNION
  SELECT s.run_id, s.id FROM tutti.run r JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id
  WHERE r.tenant_id = $1 AND r.ended_at IS NULL AND s.wait = 'review'
    AND (SELECT w.data->>'key' FROM tutti.entry w WHERE w.tenant_id = s.tenant_id AND w.run_id = s.run_id AND w.step = s.id
      AND w.kind = 'step.waiting' ORDER BY w.seq DESC LIMIT 1) = $2)
INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
SELECT $1, t.run_id, 'settled', 'settled:' || $2::text || ':' || $3::int || ':' || t.step,
  jsonb_build_object('key', $2::text, 'step', t.step), $4
FROM told t JOIN tutti.run r ON r.tenant_id = $1 AND r.id = t.run_id AND r.ended_at IS NULL
ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`;

// What has happened has brought about what it would have: others ask for the effects of a document, and an undo for the document of an effect.
const madeSql = `INSERT INTO tutti.effect_document (tenant_id, entity, record_id, part, key) VALUES ($1, $2, $3, 'made', decode($4, 'hex')) ON CONFLICT DO NOTHING`;

// A reversal that has happened after all.
const undoneSql = `UPDATE tutti.effect e SET state = 'undone' FROM tutti.effect u
  WHERE u.tenant_id = $1 AND u.key = decode($2, 'hex') AND u.state = 'applied' AND e.tenant_id = $1 AND e.key = u.undo_of`;

function settledAlready(
  key: string,
  { state, review }: { readonly state: EffectState; readonly review: StoredReview | null },
): EngineError {
  const by = review ? `; ${review.actor.id} said '${review.verdict}' at ${review.at}` : '';
  const open = state === 'started' || state === 'uncertain';
  return new EngineError(
    'EFFECT_SETTLED',
    `Effect ${key.slice(0, 12)} is '${state}'${by}. ${open ? 'Its run goes on and looks for it by itself; cancel the run to decide yourself.' : 'There is nothing to settle.'}`,
    { details: { state } },
  );
}
