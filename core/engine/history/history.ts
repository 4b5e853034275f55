import { type RawBuilder, sql } from 'kysely';
import { EngineError } from '../../base/errors.ts';
import { isId } from '../../base/ids.ts';
import type { Database } from '../../ports/db/database.ts';
import { bodyText, type Vault, vaultOf } from '../../ports/db/vault.ts';
import {
  type FindingRow,
  findingColumns,
  findingRows,
  toFinding,
} from '../journal/finding-rows.ts';
import {
  type FailureRow,
  type FailureStatistics,
  failuresSince,
  toFailureStatistics,
} from '../recovery/statistics.ts';
import { openGoals } from '../run/goal.ts';
import { pathOf, readPath } from '../run/step.ts';
import { type EntriesAsked, searchEntries } from './entry-search.ts';
import { detailColumns, headColumns, listRuns, type RunsAsked } from './run-list.ts';
import { inSight, type Sight } from './sight.ts';
import type {
  AttemptView,
  EntryView,
  FindingView,
  FoundEntry,
  ProposalView,
  RunDetail,
  RunHead,
  RunSummary,
  StepView,
} from './views.ts';

export type {
  AttemptView,
  EntryView,
  FindingView,
  FoundEntry,
  ProposalView,
  RunDetail,
  RunHead,
  RunSummary,
  StepView,
} from './views.ts';

/** Entries of one read; whoever wants more reads on from the last `seq`. */
export const entriesPerRead = 500;

/**
 * What runs have done, for people and for programs: reads the journal's tables as one tenant, changes nothing, and needs no
 * engine. All rows come back in the order in which they were written, unless a method says otherwise.
 */
export class History {
  readonly #database: Pick<Database, 'rowsOf'>;
  readonly #vault: Vault;

  constructor(database: Pick<Database, 'rowsOf'>) {
    this.#database = database;
    this.#vault = vaultOf(database);
  }

  /** Runs, newest first. `before` is the id of the last one seen. @default limit 50 */
  async runs(tenantId: number, options: RunsAsked = {}): Promise<readonly RunHead[]> {
    const rows = await this.#rows<RunHead>(tenantId, listRuns(tenantId, options));
    return openGoals(this.#vault, rows);
  }

  /** @throws RUN_UNKNOWN also for what is out of sight */
  async head(tenantId: number, runId: string, sight?: Sight): Promise<RunHead> {
    return this.#run<RunHead>({ tenantId, runId, sight }, headColumns);
  }

  /** @throws RUN_UNKNOWN also for what is out of sight */
  async detail(tenantId: number, runId: string, sight?: Sight): Promise<RunDetail> {
    return this.#run<RunDetail>({ tenantId, runId, sight }, detailColumns);
  }

  /** What a run, by its id or as it was read just now, has come to so far; final once it has ended. @throws RUN_UNKNOWN */
  async summary(tenantId: number, run: string | RunHead): Promise<RunSummary> {
    // Read before the rest: a run that had ended by then has all of its rows.
    const head = typeof run === 'string' ? await this.head(tenantId, run) : run;
    const { id: runId, workflow, status, rehearsal, createdAt, endedAt } = head;
    const [row] = await this.#rows<SummaryRow>(tenantId, summaryOf(tenantId, runId));
    const { total, succeeded, failed, skipped, cancelled, degraded, input, output, ...rest } =
      row as SummaryRow;
    return {
      runId,
      workflow,
      status,
      rehearsal,
      steps: { total, succeeded, failed, skipped, cancelled, degraded },
      ...rest,
      tokens: { input, output },
      durationMs: (endedAt ?? new Date()).getTime() - createdAt.getTime(),
    };
  }

  /** What a run has brought: null while it lives, when its workflow brings nothing, and once it has been erased. */
  async output(tenantId: number, runId: string): Promise<unknown> {
    const rows = await this.#rows<{ readonly body: string | null }>(
      tenantId,
      sql`SELECT ${body} AS body FROM tutti.entry e
        JOIN tutti.payload p ON p.tenant_id = e.tenant_id AND p.run_id = e.run_id AND p.seq = e.seq AND p.part = 0
        WHERE e.tenant_id = ${tenantId} AND e.run_id = ${runId}::uuid AND e.kind = 'run.ended' ORDER BY e.seq DESC LIMIT 1`,
    );
    const [row] = await this.#vault.open(rows, 'body');
    return row?.body ? (JSON.parse(row.body) as unknown) : null;
  }

