import type pg from 'pg';
import { EngineError } from '../base/errors.ts';
import { digest, newId } from '../base/ids.ts';
import { journalVersion } from '../ports/db/journal-version.ts';
import { inTransaction } from '../ports/db/transaction.ts';
import { type NewKeys, vaultOf } from '../ports/db/vault.ts';
import type { Registry } from '../sdk/registry.ts';
import { keptGraph } from './adoption/kept-graph.ts';
import { appendAudit, isAudited } from './audit/append.ts';
import type { Graph } from './graph/compiled.ts';
import { toJsonb } from './journal/rows.ts';
import type { Actor, Parent, RunPins } from './run/request.ts';
import { type Takeover, takeover } from './store/carried.ts';
import { type Copies, resealCopies, storeKeys } from './store/copied-bodies.ts';
import {
  checkRetriable,
  copyEntries,
  type FormerRow,
  lockFormer,
  readFormer,
  readFormerRow,
} from './store/retry-rows.ts';
import type { Store } from './store/store.ts';
import { storedInput } from './store/stored-input.ts';

/** What retries are made with. */
export interface RetryParts {
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly registry: Registry;
}

/** A retry that somebody asks for. */
export interface RetryRequest {
  readonly tenantId: number;
  /** The run that has ended. */
  readonly runId: string;
  /** Idempotency key: a second request with it gets the first one's run. */
  readonly key?: string;
  readonly actor: Actor;
  /** In a retry of the run that started this one: the step that starts it again, and what it works on. @default nobody's */
  readonly child?: { readonly parent: Parent; readonly input: unknown };
}

/** A run that retries another one. */
export interface StartedRetry {
  readonly id: string;
  readonly isNew: boolean;
  readonly workflow: string;
}

/**
 * Stores a new run that does again what has failed, was cancelled or has never started in a run that has ended, and begins with what
 * succeeded there. It keeps that run's version of the workflow, input, company, date and pins, and the names of its writes, so that
 * what a failed step has written is not written twice. Whether an engine is up or not.
 * @throws RUN_UNKNOWN · RUN_UNFINISHED · RETRY_REFUSED · KEY_REUSED · WORKFLOW_UNKNOWN · WORKFLOW_INVALID · EXPRESSION_INVALID · DB_*
 */
export async function retryRun(parts: RetryParts, request: RetryRequest): Promise<StartedRetry> {
  const { tenantId, runId } = request;
  const seen = await readFormerRow(parts.pool, tenantId, runId);
  if (!seen)
    throw new EngineError('RUN_UNKNOWN', `There is no run '${runId.slice(0, 64)}' to retry.`);
  // Before the transaction, which must not wait for a second connection of the same pool.
  // The retry has the same graph.
  const { graph } = await keptGraph(parts, seen);
  return await inTransaction(parts.pool, async (client) => {
    const former = (await lockFormer(client, tenantId, runId)) ?? seen;
    const known = await knownBy(client, former, request.key);
    const { workflow } = former;
    if (known !== null) return { id: known, isNew: false, workflow };
    checkRetriable(former, graph);
    const taken = await takenFrom(client, { former, graph }, request);
    const id = newId();
    const vault = vaultOf(parts.pool);
    const keys = await vault.newKeys({ tenantId, id });
    const from = { tenantId, id: former.id };
    const copies = { vault, keys, from, to: { tenantId, id } };
    await insertRun(client, { former, id, copies }, request);
    if (!(await copyEntries(client, copies, taken)))
      throw refusal(
        `Bodies of run ${runId} that a retry needs are erased; start a new run instead.`,
      );
    await audit(client, { former, id }, request);
    return { id, isNew: true, workflow };
  });
}

/** What the retry begins with. @throws RETRY_REFUSED when it would have nothing to do, or is another run's to ask for */
async function takenFrom(
  client: pg.ClientBase,
  { former, graph }: { readonly former: FormerRow; readonly graph: Graph },
  { child }: RetryRequest,
): Promise<Takeover> {
  const { id, parent_run_id: parent } = former;
  if (!child && parent !== null)
    throw refusal(
      `Run ${id} was started by a step of run ${parent} and is not retried alone; retry that one, which goes on in this: tutti retry ${parent}`,
    );
  if (isOther(former, child)) return nothing;
  const taken = takeover(await readFormer(client, former, graph));
  if (!child && taken.isWhole)
    throw refusal(`Nothing of run ${id} has failed or was left out; there is nothing to retry.`);
  return taken;
}

const nothing: Takeover = { entries: [], steps: new Map(), isWhole: false };

function refusal(message: string): EngineError {
  return new EngineError('RETRY_REFUSED', message);
}

/** Whether a step gives its run something else than it gave the former one: then nothing that was brought there holds. */
function isOther({ pins }: FormerRow, child: RetryRequest['child']): boolean {
  return child !== undefined && digest(child.input).toString('hex') !== pins.input;
}

