import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { digest, newId } from '../../base/ids.ts';
import { journalVersion } from '../../ports/db/journal-version.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { bodyText, newKeysSql, type RunKeys, type Vault, vaultOf } from '../../ports/db/vault.ts';
import type { EffectApproval, EffectRecord, Verdict } from '../../ports/dispatcher.ts';
import type { PresentModules } from '../../ports/module-code.ts';
import type { RecordedTurn } from '../../ports/recorded-turn.ts';
import type { WorkflowData } from '../../sdk/node.ts';
import type { RegisteredWorkflow } from '../../sdk/registry.ts';
import { readSteps, type StoredSteps } from '../adoption/stored-steps.ts';
import { startAudit } from '../audit/start.ts';
import { type OrphanRow, toJsonb } from '../journal/rows.ts';
import { noDay } from '../limits/purse.ts';
import type { PurseState } from '../limits/warnings.ts';
import { type Goal, openGoals } from '../run/goal.ts';
import type { Pinned } from '../run/pinned.ts';
import { pinsOf, type RunRequest, usualPriority } from '../run/request.ts';
import type { RunStatus } from '../run/states.ts';
import { readPath } from '../run/step.ts';
import { Definitions } from '../versions/definitions.ts';
import { conversationOf, type SpokenRow, toTurns } from './conversation.ts';
import { knownRun } from './known-run.ts';
import { type OpenedPurse, openPurses } from './purses.ts';
import { endRunSql, endValues, type RunEnd } from './run-end.ts';
import { claimSql, type RunRow, runColumns } from './run-row.ts';
import { storedInput } from './stored-input.ts';

export type { OpenStep, StoredSteps } from '../adoption/stored-steps.ts';
export type { Actor, RunRequest } from '../run/request.ts';
export type { RunRow } from './run-row.ts';

/** What a run is stored with, beside what is asked for. */
export interface RunIdentity {
  /** What its workflow's agents, tools and policies declare. */
  readonly declared?: Pinned;
  /** @default it has none */
  readonly goal?: Goal | null;
  /** @default a new one */
  readonly id?: string;
  /** The approval that it carries out, which names it from then on. @default it carries out none */
  readonly approval?: string;
  /** The transaction that it is part of. @default one of its own */
  readonly within?: Queryable;
}

// A run that an older release has stored for an approval without naming it there is found by its key.
const namedSql = `UPDATE tutti.approval a SET apply_run = r.id
  FROM (SELECT id FROM made UNION ALL SELECT id FROM tutti.run WHERE tenant_id = $1 AND workflow = $3 AND key = $7) r
  WHERE a.tenant_id = $1 AND a.id =`;

/** Entries that move a run's state; folding them in order rebuilds it. */
const historyKinds = [
  'run.created',
  'run.cancelling',
  'run.aborted',
  'run.paused',
  'run.resumed',
  'run.reprioritized',
  'run.repinned',
  'foreach.expanded',
  'gate.decided',
  'switch.decided',
  'compute.done',
  'step.succeeded',
  'step.failed',
  'step.skipped',
  'step.retrying',
  'step.escalated',
  'step.waiting',
  'step.cancelling',
  'step.cancelled',
  'batch.planned',
  'batch.submitted',
  'batch.ended',
];

/** An entry as a new owner reads it back. */
export interface HistoryEntry {
  readonly seq: number;
  readonly step: number | null;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body: string | null;
}