  /** Steps by id; those after `after` only, or just the one at `path`. @default limit none */
  async steps(
    tenantId: number,
    runId: string,
    options: { readonly after?: number; readonly limit?: number; readonly path?: string } = {},
  ): Promise<readonly StepView[]> {
    const { after = -1, limit = null, path } = options;
    const { node, itemKey } = readPath(path ?? '');
    // A path is found by the index of nodes and keys, however many steps there are.
    const which =
      path === undefined
        ? sql`id > ${after} ORDER BY id LIMIT ${limit}`
        : sql`node = ${node} AND item_key = ${itemKey}`;
    return this.#rows<StepView>(
      tenantId,
      sql`SELECT id, node, item_key, kind, agent, status, attempt, crashes, degraded, trust, worker, cost_micro_usd,
          ready_at, started_at, ended_at, error
        FROM tutti.step WHERE tenant_id = ${tenantId} AND run_id = ${runId}::uuid AND ${which}`,
    );
  }

  /** The ended tries of a step, first to last. */
  async attempts(tenantId: number, runId: string, step: number): Promise<readonly AttemptView[]> {
    return this.#rows<AttemptView>(
      tenantId,
      sql`SELECT no, worker, started_at, ended_at, outcome, error, turns FROM tutti.attempt
        WHERE tenant_id = ${tenantId} AND run_id = ${runId}::uuid AND step = ${step} ORDER BY no`,
    );
  }

  /** The entries after a `seq` (0 for all), at most `entriesPerRead` of them or as many as are said; empty when there are none yet. */
  async entries(
    tenantId: number,
    runId: string,
    from: number | { readonly after: number; readonly limit: number },
  ): Promise<readonly EntryView[]> {
    const { after, limit } =
      typeof from === 'number' ? { after: from, limit: entriesPerRead } : from;
    return this.#rows<EntryView>(
      tenantId,
      sql`SELECT seq, step, attempt, kind, at, data FROM tutti.entry
        WHERE tenant_id = ${tenantId} AND run_id = ${runId}::uuid AND seq > ${after} ORDER BY seq LIMIT ${limit}`,
    );
  }

  /** Entries of all runs that fit what is asked, those of the newest run first. @throws RUN_UNKNOWN for a `runId` that is none */
  async search(tenantId: number, asked: EntriesAsked): Promise<readonly FoundEntry[]> {
    if (asked.runId !== undefined) await this.head(tenantId, asked.runId, asked.sight);
    const rows = await this.#rows<FoundRow>(tenantId, searchEntries(tenantId, asked));
    return rows.map(({ node, itemKey, ...entry }) => ({
      ...entry,
      path: node === null ? null : pathOf({ node, itemKey: itemKey ?? '' }),
    }));
  }

  /**
   * The findings of a run. `after` is the `seq` of the last one seen.
   * @default runId the newest run that has ended, else the newest · limit none
   * @throws RUN_UNKNOWN for a `runId` that is none
   */
  async findings(
    tenantId: number,
    options: {
      readonly runId?: string;
      readonly after?: number;
      readonly limit?: number;
      readonly sight?: Sight;
    } = {},
  ): Promise<readonly FindingView[]> {
    const { sight } = options;
    const runId = options.runId
      ? (await this.head(tenantId, options.runId, sight)).id
      : await this.newestRun(tenantId, sight);
    if (runId === null) return [];
    const rows = await this.#rows<FindingRow>(
      tenantId,
      sql`SELECT ${findingColumns} FROM ${findingRows}
        WHERE f.tenant_id = ${tenantId} AND f.run_id = ${runId}::uuid AND f.seq > ${options.after ?? 0}
        ORDER BY f.seq LIMIT ${options.limit ?? null}`,
    );
    return (await this.#vault.open(rows, 'body')).map(toFinding);
  }

  /**
   * The effects that a run proposed and nobody has decided yet, with `all` those that were, too; without a run, all of the tenant's.
   * `after` is the key of the last one seen. @default limit none · all false
   * @throws RUN_UNKNOWN for a `runId` that is none
   */
  async proposals(
    tenantId: number,
    options: {
      readonly runId?: string;
      readonly after?: string;
      readonly limit?: number;
      readonly all?: boolean;
      /** Whose tools. @default those of all modules */
      readonly module?: string;
      readonly sight?: Sight;
    } = {},
  ): Promise<readonly ProposalView[]> {
    const { runId, after, limit, all = false, module, sight } = options;
    if (runId) await this.head(tenantId, runId, sight);
    const seen = sight
      ? sql`AND EXISTS (SELECT 1 FROM tutti.run r WHERE r.tenant_id = e.tenant_id AND r.id = e.run_id ${inSight(sight)})`
      : sql``;
    const named = runId
      ? sql`AND e.key IN (SELECT decode(data->>'key', 'hex') FROM tutti.entry
          WHERE tenant_id = ${tenantId} AND run_id = ${runId}::uuid AND kind = 'effect.proposed')`
      : sql``;
    const own = module ? sql`AND split_part(e.tool, '.', 1) = ${module}` : sql``;
    const onward = after
      ? sql`AND (e.run_id, e.seq) > (SELECT run_id, seq FROM tutti.effect WHERE tenant_id = ${tenantId} AND key = decode(${after}, 'hex'))`
      : sql``;
    const rows = await this.#rows<ProposalRow>(
      tenantId,
      sql`SELECT encode(e.key, 'hex') AS key, e.run_id, e.step AS step_id, e.seq, e.tool, split_part(e.tool, '.', 1) AS module,
          e.actor->>'id' AS agent, e.entity, e.target_id, e.company, e.state, q.id AS approval,
          CASE WHEN e.state <> 'proposed' THEN e.state WHEN q.state IN ('granted', 'expired', 'withdrawn') THEN q.state ELSE 'open' END AS became, d.data->>'rule' AS rule, d.data->'policy' AS policy, ${body} AS body
        FROM tutti.effect e
        LEFT JOIN LATERAL (SELECT id, state FROM tutti.approval a WHERE a.tenant_id = e.tenant_id AND a.effect_key = e.key ORDER BY a.asked_at DESC, a.id DESC LIMIT 1) q ON true
        LEFT JOIN tutti.entry d ON d.tenant_id = e.tenant_id AND d.run_id = e.run_id AND d.seq = e.seq
        LEFT JOIN tutti.payload p ON p.tenant_id = e.tenant_id AND p.run_id = e.run_id AND p.seq = e.seq AND p.part = 0
        WHERE e.tenant_id = ${tenantId} AND (e.state = 'proposed' OR (${all} AND (q.id IS NOT NULL OR e.state = 'refused'))) ${named} ${own} ${onward} ${seen}
        ORDER BY e.run_id, e.seq LIMIT ${limit ?? null}`,
    );
    const opened = await this.#vault.open(rows, 'body');
    return opened.map(({ body, ...row }) => ({
      ...row,
      args: read<{ readonly args: unknown }>(body).args ?? null,
    }));
  }

  /** What failed in the last days, counted in every way that people ask for. */
  async failures(tenantId: number, days: number, sight?: Sight): Promise<FailureStatistics> {
    const since = new Date(Date.now() - days * 86_400_000);
    const rows = await this.#rows<FailureRow>(tenantId, failuresSince(tenantId, since, sight));
    return toFailureStatistics(rows, { days, since });
  }

  /** Id of the newest run that has ended, else of the newest; null when there is none. Rehearsals are left out while there is any other. */
  async newestRun(tenantId: number, sight?: Sight): Promise<string | null> {
    const newest = (of: RawBuilder<unknown>): RawBuilder<unknown> =>
      sql`(SELECT id FROM tutti.run r WHERE tenant_id = ${tenantId} ${of} ${inSight(sight)} ORDER BY id DESC LIMIT 1)`;
    const real = sql`AND NOT coalesce((pins->>'rehearsal')::boolean, false)`;
    const ended = sql`AND ended_at IS NOT NULL`;
    const [row] = await this.#rows<{ readonly id: string | null }>(
      tenantId,
      sql`SELECT coalesce(${newest(sql`${real} ${ended}`)}, ${newest(real)}, ${newest(ended)}, ${newest(sql``)}) AS id`,
    );
    return row?.id ?? null;
  }

  async #run<T extends RunHead>(
    of: { readonly tenantId: number; readonly runId: string; readonly sight: Sight | undefined },
    columns: RawBuilder<unknown>,
  ): Promise<T> {
    const { tenantId, runId, sight } = of;
    const rows = isId(runId)
      ? await this.#rows<T>(
          tenantId,
          sql`SELECT ${columns} FROM tutti.run r WHERE r.tenant_id = ${tenantId} AND r.id = ${runId}::uuid ${inSight(sight)}`,
        )
      : [];
    const [row] = await openGoals(this.#vault, rows);
    if (row) return row;
    throw new EngineError(
      'RUN_UNKNOWN',
      `There is no run '${runId.slice(0, 64)}'; list the runs to find its id.`,
    );
  }

  async #rows<T>(tenantId: number, query: RawBuilder<unknown>): Promise<readonly T[]> {
    return this.#database.rowsOf(tenantId, query as RawBuilder<T>);
  }
}

