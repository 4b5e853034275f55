import type pg from 'pg';
import { crashPoint } from '../../base/crash-point.ts';
import { digest, newId } from '../../base/ids.ts';
import type { ApprovalState, EffectState } from '../../ports/db/states.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import type { EffectApproval, Intent } from '../../ports/dispatcher.ts';
import type { Terms } from '../../sdk/policy/tier.ts';
import { toJsonb } from '../journal/rows.ts';
import type { RunFacts } from '../run/facts.ts';
import type { Actor } from '../run/request.ts';
import { tidy } from './due.ts';
import { covers, type Roles, type Vote, yesesUnder } from './rules.ts';

/** The step that asks whether its effect may happen. */
export interface Asking {
  readonly run: RunFacts;
  readonly step: number;
  /** The step's path, as people know it. */
  readonly path: string;
  /** The agent that wants it, qualified. */
  readonly agent: string;
}

/**
 * Questions whether effects may happen: one open at a time for each, about exactly the proposal that is stored. All on a pool of
 * `tutti_engine`. Locks are taken in one order everywhere: the effect, then its questions.
 *
 *   (none) · withdrawn · used up ─ asked ─▶ open ─ decided ─▶ granted ─ claimed by the flush that begins the effect ─▶ consumed
 *   open · granted, and the proposal or who must agree has changed ─▶ withdrawn, and asked anew
 */
export class EffectQuestions {
  readonly #pool: pg.Pool;
  readonly #roles: Roles;

  constructor(pool: pg.Pool, roles: Roles = {}) {
    this.#pool = pool;
    this.#roles = roles;
  }

  /**
   * Makes sure that people are asked about a proposal that is stored, and says what has become of that; nothing where nobody has to agree.
   * An intent that carries out what was granted asks nobody anything. @throws DB_*
   */
  async of(asking: Asking, intent: Intent): Promise<EffectApproval | null> {
    if (!intent.terms && intent.applies === undefined) return null;
    const answer = await inTransaction(this.#pool, (client) =>
      this.#settled(client, asking, intent),
    );
    crashPoint('after-question');
    return answer;
  }

