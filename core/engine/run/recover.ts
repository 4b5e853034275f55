import type { Next, Run } from './run.ts';
import type { Step } from './step.ts';
import type { HistoryEntry, OpenStep } from './store.ts';

/**
 * Brings a run that had another owner to the state that its journal tells: the same pure machine, driven by the entries
 * instead of by threads. Steps get the ids that they had, because they are made in the order of the entries.
 * `stored` is the number of step rows in the database.
 * @returns what is left to do
 */
export function recover(
  run: Run,
  {
    history,
    open,
    stored,
  }: {
    readonly history: readonly HistoryEntry[];
    readonly open: readonly OpenStep[];
    readonly stored: number;
  },
  now: number,
): readonly Next[] {
  const pending = new Map<Step, Next>();
  const follow = (next: readonly Next[]): void => {
    for (const each of next) {
      if (each.kind === 'ready') pending.set(each.step, each);
      else if (each.kind === 'expand') pending.set(each.container.step, each);
      else if (each.kind === 'ended') ended = each;
    }
  };
  let ended: Next | null = null;
  follow(run.start(now));
  for (const entry of history) {
    const step = entry.step === null ? undefined : run.steps[entry.step];
    const waiting = step && pending.get(step);
    if (entry.kind === 'run.cancelling') follow(run.cancel(now));
    if (!step || !waiting) continue;
    pending.delete(step);
    if (entry.kind === 'foreach.expanded' && waiting.kind === 'expand')
      follow(run.expand(waiting.container, JSON.parse(entry.body ?? '[]'), now));
    if (entry.kind === 'step.succeeded') {
      step.outputSeq = entry.seq;
      follow(
        run.settle(step, { kind: 'succeeded', output: JSON.parse(entry.body ?? 'null') }, now),
      );
    }
    if (entry.kind === 'step.failed')
      follow(run.settle(step, { kind: 'failed', error: entry.data.error as never }, now));
  }
  for (const row of open) {
    const step = run.steps[row.id];
    if (step)
      Object.assign(step, {
        attempt: row.attempt,
        crashes: row.crashes,
        costMicroUsd: row.cost_micro_usd,
      });
  }
  // An ended row is final; what is open in the database, or not there yet, is written again with the next flush.
  const unwritten = new Set(open.map((row) => row.id));
  for (const step of run.takeChanged())
    if (unwritten.has(step.id) || step.id >= stored) run.touch(step);
  return ended ? [ended] : [...pending.values()];
}
