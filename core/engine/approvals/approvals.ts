import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { digest, newId } from '../../base/ids.ts';
import { toStorableText } from '../../base/text.ts';
import type { ApprovalState } from '../../ports/db/states.ts';
import { type Vault, vaultOf } from '../../ports/db/vault.ts';
import type { Sight } from '../history/sight.ts';
import { toJsonb } from '../journal/rows.ts';
import type { RunFacts } from '../run/facts.ts';
import { type Decided, decide, outcomeOf, type Say, unknown } from './decide.ts';
import { tidy } from './due.ts';
import type { Decision, Roles } from './rules.ts';
import {
  type ApprovalRow,
  type ApprovalView,
  openApprovals,
  selectApprovals,
  storedQuestion,
  viewOf,
} from './view.ts';

/** What a step asks people. */
export interface Question {
  readonly step: number;
  /** The step's path, as people know it. */
  readonly path: string;
  /** One sentence. */
  readonly title: string;
  /** What they are shown, JSON. */
  readonly shown: unknown;
  /** Roles and persons that may decide. */
  readonly by: readonly string[];
  /** Yeses of different people that it takes. */
  readonly required: number;
  /** How long it may be decided, by the database's clock, milliseconds. */
  readonly expiresMs: number;
  /** Who may decide as well after a while. @default nobody */
  readonly escalate?: { readonly afterMs: number; readonly to: readonly string[] } | null;
}

/** What has become of a question. */
export interface Answer {
  readonly id: string;
  readonly state: ApprovalState;
  /** Milliseconds until its time is over, by the database's clock. */
  readonly leftMs: number;
  /** Null while nobody has decided, and when nobody did in time. */
  readonly decided: Decided | null;
}

/** Which questions a list has. */
export interface ApprovalFilter {
  readonly state?: ApprovalState;
  readonly runId?: string;
  /** Only those about effects of these modules, or asked by runs of these workflows, and of these companies. @default all */
  readonly sight?: Sight & { readonly workflows: readonly string[] };
  /** Id of the last one seen. */
  readonly after?: string;
  readonly limit: number;
}

/** What people are asked, and what they say. All on a pool of `tutti_engine`; needs no engine. */
export class Approvals {
  readonly #pool: pg.Pool;
  readonly #vault: Vault;
  readonly #roles: Roles;

  constructor(pool: pg.Pool, roles: Roles = {}) {
    this.#pool = pool;
    this.#vault = vaultOf(pool);
    this.#roles = roles;
  }