/** The statements about whole runs; the hot path of their steps is the journal's. All on the pool of `tutti_engine`. */
export class Store {
  readonly #pool: pg.Pool;
  readonly #vault: Vault;
  /** Versions of workflows. */
  readonly definitions: Definitions;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#vault = vaultOf(pool);
    this.definitions = new Definitions(pool);
  }

  /** Stores a workflow: the same data again is the same version. Returns the version. */
  async publishWorkflow(
    tenantId: number,
    workflow: Pick<RegisteredWorkflow, 'data' | 'module' | 'digest'>,
  ): Promise<number> {
    return (await this.definitions.store(tenantId, workflow)).version;
  }

  async workflowVersion(tenantId: number, name: string, version: number): Promise<WorkflowData> {
    return (await this.definitions.version(tenantId, name, version)).data;
  }

  /**
   * Stores a run as queued, with its input and its goal as bodies of the first entry. The same `id` again, because the answer was lost, finds what is stored.
   * @throws KEY_REUSED when the key belongs to something else than is asked for: known-run.ts
   */
  async createRun(
    request: RunRequest,
    version: number,
    { declared, goal, id = newId(), approval, within: queryable = this.#pool }: RunIdentity = {},
  ): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const body = Buffer.from(JSON.stringify(request.input ?? {}));
    const hash = digest(request.input ?? {});
    const pins = pinsOf(request, hash.toString('hex'), {
      ...(declared && { declared }),
      goal: goal ?? null,
    });
    const words = goal ? Buffer.from(JSON.stringify(goal.text)) : null;
    const keys = await this.#vault.newKeys({ tenantId: request.tenantId, id });
    const input = storedInput(keys, { body, hash });
    const said = words && storedInput(keys, { body: words, hash: digest(goal?.text), part: 1 });
    const result = await queryable.query(
      `WITH made AS (INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, key, company, business_date, time_zone, status, priority, actor, parent_run_id, parent_step)
         VALUES ($1, $2, $3, $4, $5::jsonb || tutti.pinned_policies($1), $6::smallint, $7, $8, $9, $10, 'queued', $11, $12, $16, $17) ON CONFLICT DO NOTHING RETURNING id, tenant_id, id AS run_id),
       entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) SELECT $1, id, 1, 'run.created', jsonb_build_object('workflow', $3::text, 'version', $4::int, 'journal', $6::smallint, 'priority', $11::int) FROM made),
       feeds AS (INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) SELECT $1, id, 1, 1 FROM made),
       payloads AS (INSERT INTO tutti.payload (tenant_id, run_id, seq, part, class, encoding, key_id, sha256, size, body)
         SELECT $1, id, 1, part, 'input', 'json', key_id, sha256, length(body), body FROM made,
           (VALUES (0, $13::bytea, $14::int, $15::bytea), (1, $23, $24, $25)) p (part, sha256, key_id, body) WHERE body IS NOT NULL)
         ${keys ? `, keys AS (${newKeysSql('made', 26)})` : ''}
         ${approval === undefined ? '' : `, named AS (${namedSql} $${26 + (keys?.columns.length ?? 0)})`}
       SELECT CASE WHEN $18 THEN tutti.append_audit($1, $19, $20, $21, $22) END FROM made`,
      [
        request.tenantId,
        id,
        request.workflow,
        version,
        toJsonb(pins),
        journalVersion,
        request.key ?? null,
        request.company ?? null,
        request.businessDate,
        request.timeZone,
        request.priority ?? usualPriority,
        toJsonb(request.actor),
        ...[input.hash, input.keyId, input.body],
        ...[request.parent?.runId ?? null, request.parent?.step ?? null],
        ...startAudit(request, id, version),
        ...[said?.hash ?? null, said?.keyId ?? null, said?.body ?? null],
        ...(keys?.columns ?? []),
        ...(approval === undefined ? [] : [approval]),
      ],
    );
    if (result.rowCount === 1) return { id, isNew: true };
    const known = await knownRun(queryable, { request, pins, id });
    return { id: known, isNew: known === id };
  }

  /**
   * Takes up to `limit` runs that nobody owns. Of modules that were loaded while Tutti runs only those that are `present` as the table has them
   * now, however old the caller's last look at it is, but for runs that somebody has cancelled. From now on an older release leaves them
   * alone: it would not know our entries.
   */
  async claim(
    boot: string,
    limit: number,
    present: PresentModules | null = null,
  ): Promise<readonly RunRow[]> {
    const loaded = present?.loaded.map(({ name, generation }) => `${name} ${generation}`);
    const result = await this.#pool.query<RunRow>({
      name: 'claim',
      text: claimSql,
      values: [boot, limit, journalVersion, loaded ?? null, present?.configured ?? null],
    });
    return result.rows;
  }

  /** A claimed run's row as its owner reads it, and the keys that its bodies are sealed with; null: they are not. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
  async opened(row: RunRow): Promise<{ readonly row: RunRow; readonly keys: RunKeys | null }> {
    const [opened] = await openGoals(this.#vault, [row]);
    const keys = await this.#vault.keysOf({ tenantId: row.tenant_id, id: row.id });
    return { row: opened as RunRow, keys };
  }

  /** Runs that an engine owns beside those that it knows: the answer of the claim that took them was lost. Changes nothing, however late it arrives. */
  async unheard(boot: string, known: readonly string[]): Promise<readonly RunRow[]> {
    const result = await this.#pool.query<RunRow>(
      `SELECT ${runColumns}, r.status FROM tutti.run r WHERE r.owner = $1 AND r.ended_at IS NULL AND r.id <> ALL ($2::uuid[])`,
      [boot, known],
    );
    return result.rows;
  }

  /** Ends a run that cannot be taken up; nothing where it is no longer the engine's, which another one may be able to go on with. */
  async endRun(row: Pick<RunRow, 'tenant_id' | 'id'>, boot: string, end: RunEnd): Promise<void> {
    await this.#pool.query(endRunSql, [row.tenant_id, row.id, boot, ...endValues(end)]);
  }

  /** The number of a run's last entry. */
  async lastSeq({ tenant_id, id }: Pick<RunRow, 'tenant_id' | 'id'>): Promise<number> {
    const text =
      'SELECT coalesce(max(seq), 0) AS seq FROM tutti.entry WHERE tenant_id = $1 AND run_id = $2';
    const { rows } = await this.#pool.query<{ seq: number }>(text, [tenant_id, id]);
    return rows[0]?.seq ?? 0;
  }

  /**
   * What a new owner folds: the entries that move the run's state, with their bodies, in order of `seq`. Each body is looked up by its
   * key and not joined: without statistics a join compares every entry with every payload (of 20,000 steps it did not end within the 30 s of a statement).
   */
  async history(tenantId: number, runId: string): Promise<readonly HistoryEntry[]> {
    const result = await this.#pool.query<HistoryEntry>(
      `SELECT e.seq, e.step, e.kind, e.data, (SELECT ${bodyText('p')} FROM tutti.payload p
         WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.seq = coalesce((e.data->>'outputSeq')::bigint, e.seq) AND p.part = 0) AS body FROM tutti.entry e
       WHERE e.tenant_id = $1 AND e.run_id = $2 AND e.kind = ANY ($3) ORDER BY e.seq`,
      [tenantId, runId, historyKinds],
    );
    return this.#vault.open(result.rows, 'body');
  }

  /** What a run's steps have been through. */
  steps(tenantId: number, runId: string): Promise<StoredSteps> {
    return readSteps(this.#pool, { tenantId, runId });
  }

  /** The conversation that a step has had with its model since it was last begun anew: it need not be paid for again. */
  async conversation(
    tenantId: number,
    runId: string,
    step: number,
  ): Promise<readonly RecordedTurn[]> {
    const { rows } = await this.#pool.query<SpokenRow>(conversationOf, [tenantId, runId, step]);
    return toTurns(await this.#vault.open(rows, 'body'));
  }

  /**
   * Settles model calls that a dead engine had reserved at their full bound: the provider may have billed them. Calls in batches are not
   * lost. Under the fence of a flush, and up to the last entry that the new owner has found: neither an engine that stood still since its
   * claim, nor this statement itself, however late it arrives, may settle a call that is under way again.
   */
  async settleOrphans(
    {
      tenant_id,
      id,
      workflow,
      pins,
    }: Pick<RunRow, 'tenant_id' | 'id' | 'workflow'> & Partial<Pick<RunRow, 'pins'>>,
    { boot, upToSeq }: { readonly boot: string; readonly upToSeq: number },
  ): Promise<readonly OrphanRow[]> {
    const { rows } = await this.#pool.query<OrphanRow>(
      `WITH fence AS MATERIALIZED (SELECT FROM tutti.engine WHERE id = $4 AND state <> 'gone' FOR KEY SHARE),
       orphan AS (UPDATE tutti.ledger l SET state = 'estimated', cost_micro_usd = l.reserved_micro_usd FROM fence, tutti.entry e
         WHERE l.tenant_id = $1 AND l.run_id = $2 AND l.seq <= $5 AND l.state = 'reserved' AND e.tenant_id = $1 AND e.run_id = $2 AND e.seq = l.seq
           AND (NOT l.batch OR NOT EXISTS (SELECT FROM tutti.step w WHERE w.tenant_id = $1 AND w.run_id = $2 AND w.id = l.step AND w.wait = 'batch'))
         RETURNING l.step, l.model, l.simulated, l.reserved_micro_usd AS amount, e.data->>'module' AS module, CASE WHEN l.simulated THEN 'simulated ' ELSE '' END AS mark,
           coalesce((e.data->>'period')::date, (e.at AT TIME ZONE 'UTC')::date) AS period),
       steps AS (UPDATE tutti.step s SET cost_micro_usd = s.cost_micro_usd + o.amount
         FROM (SELECT step, sum(amount) AS amount FROM orphan GROUP BY 1) o WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.id = o.step RETURNING 1),
       owed AS (SELECT o.mark || v.scope AS scope, v.period, sum(o.amount) AS amount FROM orphan o
         JOIN tutti.step s ON s.tenant_id = $1 AND s.run_id = $2 AND s.id = o.step
         CROSS JOIN LATERAL (SELECT unnest(ARRAY['tenant', 'workflow:' || $3, 'module:' || coalesce(o.module, split_part(s.agent, '.', 1))]) AS scope, o.period
           UNION ALL SELECT 'run:' || unnest($6::text[]), '${noDay}'::date) v GROUP BY 1, 2),
       held AS MATERIALIZED (SELECT b.tenant_id, b.scope, b.period, owed.amount FROM tutti.budget b JOIN owed ON b.scope = owed.scope AND b.period = owed.period
         WHERE b.tenant_id = $1 ORDER BY 1, 2, 3 FOR NO KEY UPDATE OF b),
       paid AS (UPDATE tutti.budget b SET reserved_micro_usd = b.reserved_micro_usd - h.amount, settled_micro_usd = b.settled_micro_usd + h.amount
         FROM held h WHERE b.tenant_id = h.tenant_id AND b.scope = h.scope AND b.period = h.period)
       SELECT model, coalesce(module, '') AS module, amount, simulated FROM orphan`,
      [
        ...[tenant_id, id, pins?.delegated?.workflow ?? workflow, boot, upToSeq],
        // Where it has a purse of its own that others pay from: there is no such row otherwise.
        [id, ...Object.keys(pins?.purses ?? {})],
      ],
    );
    return rows;
  }

  /** What an effect's key has led to; `approval`: what has become of the question about it. */
  async effect(
    tenantId: number,
    key: string,
    approval: EffectApproval | null = null,
  ): Promise<EffectRecord | null> {
    const result = await this.#pool.query<
      Pick<EffectRecord, 'state' | 'outcome'> & {
        readonly contract: string;
        readonly binds: NonNullable<EffectRecord['binds']> | null;
        readonly args_sha256: Buffer;
        readonly age_ms: number | null;
        readonly verdict: Verdict | null;
      }
    >(
      `SELECT state, args_sha256, encode(contract, 'hex') AS contract, binds, outcome, review->>'verdict' AS verdict,
         (extract(epoch FROM now() - greatest(started_at, ended_at)) * 1000)::float8 AS age_ms
       FROM tutti.effect WHERE tenant_id = $1 AND key = $2`,
      [tenantId, Buffer.from(key, 'hex')],
    );
    const row = result.rows[0];
    if (!row) return null;
    return {
      state: row.state,
      argsSha256: row.args_sha256.toString('hex'),
      outcome: row.outcome,
      contract: row.contract,
      binds: row.binds,
      ...(approval && { approval }),
      ...(row.age_ms !== null && { ageMs: row.age_ms }),
      ...(row.verdict !== null && { verdict: row.verdict }),
    };
  }

  /** Opens the purses of a day, or of none, that all engines share; one that is open keeps its limit. Returns what each holds, reserved and settled. */
  openBudgets(
    tenantId: number,
    purses: readonly OpenedPurse[],
    period: string,
  ): Promise<ReadonlyMap<string, PurseState>> {
    return openPurses(this.#pool, { tenantId, period }, purses);
  }

  /** A run's row, or null when there is none. */
  async run(tenantId: number, runId: string): Promise<RunRow | null> {
    const { rows } = await this.#pool.query<RunRow>(
      `SELECT ${runColumns}, r.status FROM tutti.run r WHERE r.tenant_id = $1 AND r.id = $2`,
      [tenantId, runId],
    );
    return (await openGoals(this.#vault, rows))[0] ?? null;
  }

  /** The status of a run, or null when there is none. */
  async runStatus(tenantId: number, runId: string): Promise<RunStatus | null> {
    const text = 'SELECT status FROM tutti.run WHERE tenant_id = $1 AND id = $2';
    const { rows } = await this.#pool.query<{ status: RunStatus }>(text, [tenantId, runId]);
    return rows[0]?.status ?? null;
  }

  /** Unfinished runs that a newer release has written: this one does not touch them. */
  async newerRuns(): Promise<number> {
    const text =
      'SELECT count(*)::int AS count FROM tutti.run WHERE ended_at IS NULL AND journal_v > $1';
    const { rows } = await this.#pool.query<{ count: number }>(text, [journalVersion]);
    return rows[0]?.count ?? 0;
  }

  /** @throws JOURNAL_NEWER when a newer release has written the run, which this one might misread */
  async checkReadable(tenantId: number, runId: string): Promise<void> {
    const text = 'SELECT journal_v FROM tutti.run WHERE tenant_id = $1 AND id = $2';
    const { rows } = await this.#pool.query<{ journal_v: number }>(text, [tenantId, runId]);
    const found = rows[0]?.journal_v ?? 0;
    if (found <= journalVersion) return;
    throw new EngineError(
      'JOURNAL_NEWER',
      `Run ${runId} was written by a newer Tutti (journal ${found}; this one reads up to ${journalVersion}). It is left untouched; go on with the newer release.`,
    );
  }

  /** The number of the step at a path such as `match/check[V-17]`. */
  async stepAt(tenantId: number, runId: string, path: string): Promise<number | undefined> {
    const { node, itemKey } = readPath(path);
    const result = await this.#pool.query<{ id: number }>(
      'SELECT id FROM tutti.step WHERE tenant_id = $1 AND run_id = $2 AND node = $3 AND item_key = $4',
      [tenantId, runId, node, itemKey],
    );
    return result.rows[0]?.id;
  }

  /** The tenant of a slug, made when it is new. */
  async tenant(slug: string): Promise<number> {
    const result = await this.#pool.query<{ id: number }>(
      `INSERT INTO tutti.tenant (slug) VALUES ($1) ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug RETURNING id`,
      [slug],
    );
    return (result.rows[0] as { id: number }).id;
  }
}