/** The run that has the key already. @throws KEY_REUSED when it is no retry of this run */
async function knownBy(
  client: pg.ClientBase,
  { tenant_id: tenantId, id, workflow }: FormerRow,
  key: string | undefined,
): Promise<string | null> {
  if (key === undefined) return null;
  const { rows } = await client.query<{ readonly id: string; readonly retry_of: string | null }>(
    'SELECT id, retry_of FROM tutti.run WHERE tenant_id = $1 AND workflow = $2 AND key = $3',
    [tenantId, workflow, key],
  );
  const [row] = rows;
  if (!row || row.retry_of === id) return row?.id ?? null;
  throw new EngineError(
    'KEY_REUSED',
    `The key '${key}' belongs to run ${row.id}, which is no retry of run ${id}; use a new key.`,
    { details: { run: row.id } },
  );
}

interface Retried {
  readonly former: FormerRow;
  /** Of the retry. */
  readonly id: string;
}

type Sealing = Copies & { readonly keys: NewKeys | null };

/** A run like the former one, with its first entry: its goal and its input, which is the former one's unless a step gives another. */
async function insertRun(
  client: pg.ClientBase,
  { former, id, copies }: Retried & { readonly copies: Sealing },
  { tenantId, key, actor, child }: RetryRequest,
): Promise<void> {
  const hash = digest(child?.input ?? {});
  const other = isOther(former, child)
    ? storedInput(copies.keys, { body: Buffer.from(JSON.stringify(child?.input)), hash })
    : null;
  const result = await client.query(insertSql, [
    ...[tenantId, former.id, id, toJsonb(pinsOf(former, child, hash)), journalVersion],
    ...[key ?? null, toJsonb(actor), child?.parent.runId ?? null, child?.parent.step ?? null],
    // Its writes keep the names that they have got in the former run.
    former.journal,
    ...[other?.body ?? null, other?.hash ?? null, other?.keyId ?? null],
  ]);
  if (result.rows[0]?.stored !== 1) throw erasedInput(former);
  if (copies.keys) await storeKeys(client, copies.to, copies.keys);
  if (!copies.keys && !result.rows[0].sealed) return;
  const leastPart = other ? 1 : 0;
  if (!(await resealCopies(client, copies, [{ seq: 1, of: 1, leastPart }])))
    throw erasedInput(former);
}

function erasedInput({ id }: FormerRow): EngineError {
  return refusal(`The input of run ${id} is erased; start a new run instead.`);
}

function pinsOf(former: FormerRow, child: RetryRequest['child'], hash: Buffer): RunPins {
  // Whoever retries a night in the morning is not bound by its window.
  const { cause: _, leftMicroUsd: __, deadlineAt: ___, purses: ____, ...pins } = former.pins;
  const root = pins.retry?.root ?? former.id;
  const left = child?.parent.leftMicroUsd;
  return {
    ...pins,
    ...(child && {
      input: hash.toString('hex'),
      cause: { runId: child.parent.runId, how: 'child' },
      depth: child.parent.depth,
      ...(left !== undefined && { leftMicroUsd: left }),
      ...(child.parent.purses && { purses: child.parent.purses }),
    }),
    retry: { of: former.id, root },
  };
}

// $1 tenant; $2 former run, $3 its retry; $4 pins, $5 journal version, $6 key, $7 actor; $8, $9 parent; $10 journal version of its names; $11 to $13 another input: body, hash, key.
const insertSql = `WITH made AS (INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, key, company, business_date, time_zone, status, priority, actor, parent_run_id, parent_step, retry_of)
    SELECT tenant_id, $3, workflow, workflow_version, $4::jsonb - 'inForce' || tutti.pinned_policies($1), $5::smallint, $6, company, business_date, time_zone, 'queued', priority, $7, $8, $9, id FROM tutti.run WHERE tenant_id = $1 AND id = $2 RETURNING id, workflow, workflow_version, priority),
  entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data)
    SELECT $1, id, 1, 'run.created', jsonb_build_object('workflow', workflow, 'version', workflow_version, 'journal', $10::int, 'retryOf', $2::uuid, 'priority', priority) FROM made),
  payloads AS (INSERT INTO tutti.payload (tenant_id, run_id, seq, part, class, encoding, key_id, sha256, size, body)
    SELECT $1, $3, 1, 0, 'input', 'json', $13::int, $12::bytea, length($11::bytea), $11::bytea WHERE $11::bytea IS NOT NULL
    UNION ALL SELECT $1, $3, 1, p.part, p.class, p.encoding, p.key_id, p.sha256, p.size, p.body FROM tutti.payload p
      WHERE ($11::bytea IS NULL OR p.part > 0) AND p.tenant_id = $1 AND p.run_id = $2 AND p.seq = 1 AND p.body IS NOT NULL RETURNING part, key_id)
  SELECT count(*) FILTER (WHERE part = 0)::int AS stored, coalesce(bool_or(key_id IS NOT NULL), false) AS sealed FROM payloads`;

async function audit(
  client: pg.ClientBase,
  { former, id }: Retried,
  { tenantId, actor, child }: RetryRequest,
): Promise<void> {
  if (child || !isAudited(actor)) return;
  const { workflow, workflow_version: version } = former;
  const data = { of: former.id, workflow, version };
  await appendAudit(client, { tenantId, actor, action: 'run.retry', target: id, data });
}
