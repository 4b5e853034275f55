import type {
  CompiledApproval,
  CompiledNode,
  CompiledWait,
} from '../../../core/engine/graph/compiled.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { Question, StepLine, StoredRun } from './database.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';

/** I1 and I6 of steps that wait for a moment or for people: they end as that has come, not before, and not later. */
export class Waits {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  readonly #ended = new Set<StepLine>();
  #commits = 0;

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  look(): void {
    const { setup, database, engine } = this.#world;
    if (!setup.waitsOutside) return;
    this.#checkMissed(engine);
    const before = this.#commits;
    this.#commits = database.commits;
    for (const run of database.runs.values()) {
      if (run.commit <= before) continue;
      for (const row of run.steps.values()) {
        if (row.ended_at === null || this.#ended.has(row)) continue;
        this.#ended.add(row);
        if (row.kind === 'wait') this.#checkWait(run, row);
        if (row.kind === 'approval') this.#checkApproval(run, row);
      }
    }
  }

  /** Whatever the run does otherwise, a moment that has come is not missed, nor what people have said. */
  #checkMissed({ isAlive, isStopped, connection, journal, loop, pool, hasMail }: SimEngine): void {
    if (!isAlive || isStopped || connection.isAsked || journal.isAway) return;
    const now = this.#world.clock.now();
    for (const run of loop.runs.values())
      for (const step of run.steps) {
        if (step.kind === 'wait' && (step.wakeAt ?? now) < now)
          this.#accuse('I6', `${pathOf(step)} waits on, and its moment has come`);
        if (step.wait !== 'approval' || hasMail || pool.asked.length > 0) continue;
        const { state } = this.#questionOf(run.facts.id, step.id) ?? {};
        if (state === 'granted' || state === 'refused')
          this.#accuse('I6', `${pathOf(step)} waits on, and was ${state}`);
      }
  }

  #questionOf(runId: string, step: number): Question | undefined {
    return this.#world.database.questions.get(`${runId} ${step}`);
  }

  #checkWait({ id, entries, steps, row: run }: StoredRun, row: StepLine): void {
    const own = entries.filter(({ step }) => step === row.id);
    const end = own.find(({ kind }) => kind === 'step.succeeded');
    if (!end || end.data.carried) return;
    const waited = own.filter(({ kind }) => kind === 'step.waiting');
    const wakeAt = Number(waited[0]?.data.wakeAt);
    if (waited.length !== 1)
      this.#accuse('I1', `${nameOf(row)} of ${id} begins to wait ${waited.length} times`);
    if (!(end.at >= wakeAt))
      this.#accuse('I1', `${nameOf(row)} of ${id} ends ${wakeAt - end.at} ms before its moment`);
    const { nodes } = this.#world.graphOf(id);
    const { for: what, deps } = placeOf(nodes, row) as CompiledWait;
    if (what.kind !== 'duration' || row.item_key !== '') return;
    const before = deps.map((dep) => steps.get(dep)?.ended_at ?? 0);
    const soonest = Math.min(...before, Number.POSITIVE_INFINITY);
    const from = deps.length === 0 ? run.created_at.getTime() : soonest;
    if (wakeAt < from + what.ms)
      this.#accuse('I1', `${nameOf(row)} of ${id} waits for ${wakeAt - from} of ${what.ms} ms`);
  }

  #checkApproval({ id, entries }: StoredRun, row: StepLine): void {
    const own = entries.filter(({ step }) => step === row.id);
    const { state = 'never asked', votes = [], required = 0 } = this.#questionOf(id, row.id) ?? {};
    const what = `${nameOf(row)} of ${id} is ${row.status}, and was ${state}`;
    if (own.some(({ data }) => data.carried)) return;
    if (row.status === 'succeeded') {
      const yeses = votes
        .filter(({ decision }) => decision === 'granted')
        .map(({ person }) => person);
      if (state !== 'granted' || new Set(yeses).size < required) this.#accuse('I1', what);
      const end = own.find(({ kind }) => kind === 'step.succeeded');
      const by = (JSON.parse(end?.body ?? 'null') as { by?: readonly string[] } | null)?.by ?? [];
      if (by.join() !== yeses.join())
        this.#accuse('I19', `${nameOf(row)} of ${id} names ${by}, and ${yeses} have agreed`);
    } else if (row.error?.code === 'APPROVAL_REFUSED') {
      const { onRefusal } = placeOf(this.#world.graphOf(id).nodes, row) as CompiledApproval;
      const isSaid = row.status === (onRefusal === 'skip' ? 'skipped' : 'failed');
      if (!isSaid || (state !== 'refused' && state !== 'expired')) this.#accuse('I1', what);
    } else if (row.status === 'failed') this.#accuse('I1', `${what}: ${row.error?.code}`);
  }
}

function nameOf({ node, item_key: itemKey }: StepLine): string {
  return pathOf({ node, itemKey });
}

/** Where a step stands in its graph. */
function placeOf(nodes: readonly CompiledNode[], { node }: StepLine): CompiledNode | undefined {
  const [top, inner] = node.split('/');
  const place = nodes.find(({ id }) => id === top);
  const body = place?.kind === 'foreach' ? place.body : [];
  return body.find(({ id }) => id === (inner ?? top)) ?? place;
}
