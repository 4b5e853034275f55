import type pg from 'pg';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { RunStatus } from '../../ports/db/states.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import type { Capabilities, Connector } from '../../ports/erp/connector.ts';
import type { Registry } from '../../sdk/registry.ts';
import { toolAgentName } from '../../sdk/tool-agent.ts';
import { type Pinned, pinnedAgents } from '../run/pinned.ts';
import type { RunRequest } from '../run/request.ts';
import { isTerminal } from '../run/states.ts';
import { readPath } from '../run/step.ts';
import type { Actor, Store } from '../store/store.ts';
import {
  lockRuns,
  readEffects,
  readRuns,
  readSteps,
  type UndoRuns,
  type UndoScope,
} from './applied-effects.ts';
import { planUndo } from './undo-plan.ts';
import { foreseen, readUndo, type UndoInput, type UndoView } from './undo-view.ts';
import { undoDefinition, undoWorkflow } from './undo-workflow.ts';
import { refuseLive, withdrawProposals } from './withdraw.ts';

/** A run, or a step of it, that somebody wants to be as if it had not been. */
export interface UndoAsk extends UndoScope {
  readonly actor: Actor;
  /** Why; it is kept with the undo run. */
  readonly reason: string;
  /** Whether a person waits for it and can be asked. @default true */
  readonly attended?: boolean;
}

/** What undos are made with. */
export interface UndoParts {
  readonly pool: pg.Pool;
  readonly store: Pick<Store, 'publishWorkflow' | 'createRun'>;
  readonly registry: Pick<Registry, 'tools' | 'agents' | 'policies'>;
  readonly connector: (tenantId: number) => Pick<Connector, 'describe'>;
}

/**
 * Takes back what runs did: plans which effects are reversed in which order, and starts the run that does it. Needs no engine; the
 * undo run goes on like any other when one is up.
 */
export class Undo {
  readonly #parts: UndoParts;

  constructor(parts: UndoParts) {
    this.#parts = parts;
  }

  /** What an undo would do now. @throws RUN_UNKNOWN · STEP_UNKNOWN · RUN_UNFINISHED · DB_* */
  async plan(scope: UndoScope): Promise<UndoView> {
    const { pool } = this.#parts;
    const runs = await this.#runs(pool, scope);
    const capabilities = await this.#capabilities(scope);
    const items = await this.#items(pool, scope, { runs, capabilities });
    return foreseen(inputOf(scope, { reason: '', withdrawn: 0, items }));
  }

  /**
   * Starts the undo of a run or a step, or finds the one that is under way or has taken everything back. One that has left something
   * is followed by another, which tries that again.
   * @throws RUN_UNKNOWN · STEP_UNKNOWN · RUN_UNFINISHED · DB_*
   */
  async start(ask: UndoAsk): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const last = await this.#last(ask);
    if (last && !mayFollow(last.status)) return { id: last.id, isNew: false };
    const { pool, store } = this.#parts;
    const meant = await this.#runs(pool, ask);
    // Before the transaction, which waits for no ERP, and for no second connection of its pool.
    const capabilities = await this.#capabilities(ask);
    const version = await store.publishWorkflow(ask.tenantId, undoDefinition);
    const request = this.#request(ask, meant.facts, (last?.no ?? 0) + 1);
    try {
      return await inTransaction(pool, async (client) => {
        await lockRuns(client, ask, meant);
        // Again: until now a retry of one of them may have begun, which goes on from what would be taken back.
        const runs = await this.#runs(client, ask);
        const withdrawn = await withdrawProposals(client, ask, runs);
        const items = await this.#items(client, ask, { runs, capabilities });
        const input = inputOf(ask, { reason: ask.reason, withdrawn, items });
        const identity = { declared: this.#declared(items), within: client };
        return await store.createRun({ ...request, input }, version, identity);
      });
    } catch (error) {
      // Somebody else has started it a moment ago, and has found another state of affairs.
      const other = isEngineError(error) && error.code === 'KEY_REUSED' && (await this.#last(ask));
      if (other) return { id: other.id, isNew: false };
      throw error;
    }
  }

  /** How far the newest undo of a run or a step has come; null where there is none. @throws DB_* */
  async view(scope: UndoScope): Promise<UndoView | null> {
    const last = await this.#last(scope);
    return last && (await readUndo(this.#parts.pool, scope.tenantId, last));
  }

  #request(ask: UndoAsk, facts: RunFactsRow, no: number): Omit<RunRequest, 'input'> {
    const { tenantId, actor, attended = true } = ask;
    const { company, businessDate, timeZone } = facts;
    return {
      ...{ tenantId, workflow: undoWorkflow, businessDate, timeZone, attended, actor },
      ...(company !== null && { company }),
      key: `${keyOf(ask)}${no === 1 ? '' : `:${no}`}`,
    };
  }

  /** What has the effects' tools has the records that they changed: who lacks their module leaves the run to others. */
  #declared(items: UndoInput['items']): Pinned {
    const tools = new Set(items.flatMap(({ effects }) => effects.map(({ tool }) => tool)));
    return pinnedAgents(this.#parts.registry, [...tools].map(toolAgentName));
  }

  #capabilities({ tenantId }: UndoScope): Promise<Capabilities> {
    return this.#parts.connector(tenantId).describe();
  }

  async #items(
    queryable: Queryable,
    scope: UndoScope,
    by: { readonly runs: UndoRuns; readonly capabilities: Capabilities },
  ): Promise<UndoInput['items']> {
    const { tools } = this.#parts.registry;
    const effects = await readEffects(queryable, scope, by.runs);
    return planUndo(effects, { tools, capabilities: by.capabilities });
  }