type SummaryRow = Pick<
  RunSummary,
  | 'agents'
  | 'modules'
  | 'toolCalls'
  | 'recordsRead'
  | 'proposals'
  | 'observed'
  | 'costMicroUsd'
  | 'findings'
> & { readonly total: number; readonly succeeded: number; readonly failed: number } & {
  readonly skipped: number;
  readonly cancelled: number;
  readonly degraded: number;
  readonly input: number;
  readonly output: number;
};
type FoundRow = Omit<FoundEntry, 'path'> & {
  readonly node: string | null;
  readonly itemKey: string | null;
};
type ProposalRow = Omit<ProposalView, 'args'> & { readonly body: string | null };

/** One statement, one snapshot: the counts fit each other while the run goes on. */
function summaryOf(tenantId: number, runId: string): RawBuilder<unknown> {
  const own = sql`tenant_id = ${tenantId} AND run_id = ${runId}::uuid`;
  return sql`WITH steps AS (SELECT count(*)::int AS total, count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
      count(*) FILTER (WHERE status = 'failed')::int AS failed, count(*) FILTER (WHERE status = 'skipped')::int AS skipped,
      count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled,
      count(*) FILTER (WHERE degraded)::int AS degraded,
      count(*) FILTER (WHERE kind IN ('task', 'reduce') AND attempt >= 1)::int AS agents,
      coalesce(array_agg(DISTINCT split_part(agent, '.', 1) ORDER BY split_part(agent, '.', 1))
        FILTER (WHERE agent IS NOT NULL AND attempt >= 1), '{}') AS modules
      FROM tutti.step WHERE ${own}),
    entries AS (SELECT count(*) FILTER (WHERE kind = 'tool.called')::int AS tool_calls,
      coalesce(sum((data->>'records')::bigint) FILTER (WHERE kind = 'tool.called'), 0)::bigint AS records_read,
      count(DISTINCT data->>'key') FILTER (WHERE kind = 'effect.proposed')::int AS proposals,
      count(DISTINCT data->>'key') FILTER (WHERE kind = 'effect.observed')::int AS observed
      FROM tutti.entry WHERE ${own}),
    money AS (SELECT coalesce(sum(cost_micro_usd), 0)::bigint AS cost_micro_usd,
      coalesce(sum((tokens->>'input')::bigint), 0)::bigint AS input, coalesce(sum((tokens->>'output')::bigint), 0)::bigint AS output
      FROM tutti.ledger WHERE ${own}),
    found AS (SELECT count(*)::int AS findings FROM tutti.finding WHERE ${own})
    SELECT * FROM steps, entries, money, found`;
}

/** A payload's JSON; nothing once it has been erased. */
function read<T>(body: string | null): Partial<T> {
  return body === null ? {} : (JSON.parse(body) as T);
}

/** The body of a payload `p`. */
const body = sql.raw(bodyText('p'));
