import type pg from 'pg';
import { type Clock, systemClock } from '../../base/clock.ts';
import {
  EngineError,
  type ErrorData,
  fromErrorData,
  isEngineError,
  toErrorData,
} from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Database } from '../../ports/db/database.ts';
import { toJsonb } from '../journal/rows.ts';
import { deadlineSql } from '../run/deadline-of.ts';
import { isTerminal, type RunStatus } from '../run/states.ts';
import type { Inbox, Message, SteerKind } from '../store/inbox.ts';
import type { Store } from '../store/store.ts';
import type { Explainer, Question } from './explainer.ts';
import {
  type AwaitedEffect,
  type ExplainedRun,
  type Explanation,
  momentOf,
} from './explanation.ts';
import { explainFromRows, type KnownRun } from './from-rows.ts';
import { PastReader } from './past.ts';

/** Who asks what of which run. */
export interface ExplainAsk {
  readonly tenantId: number;
  readonly runId: string;
  /** The path of one step. @default all that wait */
  readonly step?: string | undefined;
  /** How many steps are told of, 1 to `mostTold`. @default usuallyTold */
  readonly limit?: number | undefined;
}

/** What explanations are asked for and given with. */
export interface ExplanationParts {
  readonly database: Pick<Database, 'kysely'>;
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly clock?: Clock;
  /** The engine of this process, once it runs. @default there is none */
  readonly own?: () => Explainer | null;
}

/** What a run's owner has answered: an explanation, or why there is none. */
type Answer = { readonly told: Explanation } | { readonly error: ErrorData };

/** How long an owner has to answer, ms: it reads its inbox once a second. */
const patienceMs = 3_000;
/** How often the answer is looked for meanwhile, ms. */
const lookMs = 100;
/** Answers that nobody has fetched are deleted after this long, ms. */
const keptMs = 60_000;

/**
 * Explanations across processes. The owner of a run answers: this process's engine from memory; another one by a row, after a
 * message in its inbox. What nobody answers, the rows tell as far as they know.
 */
export class Explanations {
  readonly #parts: ExplanationParts;
  readonly #clock: Clock;
  readonly #past: PastReader;
  /** Messages that are being answered. */
  readonly #answering = new Set<number>();
  /** When answers that may have been left should go; null: none was given. */
  #sweepAt: number | null = 0;

  constructor(parts: ExplanationParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#past = new PastReader(parts.database, this.#clock);
  }

  /** What the waiting steps of a run wait for, and when they should start. @throws RUN_UNKNOWN · STEP_UNKNOWN · DB_* */
  async explain(ask: ExplainAsk): Promise<ExplainedRun> {
    const run = await this.#known(ask);
    const told = await this.#explain(ask, run);
    return { ...told, deadlineAt: momentOf(run.deadlineAt) };
  }

