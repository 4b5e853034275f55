import { sql } from 'kysely';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { Registry } from '../../sdk/registry.ts';
import { isAgentPlace } from '../graph/compiled.ts';
import { factsOf } from './adopt.ts';
import type { AttemptView, History, StepView } from './history.ts';
import { type GraphParts, keptGraph } from './kept-graph.ts';
import { inputOf } from './launcher.ts';
import { recover } from './recover.ts';
import { Run } from './run.ts';
import type { Step } from './step.ts';

/** Data of a step, or why there is none to show. */
export type Content =
  | { readonly state: 'there'; readonly value: unknown }
  /** It has been given or has brought nothing, or not yet. */
  | { readonly state: 'none' }
  | { readonly state: 'erased' }
  /** It cannot be made again with what is loaded now. */
  | { readonly state: 'unknown'; readonly why: string };

/** A step with what it was given, what it has brought, and its tries. */
export interface StepContent extends StepView {
  /** `match/check[V-17]` */
  readonly path: string;
  /** Its node's mapping of what was there when it started, as its agent takes it; the items of a foreach. */
  readonly input: Content;
  readonly output: Content;
  readonly attempts: readonly AttemptView[];
}

/** Which step of which run. */
export interface StepAsked {
  readonly tenantId: number;
  readonly runId: string;
  /** The path of the step. */
  readonly step: string;
}

type Parts = GraphParts & {
  readonly database: Pick<Database, 'rowsOf'>;
  readonly history: Pick<History, 'steps' | 'attempts'>;
};

/** A run as its journal tells it, and the agents in it. */
interface Remade {
  readonly run: Run;
  readonly agents: Registry['agents'];
}

/** What is stored of a step's output; `isWhole`: of its run nothing is erased that inputs are made of. */
interface Stored {
  readonly isStored: boolean;
  readonly body: string | null;
  readonly isWhole: boolean;
}

/**
 * Shows what single steps worked on. Outputs are stored; an input is not stored a second time but made again, by the machine that made
 * it: the run is brought to where its journal ends, as a new owner would bring it, which reads all of it.
 */
export class StepContents {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws STEP_UNKNOWN · DB_* */
  async read({ tenantId, runId, step: path }: StepAsked): Promise<StepContent> {
    const { history } = this.#parts;
    const [view] = await history.steps(tenantId, runId, { path, limit: 1 });
    if (!view)
      throw new EngineError('STEP_UNKNOWN', `Run ${runId} has no step '${path.slice(0, 200)}'.`);
    const [attempts, stored] = await Promise.all([
      history.attempts(tenantId, runId, view.id),
      this.#stored(tenantId, runId, view.id),
    ]);
    const remade = stored.isWhole ? await this.#remake(tenantId, runId) : erased;
    const input = inputIn(view, remade);
    return { ...view, path, input, output: outputIn(view, stored, remade), attempts };
  }

  async #stored(tenantId: number, runId: string, step: number): Promise<Stored> {
    const run = sql`tenant_id = ${tenantId} AND run_id = ${runId}::uuid`;
    const { database } = this.#parts;
    const rows = await database.rowsOf(
      tenantId,
      sql<Stored>`SELECT s.output_seq IS NOT NULL AS is_stored,
          (SELECT ${sql.raw(bodyText('p'))} FROM tutti.payload p WHERE ${run} AND seq = s.output_seq AND part = 0) AS body,
          NOT EXISTS (SELECT FROM tutti.payload WHERE ${run} AND class IN ('input', 'output') AND erased_at IS NOT NULL) AS is_whole
        FROM tutti.step s WHERE ${run} AND s.id = ${step}`,
    );
    const [row] = await vaultOf(database).open(rows, 'body');
    return row as Stored;
  }

  /** Brings the run to where its journal ends. */
  async #remake(tenantId: number, runId: string): Promise<Remade | Content> {
    const { store } = this.#parts;
    try {
      const row = await store.run(tenantId, runId);
      if (!row) return none;
      const { graph, agents } = await keptGraph(this.#parts, row);
      const history = await store.history(tenantId, runId);
      const run = new Run(factsOf(row, history[0]), graph);
      recover(run, { history, ...(await store.steps(tenantId, runId)) }, 0);
      return { run, agents };
    } catch (error) {
      return unknownFor(error);
    }
  }
}

const none: Content = { state: 'none' };
const erased: Content = { state: 'erased' };
const there = (value: unknown): Content => ({ state: 'there', value: value ?? null });

/** What can no longer be made is told; what failed for another reason fails. */
function unknownFor(error: unknown): Content {
  if (!isEngineError(error) || error.code.startsWith('DB_')) throw error;
  return { state: 'unknown', why: error.message };
}

/** The step of a remade run; undefined: it has come about since, in a run that goes on. */
function stepIn({ run }: Remade, { id, node, itemKey }: StepView): Step | undefined {
  const step = run.steps[id];
  return step?.node === node && step.itemKey === itemKey ? step : undefined;
}

function inputIn(view: StepView, remade: Remade | Content): Content {
  const { status, startedAt } = view;
  const isIdle = ['pending', 'skipped'].includes(status);
  if (isIdle || (status === 'cancelled' && startedAt === null) || !takesInput(view.kind))
    return none;
  if ('state' in remade) return remade;
  const step = stepIn(remade, view);
  try {
    return step ? there(givenTo(step, remade)) : none;
  } catch (error) {
    return unknownFor(error);
  }
}

function takesInput(kind: string): boolean {
  return ['task', 'tool', 'reduce', 'workflow', 'foreach'].includes(kind);
}

/** @throws EXPRESSION_INVALID · INPUT_INVALID: it has failed for that */
function givenTo(step: Step, { run, agents }: Remade): unknown {
  const { place } = step;
  if (place.kind === 'foreach') return valuesOf(run, step);
  const registered = isAgentPlace(place) ? (place.made ?? agents.get(place.agent)) : undefined;
  return registered ? inputOf(run, step, registered) : run.inputOf(step);
}

function valuesOf({ steps }: Run, foreach: Step): readonly unknown[] {
  const items = steps.flatMap(({ item }) => (item?.container.step === foreach ? [item] : []));
  return [...new Set(items)].flatMap(({ value, container }) =>
    container.node.batch ? (value as readonly unknown[]) : [value],
  );
}

function outputIn(view: StepView, { isStored, body }: Stored, remade: Remade | Content): Content {
  if (view.status !== 'succeeded' || view.kind === 'gate') return none;
  if (isStored) return body ? there(JSON.parse(body)) : erased;
  // A foreach brings what its items have brought, and what expressions decide is not stored with its step.
  if ('state' in remade) return remade;
  const step = stepIn(remade, view);
  return step ? there(step.output) : none;
}