  async #runs(queryable: Queryable, scope: UndoScope): Promise<MeantRuns> {
    const facts = await this.#run(queryable, scope);
    const { step } = scope;
    const steps = step === undefined ? null : await readSteps(queryable, scope, readPath(step));
    if (steps?.length === 0)
      throw new EngineError('STEP_UNKNOWN', `Run ${scope.runId} has no step '${step}'.`);
    const runs = await readRuns(queryable, scope, steps);
    refuseLive(runs, scope);
    return { ...runs, facts };
  }

  async #run(queryable: Queryable, { tenantId, runId }: UndoScope): Promise<RunFactsRow> {
    const { rows } = await queryable.query<RunFactsRow>(runSql, [tenantId, runId]);
    if (rows[0]) return rows[0];
    throw new EngineError('RUN_UNKNOWN', `There is no run ${runId}.`);
  }

  /** The newest undo of a run or a step. */
  async #last(scope: UndoScope): Promise<UndoRun | null> {
    const key = keyOf(scope);
    const { rows } = await this.#parts.pool.query<UndoRun>(lastSql, [
      scope.tenantId,
      undoWorkflow,
      key,
    ]);
    return rows[0] ?? null;
  }
}

function inputOf(
  { runId, step }: UndoScope,
  told: Pick<UndoInput, 'reason' | 'withdrawn' | 'items'>,
): UndoInput {
  const { items, ...rest } = told;
  return { of: runId, ...(step !== undefined && { step }), ...rest, items };
}

/** `undo:RUN:STEP`, without a step for a whole run: the idempotency key of its undo run. */
function keyOf({ runId, step = '' }: UndoScope): string {
  return `undo:${runId}:${step}`;
}

/** Whether another undo may follow one: it has ended and left something. */
function mayFollow(status: RunStatus): boolean {
  return isTerminal(status) && status !== 'succeeded';
}

/** The runs whose effects are meant, with what is known of the first. */
interface MeantRuns extends UndoRuns {
  readonly facts: RunFactsRow;
}

interface RunFactsRow {
  readonly company: string | null;
  readonly businessDate: string;
  readonly timeZone: string;
}
const runSql = `SELECT company, business_date::text AS "businessDate", time_zone AS "timeZone" FROM tutti.run
  WHERE tenant_id = $1 AND id = $2`;

interface UndoRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly no: number;
}
// $1 tenant, $2 workflow, $3 key of the first: those after it are counted.
const lastSql = `WITH RECURSIVE undo AS (
    SELECT id, status, 1 AS no FROM tutti.run WHERE tenant_id = $1 AND workflow = $2 AND key = $3
    UNION ALL SELECT r.id, r.status, u.no + 1 FROM undo u JOIN tutti.run r ON r.tenant_id = $1 AND r.workflow = $2 AND r.key = $3 || ':' || (u.no + 1))
  SELECT id, status, no FROM undo ORDER BY no DESC LIMIT 1`;
