import type pg from 'pg';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { CompiledWorkflow } from '../graph/compiled.ts';
import type { Budget } from '../limits/budget.ts';
import { retryRun } from '../retry.ts';
import { trustOf } from '../run/labels.ts';
import type { Outcome } from '../run/outcome.ts';
import type { RunRequest } from '../run/request.ts';
import type { Run } from '../run/run.ts';
import { pursesBelow } from '../run/run-purses.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { Store } from '../store/store.ts';
import { checkRequest, registryFor, submitRun } from '../submit.ts';
import type { ChildEnds, EndedChild } from './child-ends.ts';

/** How deep runs may start runs: more is a workflow that starts itself. */
const deepest = 8;

/** A step that waits for something outside of its run. */
export interface WaitingStep {
  readonly run: Run;
  readonly step: Step;
}

/** What a waiting step has come to. */
export interface StepEnd extends WaitingStep {
  readonly outcome: Outcome;
}

/** What runs that steps start are made with. */
export interface ChildrenParts {
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly registry: Registry;
  readonly ends: ChildEnds;
  /** The purses of runs: what a run's steps start is paid from it. */
  readonly budget: Pick<Budget, 'left' | 'reserve' | 'settle'>;
}

/**
 * The runs that `workflow` nodes start. Each is a run like any other, under a key made of its parent and the step, so that a step that is
 * opened again meets the run that it has; its end is read from its row, so that nothing has to arrive.
 */
export class Children {
  readonly #parts: ChildrenParts;

  constructor(parts: ChildrenParts) {
    this.#parts = parts;
  }

  /** Starts the run of a step, or finds the one that it has. @throws WORKFLOW_UNKNOWN · WORKFLOW_INVALID · INPUT_INVALID · EXPRESSION_INVALID · DB_* */
  async begin(run: Run, step: Step): Promise<void> {
    const { store, registry, budget } = this.#parts;
    const { facts } = run;
    const { workflow } = step.place as CompiledWorkflow;
    const depth = (facts.depth ?? 0) + 1;
    if (depth > deepest) {
      const message = `'${pathOf(step)}' would start the run number ${depth} in a row; a workflow starts itself without end.`;
      throw new EngineError('WORKFLOW_INVALID', message);
    }
    const left = budget.left(purseOf(run));
    const { tenantId, company, businessDate, timeZone, attended, rehearsal, speed, actor } = facts;
    const request = {
      ...{ tenantId, workflow, businessDate, timeZone, attended, rehearsal, actor },
      priority: run.priority,
      ...(company !== null && { company }),
      ...(speed !== undefined && { speed }),
      input: run.inputOf(step),
      trust: trustOf(run, step.place.sources, step.item),
      key: `child of ${facts.id} ${pathOf(step)}`,
      parent: {
        runId: facts.id,
        step: step.id,
        depth,
        ...(left !== null && { leftMicroUsd: Math.max(0, left) }),
        purses: pursesBelow(run),
        ...(facts.goal && { goal: facts.goal }),
      },
    };
    const former = facts.retry && (await this.#formerOf(facts.retry.of, step));
    if (former?.workflow === workflow) return await this.#retry(former, request);
    await submitRun(store, registry, request);
  }

  #pay(run: Run, microUsd: number): void {
    const { budget } = this.#parts;
    budget.settle(budget.reserve([purseOf(run)], 0), microUsd);
  }