  async #explain(ask: ExplainAsk, run: KnownRun): Promise<Explanation> {
    if (isTerminal(run.status)) return endedRun(run);
    const own = await this.#own(ask);
    if (own) return own;
    if (!run.isOwned) return this.#fromRows(ask, run, 'No engine owns the run now.');
    const answer = await this.#askOwner(ask);
    if (answer) return answer;
    return this.#fromRows(
      ask,
      run,
      `The engine that owns the run has not answered within ${patienceMs / 1_000} s.`,
    );
  }

  /** Answers, beside everything else, the questions among the messages to this engine's runs; returns the other messages. @throws DB_* */
  async answer(messages: readonly Message[]): Promise<readonly Message<SteerKind>[]> {
    const others: Message<SteerKind>[] = [];
    for (const message of messages) {
      if (isSteering(message)) others.push(message);
      else if (!this.#answering.has(message.id)) void this.#begin(message);
    }
    await this.#sweep();
    return others;
  }

  /** What fails because of the database is answered at the next look. */
  async #begin(message: Message): Promise<void> {
    this.#answering.add(message.id);
    try {
      await this.#answer(message);
    } catch {
      // The question is still in the inbox.
    } finally {
      this.#answering.delete(message.id);
    }
  }

  async #own({ tenantId, runId, step, limit }: ExplainAsk): Promise<Explanation | null> {
    const own = this.#parts.own?.();
    if (!own?.owns(runId)) return null;
    const [past, outside] = await Promise.all([
      this.#past.of(tenantId),
      this.#outside(tenantId, runId),
    ]);
    return own.explain(runId, { step, limit, past, ...outside });
  }

  async #answer({ id, tenant_id: tenantId, run_id: runId, dedupe, data }: Message): Promise<void> {
    const { pool } = this.#parts;
    const { path: step, limit } = data;
    const answer = await this.#own({ tenantId, runId, step, limit }).then(
      (told): Answer | null => told && { told },
      (error: unknown): Answer => {
        if (!isEngineError(error) || error.code.startsWith('DB_')) throw error;
        return { error: toErrorData(error) };
      },
    );
    // A run that is not in memory yet will be at the next look.
    if (!answer) return;
    await pool.query(
      `WITH taken AS (DELETE FROM tutti.inbox WHERE id = $1)
       INSERT INTO tutti.explanation (id, tenant_id, run_id, data) VALUES ($2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [id, dedupe, tenantId, runId, toJsonb(answer)],
    );
    this.#sweepAt ??= this.#clock.monotonic() + keptMs;
  }

  /** Deletes what nobody has fetched, a while after something was answered, and once when an engine starts. */
  async #sweep(): Promise<void> {
    if (this.#sweepAt === null || this.#clock.monotonic() < this.#sweepAt) return;
    this.#sweepAt = null;
    await this.#parts.pool.query(
      `WITH unread AS (DELETE FROM tutti.inbox WHERE kind = 'explain' AND at < now() - interval '1 minute')
       DELETE FROM tutti.explanation WHERE at < now() - interval '1 minute'`,
    );
  }

  async #askOwner(ask: ExplainAsk): Promise<Explanation | null> {
    const { inbox, pool } = this.#parts;
    const { tenantId, runId, step, limit } = ask;
    const id = newId();
    const data = {
      ...(step !== undefined && { path: step }),
      ...(limit !== undefined && { limit }),
    };
    const actor = { kind: 'key', id: 'explain' } as const;
    await inbox.send({ tenantId, runId, kind: 'explain', dedupe: id, data, actor });
    const until = this.#clock.monotonic() + patienceMs;
    while (this.#clock.monotonic() < until) {
      await new Promise<void>((resolve) => this.#clock.after(lookMs, resolve));
      const { rows } = await pool.query<{ data: Answer }>(
        'DELETE FROM tutti.explanation WHERE id = $1 RETURNING data',
        [id],
      );
      const [row] = rows;
      if (!row) continue;
      if ('error' in row.data) throw fromErrorData(row.data.error);
      return row.data.told;
    }
    await pool.query(
      'DELETE FROM tutti.inbox WHERE tenant_id = $1 AND run_id = $2 AND dedupe = $3',
      [tenantId, runId, id],
    );
    return null;
  }

  async #fromRows(ask: ExplainAsk, run: KnownRun, note: string): Promise<Explanation> {
    if (ask.step !== undefined) await this.#checkStep(ask);
    const { tenantId, runId, step, limit } = ask;
    const outside = await this.#outside(tenantId, runId);
    return explainFromRows(this.#parts, run, { step, limit, note, ...outside });
  }

  async #known({ tenantId, runId }: ExplainAsk): Promise<KnownRun> {
    const { rows } = await this.#parts.pool.query<{
      status: RunStatus;
      workflow: string;
      version: number;
      owned: boolean;
      deadline: Date | null;
    }>(
      `SELECT r.status, r.workflow, r.workflow_version AS version, ${deadlineSql} AS deadline, coalesce(e.state <> 'gone' AND e.lease_until > now(), false) AS owned
       FROM tutti.run r LEFT JOIN tutti.engine e ON e.id = r.owner WHERE r.tenant_id = $1 AND r.id = $2`,
      [tenantId, runId],
    );
    const [row] = rows;
    if (!row) throw new EngineError('RUN_UNKNOWN', `There is no run ${runId}.`);
    const { owned: isOwned, deadline, ...known } = row;
    const deadlineAt = deadline?.getTime() ?? null;
    return { tenantId, id: runId, ...known, isOwned, deadlineAt };
  }

  /** @throws STEP_UNKNOWN */
  async #checkStep({ tenantId, runId, step = '' }: ExplainAsk): Promise<void> {
    if ((await this.#parts.store.stepAt(tenantId, runId, step)) === undefined)
      throw new EngineError('STEP_UNKNOWN', `Run ${runId} has no step '${step}'.`);
  }

  /** What steps wait for that others have: effects, and runs that they have started. */
  async #outside(
    tenantId: number,
    runId: string,
  ): Promise<Required<Pick<Question, 'effects' | 'runs'>>> {
    const [effects, runs] = await Promise.all([
      this.#effects(tenantId, runId),
      this.#runs(tenantId, runId),
    ]);
    return { effects, runs };
  }

  /** What steps have started and has not ended, by step. */
  async #runs(tenantId: number, runId: string): Promise<ReadonlyMap<number, readonly string[]>> {
    const { rows } = await this.#parts.pool.query<{ step: number; ids: readonly string[] }>(
      `SELECT parent_step AS step, array_agg(id::text ORDER BY id) AS ids FROM tutti.run
       WHERE tenant_id = $1 AND parent_run_id = $2 AND ended_at IS NULL GROUP BY 1`,
      [tenantId, runId],
    );
    return new Map(rows.map(({ step, ids }) => [step, ids]));
  }

  /** Effects that steps wait for people to settle or approve, by step. */
  async #effects(tenantId: number, runId: string): Promise<ReadonlyMap<number, AwaitedEffect>> {
    const { rows } = await this.#parts.pool.query<AwaitedEffect & { readonly step: number }>(
      `SELECT e.step, e.data->>'key' AS key, p.data->'policy' AS policy FROM tutti.step s JOIN tutti.entry e ON e.tenant_id = s.tenant_id AND e.run_id = s.run_id AND e.step = s.id
       LEFT JOIN tutti.effect f ON f.tenant_id = e.tenant_id AND f.key = decode(e.data->>'key', 'hex')
       LEFT JOIN tutti.entry p ON p.tenant_id = f.tenant_id AND p.run_id = f.run_id AND p.seq = f.seq
       WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.wait IN ('review', 'approval') AND e.kind = 'step.waiting' AND e.data ? 'key' ORDER BY e.seq`,
      [tenantId, runId],
    );
    return new Map(rows.map(({ step, ...effect }) => [step, effect]));
  }
}

function isSteering(message: Message): message is Message<SteerKind> {
  return message.kind !== 'explain';
}

function endedRun({ id: runId, status }: KnownRun): Explanation {
  const at = momentOf(Date.now()) as string;
  const note = 'The run has ended: nothing of it waits.';
  const nothing = { endAt: null, bottleneck: null, steps: [], more: 0 };
  return { runId, status, at, source: 'rows', note, ...nothing };
}
