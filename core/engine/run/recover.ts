import type { Next, Run } from './run.ts';
import type { Step } from './step.ts';
import type { HistoryEntry, StoredSteps } from './store.ts';

/** What is stored of a run: the entries that move its state, and its step rows. */
export interface StoredRun extends StoredSteps {
  readonly history: readonly HistoryEntry[];
}

/**
 * Brings a run to the state that its journal tells, whether it had an owner or is new: the same pure machine, driven by the
 * entries instead of by threads. Steps get the ids that they had, because they are made in the order of the entries.
 * @returns what is left to do
 */
export function recover(run: Run, stored: StoredRun, now: number): readonly Next[] {
  const fold = new Fold(run, now);
  stored.history.forEach((entry, index) => {
    if (entry.kind === 'run.cancelling') fold.cancel(stored.history.slice(index));
    else fold.take(entry);
  });
  for (const row of stored.open) {
    const { attempt, crashes, cost_micro_usd: costMicroUsd } = row;
    const step = run.steps[row.id];
    if (step) Object.assign(step, { attempt, crashes, costMicroUsd });
  }
  // An ended row is final; what is open in the database, or not there yet, is written again with the next flush.
  for (const step of run.takeChanged()) if (!stored.ended.has(step.id)) run.touch(step);
  return fold.left();
}

/** A run being rebuilt, and what it has asked for that no entry has answered yet. */
class Fold {
  readonly #run: Run;
  readonly #now: number;
  readonly #pending = new Map<Step, Next>();
  #ended: Next | null = null;

  constructor(run: Run, now: number) {
    this.#run = run;
    this.#now = now;
    this.#follow(run.start(now));
  }

  take(entry: HistoryEntry): void {
    const step = entry.step === null ? undefined : this.#run.steps[entry.step];
    const asked = step && this.#pending.get(step);
    if (!step || !asked) return;
    switch (entry.kind) {
      case 'step.retrying':
        step.failures = Number(entry.data.failures);
        return;
      case 'foreach.expanded': {
        this.#pending.delete(step);
        const values = JSON.parse(entry.body ?? '[]') as readonly unknown[];
        if (asked.kind === 'expand')
          this.#follow(this.#run.expand(asked.container, values, this.#now));
        return;
      }
      case 'step.succeeded': {
        const json = entry.body ?? 'null';
        step.outputSeq = entry.seq;
        return this.#settle(step, { kind: 'succeeded', output: JSON.parse(json), json });
      }
      case 'step.failed':
        return this.#settle(step, { kind: 'failed', error: entry.data.error as never });
    }
  }

  /** Steps that ran when the run was cancelled may have ended afterwards: these entries are still to come. */
  cancel(rest: readonly HistoryEntry[]): void {
    const ends = rest.filter(({ kind }) => kind === 'step.succeeded' || kind === 'step.failed');
    const later = new Set(ends.map(({ step }) => step));
    for (const [step, asked] of this.#pending) {
      if (asked.kind === 'ready' && later.has(step.id)) this.#run.begin(step, this.#now);
      else this.#pending.delete(step);
    }
    this.#follow(this.#run.cancel(this.#now));
  }

  left(): readonly Next[] {
    return this.#ended ? [this.#ended] : [...this.#pending.values()];
  }

  #settle(step: Step, outcome: Parameters<Run['settle']>[1]): void {
    this.#pending.delete(step);
    this.#follow(this.#run.settle(step, outcome, this.#now));
  }

  #follow(next: readonly Next[]): void {
    for (const each of next) {
      if (each.kind === 'ready') this.#pending.set(each.step, each);
      else if (each.kind === 'expand') this.#pending.set(each.container.step, each);
      else if (each.kind === 'ended') this.#ended = each;
    }
  }
}