  /** Asks for a step's run to go on; a step that asks again has the question that it has, and its answer. @throws DB_* */
  async ask({ tenantId, id: runId, actor }: RunFacts, question: Question): Promise<Answer> {
    const { step, path, shown, by, required, expiresMs, escalate } = question;
    const title = toStorableText(question.title);
    const id = newId();
    const keys = await this.#vault.keysOf({ tenantId, id: runId });
    const stored = storedQuestion(keys, { id, title, shown });
    await this.#pool.query(
      `INSERT INTO tutti.approval (tenant_id, id, run_id, step, path, digest, tier, required, state, requested_by, expires_at, title, shown,
         deciders, escalate_at, escalate_to, key_id)
       VALUES ($1, $2, $3, $4, $5, $6, 'node', $7, 'open', $8, clock_timestamp() + $9::float8 * interval '1 ms', $10, $11, $12,
         clock_timestamp() + $13::float8 * interval '1 ms', $14, $15)
       ON CONFLICT (tenant_id, run_id, step) WHERE effect_key IS NULL DO NOTHING`,
      [
        ...[tenantId, id, runId, step, path, digest(title, shown), required, toJsonb(actor)],
        ...[expiresMs, stored.title, toJsonb(stored.shown), by],
        ...[escalate?.afterMs ?? null, escalate?.to ?? [], stored.keyId],
      ],
    );
    return await this.#answer(tenantId, runId, step);
  }

  /** The time of a step's question has come, as its engine reckons: once the database says so, too, nobody decides it any more. @throws DB_* */
  async expire({ tenantId, id: runId }: RunFacts, step: number): Promise<Answer> {
    await this.#pool.query(
      `UPDATE tutti.approval SET state = 'expired', closed_at = clock_timestamp()
       WHERE tenant_id = $1 AND run_id = $2 AND step = $3 AND effect_key IS NULL AND state = 'open' AND expires_at <= clock_timestamp()`,
      [tenantId, runId, step],
    );
    return await this.#answer(tenantId, runId, step);
  }

  /** Does what the time has brought for steps that wait; once a second while an engine is up. @throws DB_* */
  async tidy(): Promise<void> {
    await tidy(this.#pool, 'urgent');
  }

  /** Questions, newest first. */
  async list(tenantId: number, filter: ApprovalFilter): Promise<readonly ApprovalView[]> {
    const { state = null, runId = null, after = null, sight, limit } = filter;
    await tidy(this.#pool, 'all');
    return await this.#views(
      `a.tenant_id = $1 AND a.state = coalesce($2, a.state) AND ($3::uuid IS NULL OR a.run_id = $3) AND ($4::uuid IS NULL OR a.id < $4)
         AND ($6::text[] IS NULL OR CASE WHEN a.effect_key IS NULL THEN r.workflow = ANY($7) ELSE split_part(e.tool, '.', 1) = ANY($6) END)
         AND ($8::text[] IS NULL OR coalesce(e.company, r.company) = ANY($8))
       ORDER BY a.id DESC LIMIT $5`,
      [
        ...[tenantId, state, runId, after, limit],
        ...[sight?.modules ?? null, sight?.workflows ?? null, sight?.companies ?? null],
      ],
    );
  }

  /** The question of an id, or of its first digits where they name one only. @throws APPROVAL_UNKNOWN · INPUT_INVALID */
  async find(tenantId: number, id: string): Promise<ApprovalView> {
    await tidy(this.#pool, 'all');
    const rows = await this.#views('a.tenant_id = $1 AND a.id BETWEEN $2 AND $3 LIMIT 2', [
      tenantId,
      ...rangeOf(id),
    ]);
    return onlyOne(rows, id);
  }

  /** The tenant that is asked. @throws APPROVAL_UNKNOWN · INPUT_INVALID */
  async tenantOf(id: string): Promise<number> {
    const { rows } = await this.#pool.query<{ readonly tenant_id: number }>(
      `SELECT a.tenant_id FROM tutti.tenant t JOIN tutti.approval a ON a.tenant_id = t.id AND a.id BETWEEN $1 AND $2 LIMIT 2`,
      [...rangeOf(id)],
    );
    return onlyOne(rows, id).tenant_id;
  }

  /**
   * Takes a person's word; the id may be its first digits.
   * @throws APPROVAL_UNKNOWN · APPROVAL_CLOSED · APPROVAL_VOTED · APPROVAL_NOT_YOURS · INPUT_INVALID · DB_*
   */
  async decide(say: Say): Promise<ApprovalView> {
    const { id } = await this.find(say.tenantId, say.id);
    return await decide(this.#pool, { ...say, id }, this.#roles);
  }

  async #answer(tenantId: number, runId: string, step: number): Promise<Answer> {
    const [view] = await this.#views(
      'a.tenant_id = $1 AND a.run_id = $2 AND a.step = $3 AND a.effect_key IS NULL',
      [tenantId, runId, step],
    );
    if (!view) throw unknown(`of step ${step} of ${runId}`);
    const { id, state, expiresAt, votes } = view;
    const { rows } = await this.#pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    const leftMs = expiresAt.getTime() - (rows[0] as { now: Date }).now.getTime();
    const isDecided = state === 'granted' || state === 'refused';
    const decided = isDecided ? outcomeOf(state as Decision, votes) : null;
    return { id, state, leftMs, decided };
  }

  async #views(where: string, values: readonly unknown[]): Promise<readonly ApprovalView[]> {
    const text = `${selectApprovals} WHERE ${where}`;
    const { rows } = await this.#pool.query<ApprovalRow>(text, [...values]);
    const opened = await openApprovals(this.#vault, rows);
    return opened.map((row) => viewOf(row, this.#roles));
  }
}

/** All ids that begin with these digits, as a range of the primary key. @throws INPUT_INVALID */
function rangeOf(id: string): readonly [from: string, to: string] {
  const digits = id.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{8,32}$/.test(digits)) {
    throw new EngineError(
      'INPUT_INVALID',
      `'${id.slice(0, 80)}' is no id of an approval; give at least its first 8 digits, as tutti approvals lists them.`,
    );
  }
  return [digits.padEnd(32, '0'), digits.padEnd(32, 'f')];
}

function onlyOne<T>(rows: readonly T[], id: string): T {
  const [row, second] = rows;
  if (row === undefined) throw unknown(id);
  if (second === undefined) return row;
  throw new EngineError(
    'INPUT_INVALID',
    `More than one approval has an id that begins with '${id}'; give more of its digits.`,
  );
}
