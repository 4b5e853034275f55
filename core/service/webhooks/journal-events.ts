import type { Queryable } from '../../ports/db/transaction.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import type { WebhookEvent } from './event-types.ts';

/** Entries of one run that were written together. */
export interface FeedRow {
  readonly tx: string;
  readonly run_id: string;
  readonly from_seq: string;
  readonly to_seq: string;
}

interface EntryRow {
  readonly run_id: string;
  readonly seq: string;
  readonly kind: string;
  readonly at: Date;
  readonly data: Readonly<Record<string, unknown>>;
  readonly node: string | null;
  readonly item_key: string | null;
  readonly agent: string | null;
  readonly workflow: string;
  readonly version: number;
  readonly company: string | null;
  readonly business_date: string;
  readonly rehearsal: boolean;
}

const told = [
  'run.created',
  'run.ended',
  'step.failed',
  'finding',
  'effect.proposed',
  'budget.warned',
];

/** What is told of rehearsals: that there are any. */
const toldOfRehearsals = ['run.created', 'run.ended'];

/** What the entries of a tenant's feed tell the world, in their order. */
export async function journalEvents(
  client: Queryable,
  tenantId: number,
  rows: readonly FeedRow[],
): Promise<readonly WebhookEvent[]> {
  const { rows: entries } = await client.query<EntryRow>(entriesSql, [
    tenantId,
    rows.map(({ run_id }) => run_id),
    rows.map(({ from_seq }) => from_seq),
    rows.map(({ to_seq }) => to_seq),
    told,
  ]);
  const real = entries.filter(
    ({ rehearsal, kind, data }) =>
      // What a retry has taken over was told when it happened.
      data.carried !== true && (!rehearsal || toldOfRehearsals.includes(kind)),
  );
  const of = (kind: string): readonly EntryRow[] => real.filter((entry) => entry.kind === kind);
  const findings = await findingsOf(client, tenantId, of('finding'));
  const effects = await effectsOf(client, tenantId, of('effect.proposed'));
  const ends = await endsOf(client, tenantId, of('run.ended'));
  return real.flatMap((entry) => {
    const event = eventOf(entry, { findings, effects, ends });
    return event === null ? [] : [{ ...event, tenantId } as WebhookEvent];
  });
}

interface Looked {
  readonly findings: ReadonlyMap<string, FindingRow>;
  readonly effects: ReadonlyMap<string, EffectRow>;
  readonly ends: ReadonlyMap<string, EndRow>;
}

/** @returns null for what is no news: a proposal that an earlier run has made already */
function eventOf(entry: EntryRow, looked: Looked): Omit<WebhookEvent, 'tenantId'> | null {
  const { run_id: runId, seq, kind, at, data, agent, workflow, company } = entry;
  const key = `${runId}/${seq}`;
  const common = { event: key, at, module: null, company };
  switch (kind) {
    case 'run.created':
      return {
        ...common,
        type: 'run.started',
        data: { ...runData(entry), version: entry.version },
      };
    case 'run.ended': {
      const end = looked.ends.get(runId);
      if (!end) return null;
      const { findings, proposals, failed_steps: failedSteps, cost, duration_ms } = end;
      const figures = { findings, proposals, failedSteps, costMicroUsd: Number(cost) };
      const status = String(data.status) as 'succeeded';
      const ended = { ...runData(entry), status, ...figures, durationMs: Number(duration_ms) };
      return { ...common, type: 'run.ended', data: ended };
    }
    case 'step.failed': {
      const { code = 'INTERNAL' } = (data.error ?? {}) as { readonly code?: string };
      const step = pathOf(entry);
      const module = agent === null ? null : moduleOf(agent);
      return {
        ...common,
        module,
        type: 'step.failed',
        data: { runId, workflow, step, agent, code },
      };
    }
    case 'finding':
      return foundEvent(common, looked.findings.get(key));
    case 'effect.proposed':
      return proposedEvent(entry, looked.effects.get(String(data.key)));
    default: {
      const scope = String(data.scope);
      const module = scope.startsWith('module:') ? scope.slice('module:'.length) : null;
      const limit = { limitMicroUsd: Number(data.limitMicroUsd), share: Number(data.share) };
      return { ...common, module, type: 'budget.warned', data: { runId, scope, ...limit } };
    }
  }
}

function foundEvent(
  common: Pick<WebhookEvent, 'event' | 'at'>,
  found: FindingRow | undefined,
): Omit<WebhookEvent, 'tenantId'> | null {
  if (!found || found.simulated) return null;
  const { run_id: runId, records, module, company, simulated: _, seq: _seq, ...rest } = found;
  const shown = records.slice(0, 20).map(({ entity, id }) => ({ entity, id }));
  const data = { ...rest, findingId: common.event, runId, module, company, records: shown };
  return { ...common, module, company, type: 'finding.created', data };
}

function proposedEvent(
  { run_id: runId, seq, at, data }: EntryRow,
  effect: EffectRow | undefined,
): Omit<WebhookEvent, 'tenantId'> | null {
  // Ids rise with time: what an earlier run proposed still stands, and was told then.
  if (!effect || effect.run_id < runId) return null;
  const { run_id: _, key, agent, ...change } = effect;
  const tool = String(data.tool);
  return {
    event: `${runId}/${seq}`,
    at,
    module: moduleOf(tool),
    company: effect.company,
    type: 'proposal.created',
    data: { ...change, tool, runId, effectKey: key, agent },
  };
}