  /** The run that the step has had, in the run that this one retries or in one that that one did. */
  async #formerOf(runId: string, { node, itemKey }: Step): Promise<FormerChild | undefined> {
    const { rows } = await this.#parts.pool.query<FormerChild>(formerSql, [runId, node, itemKey]);
    return rows[0];
  }

  /** Goes on where the run has failed that the step has had; one that works on something else begins anew, and writes nothing twice. */
  async #retry(
    { id: runId, workflow_version: version }: FormerChild,
    { tenantId, workflow, key, actor, parent, input: given }: ChildRequest,
  ): Promise<void> {
    const { store, registry, pool } = this.#parts;
    const published = await registryFor(store.definitions, registry, {
      tenantId,
      workflow,
      version,
    });
    const { input } = checkRequest(published, { workflow, input: given });
    const child = { parent, input };
    await retryRun({ pool, store, registry }, { tenantId, runId, key, actor, child });
  }

  /** Ends the runs that nobody waits for any more: the step that started them has ended. @throws DB_* */
  async endOrphans(): Promise<void> {
    await this.#parts.pool.query(endOrphansSql);
  }

  /** Which of the waiting steps' runs have ended, and how. What they have spent is spent of the purse of the run that waits. */
  async ended(waiting: readonly WaitingStep[]): Promise<readonly StepEnd[]> {
    const parents = waiting.filter(({ step }) => step.wait === 'child');
    if (parents.length === 0) return [];
    const ends = await this.#parts.ends.of(parents.map(({ run }) => run.facts.id));
    const byStep = new Map(ends.map((end) => [`${end.parent_run_id} ${end.parent_step}`, end]));
    return parents.flatMap(({ run, step }) => {
      const end = byStep.get(`${run.facts.id} ${step.id}`);
      if (!end) return [];
      this.#pay(run, end.cost_micro_usd - step.costMicroUsd);
      step.costMicroUsd = end.cost_micro_usd;
      return [{ run, step, outcome: outcomeOf(step, end) }];
    });
  }
}

const purseOf = ({ facts }: Run): string => `run:${facts.id}`;

// Asks the runs to end that a step has started which has ended, or whose run has; once: the journal of one that has heard it says so, to
// whoever owns it by then. It is asked for by the key of the run, the last entries first: a join would read the journals of all runs.
const endOrphansSql = `WITH orphan AS MATERIALIZED (SELECT c.tenant_id, c.id, c.actor FROM tutti.run c
         JOIN tutti.run p ON p.tenant_id = c.tenant_id AND p.id = c.parent_run_id
         LEFT JOIN tutti.step s ON s.tenant_id = c.tenant_id AND s.run_id = c.parent_run_id AND s.id = c.parent_step
         WHERE c.parent_run_id IS NOT NULL AND c.ended_at IS NULL AND (p.ended_at IS NOT NULL OR s.ended_at IS NOT NULL))
       INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
       SELECT o.tenant_id, o.id, 'cancel', 'cancel  false', '{}', o.actor FROM orphan o
       WHERE (SELECT e.seq FROM tutti.entry e WHERE e.tenant_id = o.tenant_id AND e.run_id = o.id AND e.kind = 'run.cancelling'
         ORDER BY e.seq DESC LIMIT 1) IS NULL
       ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`;

type ChildRequest = RunRequest & Required<Pick<RunRequest, 'key' | 'parent'>>;

/** The run that a step of a former run has started. */
interface FormerChild {
  readonly id: string;
  readonly workflow: string;
  readonly workflow_version: number;
}

// $1 a run that is retried; $2, $3 a step of it: what the step has started there or, if it has not come so far, in a run before.
const formerSql = `WITH RECURSIVE chain AS (SELECT tenant_id, id, retry_of, 0 AS place FROM tutti.run WHERE id = $1
         UNION ALL SELECT r.tenant_id, r.id, r.retry_of, c.place + 1 FROM chain c JOIN tutti.run r ON r.tenant_id = c.tenant_id AND r.id = c.retry_of)
       SELECT c.id, c.workflow, c.workflow_version FROM chain
       JOIN tutti.step s ON s.tenant_id = chain.tenant_id AND s.run_id = chain.id AND s.node = $2 AND s.item_key = $3
       JOIN tutti.run c ON c.tenant_id = chain.tenant_id AND c.parent_run_id = chain.id AND c.parent_step = s.id ORDER BY chain.place LIMIT 1`;

function outcomeOf(step: Step, { id, status, output, trust }: EndedChild): Outcome {
  if (status === 'succeeded' || status === 'partial') {
    const json = output ?? 'null';
    return { kind: 'succeeded', output: JSON.parse(json), json, trust: trust ?? 'external' };
  }
  const error: ErrorData = toErrorData(
    new EngineError(
      'CHILD_FAILED',
      `The run ${id} that '${pathOf(step)}' started is '${status}'.`,
      {
        details: { run: id, status },
      },
    ),
  );
  return { kind: 'failed', error };
}
