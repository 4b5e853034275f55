import { recover } from '../../../core/engine/adoption/recover.ts';
import type { Graph } from '../../../core/engine/graph/compiled.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { isTerminal, type RunStatus } from '../../../core/engine/run/states.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { EntryLine, StepLine, StoredRun } from './database.ts';
import type { Accuse, Seen } from './seen.ts';
import { historyOf, storedSteps } from './store.ts';

/** What tells that a step has ended. */
const end = /^step\.(succeeded|failed|skipped|cancelled)$/;

/** I2, I12, I13 and I15: what the database holds, at every durable moment. */
export class Record {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  /** Steps and runs as they ended: they never change again. */
  readonly #ended = new Map<string, string>();
  #commits = 0;

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  look(): void {
    for (const [key, times] of this.#world.outside.writes)
      if (times > 1) this.#accuse('I13', `effect ${key.slice(0, 6)} happened ${times} times`);
    for (const key of this.#world.outside.unannounced)
      this.#accuse('I13', `effect ${key.slice(0, 6)} happened before its intent was durable`);
    if (this.#world.database.commits === this.#commits) return;
    const before = this.#commits;
    this.#commits = this.#world.database.commits;
    for (const run of this.#world.database.runs.values()) {
      if (run.commit <= before) continue;
      this.#checkOrder(run);
      this.#checkEnds(run);
      this.#checkFold(run);
    }
  }

  atTheEnd(): void {
    for (const run of this.#world.database.runs.values()) {
      const rows = [...run.steps.values()];
      const open = rows.filter(({ ended_at }) => ended_at === null);
      if (open.length > 0) this.#accuse('I12', `the run has ended, ${open.length} steps have not`);
      const expected = statusBy(rows, run, this.#world.graphOf(run.id));
      if (run.status !== expected)
        this.#accuse('I12', `run ${run.id} is ${run.status}; its steps say ${expected}`);
    }
  }

  #checkOrder({ id, entries }: StoredRun): void {
    const wrong = entries.findIndex(({ seq }, at) => at > 0 && seq <= (entries[at - 1]?.seq ?? 0));
    if (wrong > 0) this.#accuse('I2', `entry ${entries[wrong]?.seq} of ${id} came too late`);
    const ends = entries.filter(({ kind }) => /^step\.(succeeded|failed|skipped)$/.test(kind));
    if (new Set(ends.map(({ step }) => step)).size < ends.length)
      this.#accuse('I2', `a step of ${id} has two ends`);
    if (entries.filter(({ kind }) => kind === 'run.ended').length > 1)
      this.#accuse('I12', `${id} ended twice`);
  }

  #checkEnds(run: StoredRun): void {
    if (run.ended) this.#keep(`run ${run.id}`, run.status);
    for (const row of run.steps.values()) {
      if (row.ended_at === null) continue;
      if (!isTerminal(row.status))
        this.#accuse('I2', `${row.node} has ended and is '${row.status}'`);
      this.#keep(
        `step ${run.id} ${row.id}`,
        [row.status, row.output_seq, row.error?.code ?? ''].join(' '),
      );
    }
  }

  #keep(what: string, end: string): void {
    const known = this.#ended.get(what) ?? end;
    if (known !== end) this.#accuse('I2', `${what} had ended as '${known}' and is '${end}'`);
    this.#ended.set(what, known);
  }

  /**
   * I15: folding the entries gives the rows. Of what a flush had no room for nothing is there; what follows for such a step from others is
   * in its row by the next ones, and till then this is as it was.
   */
  #checkFold(stored: StoredRun): void {
    if (stored.steps.size === 0) return;
    const graph = this.#world.graphOf(stored.id);
    const run = new Run({ ...this.#world.factsOf(stored.id), input: {} }, graph);
    const rows = [...stored.steps.values()];
    const history = historyOf(stored.entries);
    recover(run, { history, ...storedSteps(rows, stored.entries) }, this.#world.clock.now());
    const isStopping = stored.entries.some(({ kind }) =>
      /^(run\.(cancelling|aborted)|step\.cancelling)$/.test(kind),
    );
    const { left } = stored;
    const missing = run.steps.filter(({ id }) => !stored.steps.has(id) && !left?.has(id));
    if (missing.length > 0 || run.steps.length < rows.length)
      this.#accuse('I15', `${run.steps.length} steps in the journal, ${rows.length} rows`);
    for (const row of rows) {
      const step = run.steps[row.id];
      if (!step) continue;
      const told = foldedState(step.status, step.kind);
      const kept = foldedState(row.status, row.kind);
      // What still runs after a cancel is ended by the fold, and what follows from it: nobody would end it otherwise.
      if (isStopping && !isTerminal(row.status)) continue;
      if (left?.has(row.id) && isBehind(row, told, stored)) continue;
      const same =
        told === kept &&
        pathOf(step) === pathOf({ node: row.node, itemKey: row.item_key }) &&
        (!isTerminal(row.status) ||
          ((step.error?.code ?? null) === (row.error?.code ?? null) &&
            step.outputSeq === row.output_seq));
      if (!same)
        this.#accuse('I15', `${pathOf(step)} is '${row.status}', its journal says '${told}'`);
    }
    if (!left && run.priority !== stored.priority)
      this.#accuse(
        'I15',
        `run ${stored.id} has priority ${stored.priority}, its journal says ${run.priority}`,
      );
    if (stored.ended && left) this.#accuse('I15', `run ${stored.id} has ended before its steps`);
    if (stored.ended && run.status !== stored.status)
      this.#accuse('I15', `run ${stored.id} is ${stored.status}, its journal says ${run.status}`);
  }
}

/** Whoever takes a run over starts again what was running; a foreach goes on. */
function foldedState(status: StepLine['status'], kind: string): string {
  return status === 'running' && kind !== 'foreach' ? 'ready' : status;
}

/** Whether a row may be what it is until the rest is down that its journal has: what it tells of the step itself is in the row. */
function isBehind({ id, status }: StepLine, told: string, { entries }: StoredRun): boolean {
  if (isTerminal(status)) return false;
  if (status === 'pending') return true;
  const isTold = ({ step, kind }: EntryLine): boolean => step === id && end.test(kind);
  return isTerminal(told as StepLine['status']) && !entries.some(isTold);
}

/** The rule of a run's status, written down a second time. */
function statusBy(rows: readonly StepLine[], run: StoredRun, graph: Graph): RunStatus {
  // Whoever came first has decided.
  const ended = run.entries.find(({ kind }) => /^run\.(cancelling|aborted)$/.test(kind));
  if (ended) return ended.kind === 'run.aborted' ? 'failed' : 'cancelled';
  const failed = rows.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return 'succeeded';
  const isFatal = failed.some((row) => row.item_key === '' && isCritical(row, failed, graph));
  return isFatal && !graph.partial ? 'failed' : 'partial';
}

/** A foreach is as critical as what has failed in its items; one that could not be opened, as its nodes. */
function isCritical(row: StepLine, failed: readonly StepLine[], { nodes }: Graph): boolean {
  if (row.kind !== 'foreach') return row.critical;
  const inside = failed.filter(
    ({ node, item_key }) => item_key !== '' && node.split('/')[0] === row.node,
  );
  if (inside.length > 0) return inside.some(({ critical }) => critical);
  const body = nodes.flatMap((node) =>
    node.kind === 'foreach' && node.id === row.node ? node.body : [],
  );
  return body.some((node) => !('critical' in node) || node.critical);
}
