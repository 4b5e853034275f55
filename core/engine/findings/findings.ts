import { type RawBuilder, sql } from 'kysely';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import type { TriageState } from '../../ports/db/states.ts';
import { vaultOf } from '../../ports/db/vault.ts';
import { severities } from '../../sdk/severity.ts';
import type { Sight } from '../history/sight.ts';
import type { FindingView } from '../history/views.ts';
import {
  type FindingRow,
  findingColumns,
  findingRows,
  toFinding,
} from '../journal/finding-rows.ts';
import type { Actor } from '../run/request.ts';
import { readPath } from '../run/step.ts';
import { type TriageAsk, type TriageView, unknownFinding, writeTriage } from './triage.ts';

/** A finding with what is to become of it. */
export interface TriagedFinding extends FindingView {
  /** Null for one of a rehearsal: nobody hears of it. */
  readonly triage: TriageView | null;
  /** The first and the last run that found it; null for one of a rehearsal. */
  readonly firstRun: string | null;
  readonly lastRun: string | null;
}

/** A finding in one of the runs that found it. */
export type Occurrence = Pick<
  FindingView,
  'id' | 'runId' | 'stepId' | 'severity' | 'amount' | 'currency' | 'summary'
> & {
  /** When that run was made. */
  readonly at: Date;
};

/** A finding over the runs that found it. */
export interface FindingHistory extends TriagedFinding {
  /** The newest first; at most 200. */
  readonly occurrences: readonly Occurrence[];
}

/** Which findings are listed. */
export interface FindingsAsked {
  /** Those of this run. @default each that is no rehearsal's once, as the last run found it */
  readonly runId?: string | undefined;
  readonly module?: string | undefined;
  readonly severity?: string | undefined;
  readonly company?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: TriageState | undefined;
  /** The last one seen. */
  readonly after?: { readonly runId: string; readonly seq: number } | undefined;
  readonly limit: number;
  /** Of what modules and companies; null: of all. @default all */
  readonly sight?: Sight | undefined;
}

/** A step of a run, by its path. */
export interface AskedStep {
  readonly runId: string;
  readonly path: string;
}

const mostOccurrences = 200;
const mostOfStep = 1_000;

/** Findings over all runs, and what people say of them. Needs no engine. */
export class Findings {
  readonly #database: Pick<Database, 'rowsOf'>;
  readonly #pool: pg.Pool;

  constructor(database: Pick<Database, 'rowsOf' | 'pool'>) {
    this.#database = database;
    this.#pool = database.pool('tutti_engine', 1);
  }

  /** Findings of the newest run first; of one run the worst first, then in its order. */
  async list(tenantId: number, asked: FindingsAsked): Promise<readonly TriagedFinding[]> {
    const rows = await this.#rows<TriagedRow>(tenantId, listSql(tenantId, asked));
    return rows.map(toTriaged);
  }

  /** What steps have found, those of each the worst first, at most 1,000; in the order of the steps. */
  async ofSteps(
    tenantId: number,
    steps: readonly AskedStep[],
    sight?: Sight,
  ): Promise<readonly (readonly TriagedFinding[])[]> {
    const rows = await this.#rows<TriagedRow & { readonly no: number }>(
      tenantId,
      ofStepsSql(tenantId, steps, sight),
    );
    const byStep = Map.groupBy(rows, ({ no }) => no);
    return steps.map((_, index) =>
      (byStep.get(index + 1) ?? []).map(({ no: _no, ...row }) => toTriaged(row)),
    );
  }

  /** A finding, as the last run found it, with its history; the fingerprint may be its first digits. @throws FINDING_UNKNOWN · INPUT_INVALID */
  async find(tenantId: number, fingerprint: string, sight?: Sight): Promise<FindingHistory> {
    const [row, second] = await this.#rows<TriagedRow>(
      tenantId,
      sql`SELECT ${triagedColumns} FROM ${findingRows} WHERE f.tenant_id = ${tenantId} AND ${beginsWith(fingerprint)}
        AND f.run_id = t.last_run ${within(sight)} LIMIT 2`,
    );
    if (!row) throw unknownFinding(fingerprint);
    if (second)
      throw new EngineError(
        'INPUT_INVALID',
        `More than one finding has a fingerprint that begins with '${fingerprint}'; give more of its digits.`,
      );
    const occurrences = await this.#rows<FindingRow & { readonly at: Date }>(
      tenantId,
      sql`SELECT ${findingColumns}, r.created_at AS at FROM ${findingRows} JOIN tutti.run r ON r.tenant_id = f.tenant_id AND r.id = f.run_id
        WHERE f.tenant_id = ${tenantId} AND f.fingerprint = decode(${row.fingerprint}, 'hex') AND NOT f.simulated
        ORDER BY f.run_id DESC LIMIT ${mostOccurrences}`,
    );
    return { ...toTriaged(row), occurrences: occurrences.map(toOccurrence) };
  }

  /** Says what is to become of a finding; the fingerprint may be its first digits. @throws FINDING_UNKNOWN · INPUT_INVALID */
  async triage({ sight, ...ask }: TriageAsk & { readonly sight?: Sight }): Promise<TriageView> {
    const { fingerprint } = await this.find(ask.tenantId, ask.fingerprint, sight);
    return await writeTriage(this.#pool, { ...ask, fingerprint });
  }

  async #rows<T extends FindingRow>(
    tenantId: number,
    query: RawBuilder<unknown>,
  ): Promise<readonly T[]> {
    const rows = await this.#database.rowsOf(tenantId, query as RawBuilder<T>);
    return await vaultOf(this.#database).open(rows, 'body');
  }
}

