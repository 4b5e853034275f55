import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { History } from '../../engine/history/history.ts';
import type { FindingView, ProposalView, RunHead, RunSummary } from '../../engine/history/views.ts';
import { pathOf } from '../../engine/run/step.ts';
import { severityRank } from '../../sdk/severity.ts';
import { type CurrencySum, sumAmounts } from './record.ts';

/** A step that failed for good. */
export interface FailedStep {
  /** `match/check[V-17]` */
  readonly path: string;
  readonly agent: string | null;
  readonly code: string;
}

/** What a night brought, and what changed since the one before. */
export interface MorningReport {
  readonly head: RunHead;
  readonly summary: RunSummary;
  /** The night that it is compared with; null: there was none. */
  readonly since: { readonly head: RunHead; readonly summary: RunSummary } | null;
  /** Not found by the night before; `known` ones were found earlier and are back. */
  readonly newFindings: readonly FindingView[];
  /** Found by the night before and not by this one, whose agent looked. */
  readonly goneFindings: readonly FindingView[];
  /** Found by both. */
  readonly openFindings: readonly FindingView[];
  /** Found by the night before, by agents that did not get through tonight: nobody knows. */
  readonly uncheckedFindings: readonly FindingView[];
  readonly newProposals: readonly ProposalView[];
  /** Proposals that wait for people, earlier ones included. */
  readonly waitingProposals: number;
  readonly failedSteps: readonly FailedStep[];
}

/** Where reports come from. */
export interface ReportSources {
  readonly history: Pick<History, 'head' | 'summary' | 'steps' | 'findings' | 'proposals'>;
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
}

/** Which night, and what it is compared with. */
export interface ReportAsked {
  readonly tenantId: number;
  readonly runId: string;
  /** @default the newest night before it that got through: of the same workflow and company, no rehearsal */
  readonly since?: string | undefined;
}

/** Compares a night with the one before, finding by finding. @throws RUN_UNKNOWN · INPUT_INVALID for a night that is compared with itself */
export async function readMorningReport(
  { history, pool }: ReportSources,
  { tenantId, runId, since }: ReportAsked,
): Promise<MorningReport> {
  const head = await history.head(tenantId, runId);
  const summary = await history.summary(tenantId, head);
  const earlier = since === undefined ? await nightBefore(pool, tenantId, head) : since;
  const other = earlier === null ? null : await history.head(tenantId, earlier);
  if (other?.id === head.id) {
    throw new EngineError('INPUT_INVALID', 'A night is compared with another one; name that.');
  }
  const found = await history.findings(tenantId, { runId: head.id });
  const before = other ? await history.findings(tenantId, { runId: other.id }) : [];
  const steps = await history.steps(tenantId, head.id);
  const proposals = await history.proposals(tenantId, { runId: head.id, all: true });
  const waiting = await history.proposals(tenantId);
  const got = lookedThrough(steps);
  const now = new Set(found.map(({ fingerprint }) => fingerprint));
  const then = new Set(before.map(({ fingerprint }) => fingerprint));
  const absent = before.filter(({ fingerprint }) => !now.has(fingerprint));
  return {
    head,
    summary,
    since: other && { head: other, summary: await history.summary(tenantId, other) },
    newFindings: worstFirst(found.filter(({ fingerprint }) => !then.has(fingerprint))),
    openFindings: worstFirst(found.filter(({ fingerprint }) => then.has(fingerprint))),
    goneFindings: worstFirst(absent.filter(({ agent }) => got(agent))),
    uncheckedFindings: worstFirst(absent.filter(({ agent }) => !got(agent))),
    newProposals: proposals.filter((proposal) => proposal.runId === head.id),
    waitingProposals: waiting.filter(({ became }) => became === 'open').length,
    failedSteps: steps
      .filter(({ status }) => status === 'failed')
      .map((step) => ({
        path: pathOf(step),
        agent: step.agent,
        code: step.error?.code ?? 'INTERNAL',
      })),
  };
}

/** Says of an agent whether all of its steps ended well; one that did not run at all did not look. */
function lookedThrough(steps: Awaited<ReturnType<History['steps']>>): (agent: string) => boolean {
  const ends = Map.groupBy(steps, ({ agent }) => agent ?? '');
  return (agent) => {
    const own = ends.get(agent) ?? [];
    return own.length > 0 && own.every(({ status }) => status === 'succeeded');
  };
}

/** The newest night that has ended, of the workflow that is the night; null: there is none. */
export async function newestNight(
  pool: pg.Pool,
  tenantId: number,
  workflow: string,
): Promise<string | null> {
  const { rows } = await pool.query<{ readonly id: string }>(
    `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.workflow = $2 AND r.ended_at IS NOT NULL
       AND NOT coalesce((r.pins->>'rehearsal')::boolean, false) ORDER BY r.id DESC LIMIT 1`,
    [tenantId, workflow],
  );
  return rows[0]?.id ?? null;
}

/** The night to compare with: one that got through, so that what it did not find was not there. */
async function nightBefore(
  pool: pg.Pool,
  tenantId: number,
  { id, workflow, company }: RunHead,
): Promise<string | null> {
  const { rows } = await pool.query<{ readonly id: string }>(
    `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.id < $2 AND r.workflow = $3 AND r.company IS NOT DISTINCT FROM $4
       AND r.status IN ('succeeded', 'partial') AND NOT coalesce((r.pins->>'rehearsal')::boolean, false) ORDER BY r.id DESC LIMIT 1`,
    [tenantId, id, workflow, company],
  );
  return rows[0]?.id ?? null;
}

function worstFirst(findings: readonly FindingView[]): readonly FindingView[] {
  return findings.toSorted(
    (a, b) => severityRank(a) - severityRank(b) || (a.agent < b.agent ? -1 : 1),
  );
}

/** Findings counted for a line of a table. */
export interface FindingCount {
  readonly module: string;
  readonly severity: string;
  readonly count: number;
  readonly amounts: readonly CurrencySum[];
}

/** Findings by module and severity, worst first within a module. */
export function countFindings(findings: readonly FindingView[]): readonly FindingCount[] {
  const groups = Map.groupBy(findings, ({ module, severity }) => `${module} ${severity}`);
  return [...groups.values()]
    .map((of) => ({
      module: of[0]?.module ?? '',
      severity: of[0]?.severity ?? '',
      count: of.length,
      amounts: sumAmounts(of),
    }))
    .sort(
      (a, b) =>
        (a.module < b.module ? -1 : a.module > b.module ? 1 : 0) ||
        severityRank(a) - severityRank(b),
    );
}
