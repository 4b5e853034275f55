import type { Change } from '../../../core/engine/journal/rows.ts';
import type { FlushValues } from './flush-values.ts';

/** What a flush has left for the next ones: by run, the steps of which there is more; none where there is more of the run alone. */
export type Left = ReadonlyMap<string, ReadonlySet<number>>;

/** What an engine has handed to its journal and has not left yet, as far as it tells of runs and steps. */
export class Gathered {
  readonly #isCut: boolean;
  #changes: Change[] = [];
  #last = 0;
  #left: Left = new Map();

  /** `usualFlush`: undefined: whatever has gathered leaves together, and nothing has to be remembered. */
  constructor(usualFlush: number | undefined) {
    this.#isCut = usualFlush !== undefined;
  }

  add(change: Change): void {
    if (this.#isCut && (change.step || change.entries)) this.#changes.push(change);
  }

  /** What has gathered and does not leave with a flush that does now; one that is sent again leaves what it left the first time. */
  leftBy({ no, rows }: FlushValues): Left | null {
    if (!this.#isCut) return null;
    if (no === this.#last) return this.#left;
    const taken = new Set([
      ...rows.steps.map(({ run_id, id }) => `${run_id} step ${id}`),
      ...rows.entries.map(({ run_id, seq }) => `${run_id} ${seq}`),
    ]);
    this.#changes = this.#changes.filter(({ run, step, entries = [] }) => {
      const names = step ? [`step ${step.id}`] : entries.map(({ seq }) => `${seq}`);
      return !names.every((name) => taken.has(`${run.facts.id} ${name}`));
    });
    const left = new Map<string, Set<number>>();
    for (const { run, step } of this.#changes) {
      const steps = left.get(run.facts.id) ?? new Set();
      if (step) steps.add(step.id);
      left.set(run.facts.id, steps);
    }
    this.#last = no;
    this.#left = left;
    return left;
  }
}