  async #settled(
    client: pg.ClientBase,
    asking: Asking,
    intent: Intent,
  ): Promise<EffectApproval | null> {
    const { tenantId } = asking.run;
    const key = Buffer.from(intent.key, 'hex');
    const effect = await lockEffect(client, tenantId, key);
    const last = await newest(client, tenantId, key);
    const { terms } = intent;
    if (effect?.state !== 'proposed' || !terms || intent.applies !== undefined)
      return last ? this.#answerOf(last, asking, intent) : null;
    if (last && this.#stands(last, effect, { terms, actor: actorOf(asking, intent) })) {
      if (last.state === 'open' && intent.waits) await addRequester(client, last, asking.run);
      return this.#answerOf(last, asking, intent);
    }
    if (last && isLive(last)) await withdraw(client, tenantId, last.id);
    return await ask(client, { ...asking, intent, terms, effect });
  }

  /** Whether a question, or its answer, is about the proposal as it is, and asks enough of people. */
  #stands(
    last: QuestionRow,
    effect: EffectRow,
    today: { readonly terms: Terms; readonly actor: Actor | null },
  ): boolean {
    if (last.effect_run !== effect.run_id || last.effect_seq !== effect.seq) return false;
    switch (last.state) {
      case 'open':
        return covers(last, today.terms);
      case 'granted':
        return this.#isEnough(last, today);
      default:
        return last.state === 'refused' || last.state === 'expired';
    }
  }

  #answerOf(last: QuestionRow, asking: Asking, intent: Intent): EffectApproval {
    const { terms } = intent;
    const { id, state, expires_at } = last;
    const actor = actorOf(asking, intent);
    const isEnough = terms === undefined || this.#isEnough(last, { terms, actor });
    return { id, state, isEnough, expiresAt: expires_at.toISOString() };
  }

  #isEnough(
    { votes, requested_by: requester, escalated_at: escalatedAt }: QuestionRow,
    { terms, actor }: { readonly terms: Terms; readonly actor: Actor | null },
  ): boolean {
    const { by, required, escalate } = terms;
    const deciders = [...by, ...(escalatedAt && escalate ? escalate.to : [])];
    const parties = [requester, ...(actor ? [actor] : [])];
    return yesesUnder(votes, { deciders, parties, roles: this.#roles }) >= required;
  }
}

interface EffectRow {
  readonly run_id: string;
  readonly seq: number;
  readonly state: EffectState;
  readonly contract: Buffer;
  readonly args_sha256: Buffer;
  readonly binds: unknown;
}

/** A question about an effect, with its votes. */
interface QuestionRow {
  readonly id: string;
  readonly state: ApprovalState;
  readonly deciders: readonly string[];
  readonly required: number;
  readonly requested_by: Actor;
  readonly expires_at: Date;
  readonly escalate_to: readonly string[];
  readonly escalated_at: Date | null;
  readonly effect_run: string;
  readonly effect_seq: number;
  readonly votes: readonly Vote[];
}

function isLive({ state }: QuestionRow): boolean {
  return state === 'open' || state === 'granted';
}

/** Who must not have agreed, beside whoever asked first: who lets it happen in a step of their own run. */
function actorOf({ run }: Asking, { waits }: Intent): Actor | null {
  return waits ? run.actor : null;
}

/** Somebody else's step waits for the same question: they do not decide it, either. */
async function addRequester(
  client: pg.ClientBase,
  { id, requested_by: known }: QuestionRow,
  { tenantId, actor }: RunFacts,
): Promise<void> {
  const names = [known.id, ...(known.onBehalfOf ?? [])];
  const added = [actor.id, ...(actor.onBehalfOf ?? [])].filter((name) => !names.includes(name));
  if (added.length === 0) return;
  const requester = { ...known, onBehalfOf: [...(known.onBehalfOf ?? []), ...added] };
  await client.query(
    'UPDATE tutti.approval SET requested_by = $3 WHERE tenant_id = $1 AND id = $2',
    [tenantId, id, toJsonb(requester)],
  );
}

async function lockEffect(
  client: pg.ClientBase,
  tenantId: number,
  key: Buffer,
): Promise<EffectRow | undefined> {
  const { rows } = await client.query<EffectRow>(
    'SELECT run_id, seq, state, contract, args_sha256, binds FROM tutti.effect WHERE tenant_id = $1 AND key = $2 FOR UPDATE',
    [tenantId, key],
  );
  return rows[0];
}

/** The newest question about an effect, as the time has left it. */
async function newest(
  client: pg.ClientBase,
  tenantId: number,
  key: Buffer,
): Promise<QuestionRow | undefined> {
  const { rows } = await client.query<{ readonly id: string }>(
    'SELECT id FROM tutti.approval WHERE tenant_id = $1 AND effect_key = $2 ORDER BY asked_at DESC, id DESC LIMIT 1 FOR UPDATE',
    [tenantId, key],
  );
  const [last] = rows;
  if (!last) return undefined;
  await tidy(client, { id: last.id });
  const read = await client.query<QuestionRow>(
    `SELECT a.id, a.state, a.deciders, a.required, a.requested_by, a.expires_at, a.escalate_to, a.escalated_at, a.effect_run, a.effect_seq,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('person', v.actor_id, 'onBehalfOf', v.on_behalf_of, 'decision', v.decision)), '[]')
         FROM tutti.approval_vote v WHERE v.tenant_id = a.tenant_id AND v.approval_id = a.id) AS votes
     FROM tutti.approval a WHERE a.tenant_id = $1 AND a.id = $2`,
    [tenantId, last.id],
  );
  return read.rows[0];
}

async function withdraw(client: pg.ClientBase, tenantId: number, id: string): Promise<void> {
  await client.query(
    `UPDATE tutti.approval SET state = 'withdrawn', closed_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
}

async function ask(
  client: pg.ClientBase,
  asked: Asking & { readonly intent: Intent; readonly terms: Terms; readonly effect: EffectRow },
): Promise<EffectApproval> {
  const { run, step, path, agent, intent, terms, effect } = asked;
  const { contract, args_sha256: args, binds } = effect;
  const { tier, by, required, expiresMs, escalate } = terms;
  const requester = { ...run.actor, agent };
  const { rows } = await client.query<{ readonly id: string; readonly expires_at: Date }>(
    `INSERT INTO tutti.approval (tenant_id, id, effect_key, run_id, step, path, digest, tier, required, state, requested_by, deciders, escalate_to,
       effect_run, effect_seq, waits, asked_at, expires_at, escalate_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11, $12, $13, $14, $15, clock_timestamp(),
       clock_timestamp() + $16::float8 * interval '1 ms', clock_timestamp() + $17::float8 * interval '1 ms') RETURNING id, expires_at`,
    [
      ...[run.tenantId, newId(), Buffer.from(intent.key, 'hex'), run.id, step, path],
      digest(contract.toString('hex'), args.toString('hex'), binds),
      ...[tier, required, toJsonb(requester), by, escalate?.to ?? []],
      ...[effect.run_id, effect.seq, intent.waits ?? false, expiresMs, escalate?.afterMs ?? null],
    ],
  );
  const { id, expires_at: expiresAt } = rows[0] as {
    readonly id: string;
    readonly expires_at: Date;
  };
  return { id, state: 'open', isEnough: false, expiresAt: expiresAt.toISOString() };
}