interface TriagedRow extends FindingRow {
  readonly state: TriageState | null;
  readonly assignee: string | null;
  readonly note: string | null;
  readonly actor: Actor | null;
  readonly saidAt: Date | null;
  readonly firstRun: string | null;
  readonly lastRun: string | null;
}

// A rehearsal's may have the fingerprint of one that is none.
const triagedColumns = sql`${findingColumns}, CASE WHEN NOT f.simulated THEN t.state END AS state, t.assignee, t.note, t.actor, t.at AS said_at,
  t.first_run, t.last_run`;

function toTriaged(row: TriagedRow): TriagedFinding {
  const { state, assignee, note, actor, saidAt, firstRun, lastRun, ...finding } = row;
  const view = toFinding(finding);
  if (state === null) return { ...view, triage: null, firstRun: null, lastRun: null };
  return { ...view, triage: { state, assignee, note, actor, at: saidAt }, firstRun, lastRun };
}

function toOccurrence({ at, ...row }: FindingRow & { readonly at: Date }): Occurrence {
  const { id, runId, stepId, severity, amount, currency, summary } = toFinding(row);
  return { id, runId, at, stepId, severity, amount, currency, summary };
}

// The worst is 1.
const rank = sql`array_position(${[...severities]}::text[], f.severity)`;

/** The newest run's first: found by the index on what triage says of each, one row of `finding` by its primary key. */
function listSql(tenantId: number, asked: FindingsAsked): RawBuilder<unknown> {
  const { runId, module, severity, company, kind, state, after, limit, sight } = asked;
  const where = [
    sql`f.tenant_id = ${tenantId}`,
    runId === undefined ? sql`f.run_id = t.last_run` : sql`f.run_id = ${runId}::uuid`,
    ...(module === undefined ? [] : [sql`f.module = ${module}`]),
    ...(severity === undefined ? [] : [sql`f.severity = ${severity}`]),
    ...(company === undefined ? [] : [sql`f.company = ${company}`]),
    ...(kind === undefined ? [] : [sql`f.kind = ${kind}`]),
    ...(state === undefined ? [] : [sql`t.state = ${state} AND NOT f.simulated`]),
    ...(after === undefined
      ? []
      : [
          sql`(f.run_id < ${after.runId}::uuid OR (f.run_id = ${after.runId}::uuid AND (${rank}, f.seq) >
            (SELECT ${rank}, f.seq FROM tutti.finding f WHERE f.tenant_id = ${tenantId} AND f.run_id = ${after.runId}::uuid AND f.seq = ${after.seq})))`,
        ]),
  ];
  return sql`SELECT ${triagedColumns} FROM ${findingRows} WHERE ${sql.join(where, sql` AND `)} ${within(sight)}
    ORDER BY f.run_id DESC, ${rank}, f.seq LIMIT ${limit}`;
}

/** One step after the other, each found by the index of its run. */
function ofStepsSql(
  tenantId: number,
  steps: readonly AskedStep[],
  sight: Sight | undefined,
): RawBuilder<unknown> {
  const paths = steps.map(({ path }) => readPath(path));
  return sql`SELECT asked.no::int AS no, found.* FROM unnest(${steps.map(({ runId }) => runId)}::uuid[], ${paths.map(({ node }) => node)}::text[],
      ${paths.map(({ itemKey }) => itemKey)}::text[]) WITH ORDINALITY AS asked (run_id, node, item_key, no)
    JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = asked.run_id AND s.node = asked.node AND s.item_key = asked.item_key
    CROSS JOIN LATERAL (SELECT ${triagedColumns} FROM ${findingRows} WHERE f.tenant_id = ${tenantId} AND f.run_id = asked.run_id AND f.step = s.id
      ${within(sight)} ORDER BY ${rank}, f.seq LIMIT ${mostOfStep}) found ORDER BY asked.no`;
}

/** What a reader may see by the module and the company of each finding. */
function within(sight: Sight | undefined): RawBuilder<unknown> {
  const { modules = null, companies = null } = sight ?? {};
  const ofModules = modules ? sql`AND f.module = ANY(${[...modules]}::text[])` : sql``;
  const ofCompanies = companies ? sql`AND f.company = ANY(${[...companies]}::text[])` : sql``;
  return sql`${ofModules} ${ofCompanies}`;
}

/** @throws INPUT_INVALID */
function beginsWith(fingerprint: string): RawBuilder<unknown> {
  if (/^[0-9a-f]{8,64}$/.test(fingerprint)) {
    const [from, to] = [fingerprint.padEnd(64, '0'), fingerprint.padEnd(64, 'f')];
    return sql`f.fingerprint BETWEEN decode(${from}, 'hex') AND decode(${to}, 'hex')`;
  }
  throw new EngineError(
    'INPUT_INVALID',
    `'${fingerprint.slice(0, 80)}' is no fingerprint of a finding; give at least its first 8 digits, as tutti findings --state open lists them.`,
  );
}
