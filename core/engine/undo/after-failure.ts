import { isEngineError } from '../../base/errors.ts';
import { isOutage } from '../../ports/db/db-error.ts';
import type { Run } from '../run/run.ts';
import type { RunStatus } from '../run/states.ts';
import type { Measures } from '../telemetry/measures.ts';
import { Undo, type UndoParts } from './undo.ts';

/** A run whose workflow says `onFailure: 'undo'`, and that has not come to a good end. */
interface Failed {
  readonly tenantId: number;
  readonly runId: string;
}

/** Ticks between looks for runs whose undo nobody has started: their engine died right after their end. */
const ticksPerSweep = 60;

interface AfterFailureParts extends UndoParts {
  readonly measures: Pick<Measures, 'notUndone'>;
}

/** Starts the undo of runs whose workflows ask for it when they fail or are cancelled. */
export class AfterFailure {
  readonly #parts: AfterFailureParts;
  readonly #undo: Undo;
  readonly #failed = new Map<string, Failed>();
  #ticks = 0;

  constructor(parts: AfterFailureParts) {
    this.#parts = parts;
    this.#undo = new Undo(parts);
  }

  /** Hears that the end of a run is durable. */
  ended({ facts, graph }: Run, status: RunStatus): void {
    if (graph.onFailure !== 'undo' || facts.rehearsal) return;
    if (status !== 'failed' && status !== 'cancelled') return;
    this.#failed.set(facts.id, { tenantId: facts.tenantId, runId: facts.id });
  }

  /**
   * Once a second: starts what is to be started. One whose child runs still end has its turn later; one that cannot be begun, such as where a
   * connector cannot be opened, is told of and tried again at the next sweep: it keeps no other waiting. @throws DB_*
   */
  async tend(): Promise<void> {
    if (this.#ticks % ticksPerSweep === 0) await this.#sweep();
    this.#ticks += 1;
    for (const failed of [...this.#failed.values()]) {
      try {
        const actor = { kind: 'agent', id: 'tutti.undo' } as const;
        const reason = 'its workflow says so (onFailure: undo)';
        await this.#undo.start({ ...failed, actor, reason, attended: false });
      } catch (error) {
        if (isEngineError(error) && error.code === 'RUN_UNFINISHED') continue;
        if (isOutage(error)) throw error;
        this.#parts.measures.notUndone(failed.runId, error);
      }
      this.#failed.delete(failed.runId);
    }
  }

  async #sweep(): Promise<void> {
    const { rows } = await this.#parts.pool.query<Failed>(sweepSql);
    for (const row of rows) this.#failed.set(row.runId, row);
  }
}

// A day is much longer than any engine takes to come back to a run that it owns.
const sweepSql = `WITH undoing AS MATERIALIZED (SELECT tenant_id, name, version FROM tutti.definition WHERE kind = 'workflow' AND body->>'onFailure' = 'undo')
  SELECT r.tenant_id AS "tenantId", r.id AS "runId" FROM undoing d
  JOIN tutti.run r ON r.tenant_id = d.tenant_id AND r.workflow = d.name AND r.workflow_version = d.version
  WHERE r.status IN ('failed', 'cancelled') AND r.ended_at > now() - interval '1 day' AND NOT coalesce((r.pins->>'rehearsal')::boolean, false)
    AND NOT EXISTS (SELECT FROM tutti.run u WHERE u.tenant_id = r.tenant_id AND u.workflow = 'tutti:undo' AND u.key = 'undo:' || r.id || ':')`;
