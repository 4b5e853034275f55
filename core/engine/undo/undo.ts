import type pg from 'pg';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { RunStatus } from '../../ports/db/states.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import type { Registry } from '../../sdk/registry.ts';
import { toolAgentName } from '../../sdk/tool-agent.ts';
import { type Pinned, pinnedAgents } from '../run/pinned.ts';
import { isTerminal } from '../run/states.ts';
import { readPath } from '../run/step.ts';
import type { Actor, Store } from '../store/store.ts';
import {
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
  readonly store: Store;
  readonly registry: Pick<Registry, 'tools' | 'agents' | 'policies'>;
  readonly connector: (tenantId: number) => Connector;
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
    return foreseen(await this.#input(scope, { reason: '', withdrawn: 0 }));
  }

  /**
   * Starts the undo of a run or a step, or finds the one that is under way or has taken everything back. One that has left something
   * is followed by another, which tries that again.
   * @throws RUN_UNKNOWN · STEP_UNKNOWN · RUN_UNFINISHED · DB_*
   */
  async start(ask: UndoAsk): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const last = await this.#last(ask);
    if (last && !mayFollow(last.status)) return { id: last.id, isNew: false };
    const runs = await this.#runs(ask);
    const withdrawn = await withdrawProposals(this.#parts.pool, ask, runs);
    const input = await this.#input(ask, { reason: ask.reason, withdrawn });
    return await this.#create(ask, input, (last?.no ?? 0) + 1);
  }

  /** How far the newest undo of a run or a step has come; null where there is none. @throws DB_* */
  async view(scope: UndoScope): Promise<UndoView | null> {
    const last = await this.#last(scope);
    return last && (await readUndo(this.#parts.pool, scope.tenantId, last));
  }

  async #create(
    ask: UndoAsk,
    input: UndoInput,
    no: number,
  ): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const { store } = this.#parts;
    const { tenantId, actor, attended = true } = ask;
    const { company, businessDate, timeZone } = await this.#run(ask);
    const request = {
      ...{ tenantId, workflow: undoWorkflow, input, businessDate, timeZone, attended, actor },
      ...(company !== null && { company }),
      key: `${keyOf(ask)}${no === 1 ? '' : `:${no}`}`,
    };
    const version = await store.publishWorkflow(tenantId, undoDefinition);
    try {
      return await store.createRun(request, version, { declared: this.#declared(input) });
    } catch (error) {
      // Somebody else has started it a moment ago, and has found another state of affairs.
      const last = isEngineError(error) && error.code === 'KEY_REUSED' && (await this.#last(ask));
      if (last) return { id: last.id, isNew: false };
      throw error;
    }
  }

  /** What has the effects' tools has the records that they changed: who lacks their module leaves the run to others. */
  #declared({ items }: UndoInput): Pinned {
    const tools = new Set(items.flatMap(({ effects }) => effects.map(({ tool }) => tool)));
    return pinnedAgents(this.#parts.registry, [...tools].map(toolAgentName));
  }

  async #input(
    scope: UndoScope,
    told: Pick<UndoInput, 'reason' | 'withdrawn'>,
  ): Promise<UndoInput> {
    const { pool, registry, connector } = this.#parts;
    const { tenantId, runId, step } = scope;
    const effects = await readEffects(pool, scope, await this.#runs(scope));
    const capabilities = await connector(tenantId).describe();
    const items = planUndo(effects, { tools: registry.tools, capabilities });
    return { of: runId, ...(step !== undefined && { step }), ...told, items };
  }

  async #runs(scope: UndoScope): Promise<UndoRuns> {
    const { pool } = this.#parts;
    await this.#run(scope);
    const { step } = scope;
    const steps = step === undefined ? null : await readSteps(pool, scope, readPath(step));
    if (steps?.length === 0)
      throw new EngineError('STEP_UNKNOWN', `Run ${scope.runId} has no step '${step}'.`);
    const runs = await readRuns(pool, scope, steps);
    refuseLive(runs, scope);
    return runs;
  }

  async #run({ tenantId, runId }: UndoScope): Promise<RunFactsRow> {
    const { rows } = await this.#parts.pool.query<RunFactsRow>(runSql, [tenantId, runId]);
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

/** `undo:RUN:STEP`, without a step for a whole run: the idempotency key of its undo run. */
function keyOf({ runId, step = '' }: UndoScope): string {
  return `undo:${runId}:${step}`;
}

/** Whether another undo may follow one: it has ended and left something. */
function mayFollow(status: RunStatus): boolean {
  return isTerminal(status) && status !== 'succeeded';
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