function runData({ run_id: runId, workflow, company, business_date, rehearsal }: EntryRow) {
  return { runId, workflow, company, businessDate: business_date, rehearsal };
}

function pathOf({ node, item_key }: EntryRow): string {
  return item_key ? `${node}[${item_key}]` : (node ?? '');
}

const entriesSql = `SELECT e.run_id, e.seq, e.kind, e.at, e.data, s.node, s.item_key, s.agent, r.workflow, r.workflow_version AS version, r.company,
    r.business_date::text AS business_date, coalesce((r.pins->>'rehearsal')::boolean, false) AS rehearsal
  FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS f(run_id, from_seq, to_seq, no)
  JOIN tutti.entry e ON e.tenant_id = $1 AND e.run_id = f.run_id AND e.seq BETWEEN f.from_seq AND f.to_seq AND e.kind = ANY ($5)
  JOIN tutti.run r ON r.tenant_id = $1 AND r.id = e.run_id
  LEFT JOIN tutti.step s ON s.tenant_id = $1 AND s.run_id = e.run_id AND s.id = e.step
  ORDER BY f.no, e.seq`;

interface FindingRow {
  readonly run_id: string;
  readonly seq: string;
  readonly fingerprint: string;
  readonly known: boolean;
  readonly simulated: boolean;
  readonly module: string;
  readonly agent: string;
  readonly kind: string;
  readonly severity: string;
  readonly company: string | null;
  readonly records: readonly { readonly entity: string; readonly id: string }[];
  readonly amount: string | null;
  readonly currency: string | null;
}

/** By run and number of their entries. */
async function findingsOf(
  client: Queryable,
  tenantId: number,
  entries: readonly EntryRow[],
): Promise<ReadonlyMap<string, FindingRow>> {
  if (entries.length === 0) return new Map();
  const { rows } = await client.query<FindingRow>(
    `SELECT f.run_id, f.seq, encode(f.fingerprint, 'hex') AS fingerprint, coalesce(t.first_run <> f.run_id, false) AS known, f.simulated, f.module,
       f.agent, f.kind, f.severity, f.company, f.records, f.amount::text AS amount, f.currency
     FROM unnest($2::uuid[], $3::bigint[]) AS e(run_id, seq)
     JOIN tutti.finding f ON f.tenant_id = $1 AND f.run_id = e.run_id AND f.seq = e.seq
     LEFT JOIN tutti.triage t ON t.tenant_id = $1 AND t.fingerprint = f.fingerprint`,
    [tenantId, entries.map(({ run_id }) => run_id), entries.map(({ seq }) => seq)],
  );
  return new Map(rows.map((row) => [`${row.run_id}/${row.seq}`, row]));
}

interface EffectRow {
  readonly key: string;
  readonly run_id: string;
  readonly agent: string | null;
  readonly entity: string | null;
  readonly targetId: string | null;
  readonly company: string | null;
  readonly amount: string | null;
  readonly currency: string | null;
}

/** By key. */
async function effectsOf(
  client: Queryable,
  tenantId: number,
  entries: readonly EntryRow[],
): Promise<ReadonlyMap<string, EffectRow>> {
  if (entries.length === 0) return new Map();
  const { rows } = await client.query<EffectRow>(
    `SELECT encode(key, 'hex') AS key, run_id, actor->>'id' AS agent, entity, target_id AS "targetId", company, amount::text AS amount, currency
     FROM tutti.effect WHERE tenant_id = $1 AND key = ANY (SELECT decode(k, 'hex') FROM unnest($2::text[]) k)`,
    [tenantId, entries.map(({ data }) => String(data.key))],
  );
  return new Map(rows.map((row) => [row.key, row]));
}

interface EndRow {
  readonly id: string;
  readonly findings: number;
  readonly proposals: number;
  readonly failed_steps: number;
  readonly cost: string;
  readonly duration_ms: string;
}

/** By run. */
async function endsOf(
  client: Queryable,
  tenantId: number,
  entries: readonly EntryRow[],
): Promise<ReadonlyMap<string, EndRow>> {
  if (entries.length === 0) return new Map();
  const { rows } = await client.query<EndRow>(
    `SELECT r.id, (SELECT count(*)::int FROM tutti.finding f WHERE f.tenant_id = $1 AND f.run_id = r.id) AS findings,
       (SELECT count(DISTINCT e.data->>'key')::int FROM tutti.entry e WHERE e.tenant_id = $1 AND e.run_id = r.id AND e.kind = 'effect.proposed') AS proposals,
       (SELECT count(*)::int FROM tutti.step s WHERE s.tenant_id = $1 AND s.run_id = r.id AND s.status = 'failed') AS failed_steps,
       (SELECT coalesce(sum(l.cost_micro_usd), 0)::bigint FROM tutti.ledger l WHERE l.tenant_id = $1 AND l.run_id = r.id) AS cost,
       greatest(0, extract(epoch FROM r.ended_at - r.created_at) * 1000)::bigint AS duration_ms
     FROM tutti.run r WHERE r.tenant_id = $1 AND r.id = ANY ($2::uuid[]) AND r.ended_at IS NOT NULL`,
    [tenantId, entries.map(({ run_id }) => run_id)],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
