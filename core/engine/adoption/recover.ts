import { EngineError, toErrorData } from '../../base/errors.ts';
import type { Trust } from '../../ports/db/states.ts';
import type { StoredBatches } from '../batches/batch-store.ts';
import { decidedEntry, nextEntry } from '../journal/entries.ts';
import type { Change } from '../journal/rows.ts';
import { noTries } from '../recovery/ladder.ts';
import { isOutside } from '../run/inline.ts';
import type { Next } from '../run/next.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import { carriedIn, isDecision } from '../store/carried.ts';
import type { HistoryEntry, OpenStep, StoredSteps } from '../store/store.ts';

/** What is stored of a run: the entries that move its state, and its step rows. */
export interface StoredRun extends StoredSteps {
  readonly history: readonly HistoryEntry[];
  /** @default no step waits for a batch */
  readonly batched?: StoredBatches;
}

/** What a new owner has to do for a run, and what it has to record that its predecessor could not. */
export interface Recovered {
  readonly next: readonly Next[];
  readonly changes: readonly Change[];
  /** What its model calls have cost so far. */
  readonly spentMicroUsd: number;
  /** What is in its batches. */
  readonly batched: StoredBatches;
}

/**
 * Brings a run to the state that its journal tells, whether it had an owner or is new: the same pure machine, driven by the
 * entries instead of by threads. Steps get the ids that they had, because they are made in the order of the entries.
 */
export function recover(run: Run, stored: StoredRun, now: number): Recovered {
  run.carry(carriedIn(stored.history));
  const fold = new Fold(run, now, stored.trust);
  stored.history.forEach((entry, index) => {
    fold.take(entry, () => stored.history.slice(index + 1));
  });
  const cancelled = fold.endCancelled();
  const lost = stored.open.flatMap((row) => fold.restore(row) ?? []);
  // An ended row is final; what is open in the database, or not there yet, is written again with the next flush.
  for (const step of run.takeChanged()) if (!stored.ended.has(step.id)) run.touch(step);
  return {
    next: fold.left(),
    changes: [...cancelled, ...lost, ...fold.untold()],
    spentMicroUsd: stored.spentMicroUsd,
    batched: stored.batched ?? { calls: [], batches: [] },
  };
}

const withoutWord = toErrorData(
  new EngineError('LANE_LOST', 'The engine under it ended without a word.'),
);

/** A run being rebuilt, and what it has asked for that no entry has answered yet. */
class Fold {
  readonly #run: Run;
  readonly #now: number;
  /** The labels of stored outputs: what their agents have read is not told again. */
  readonly #trust: ReadonlyMap<number, Trust>;
  readonly #pending = new Map<Step, Next>();
  /** Attempts after which a step's conversation begins anew. */
  readonly #afresh = new Map<Step, number>();
  /** What expressions have decided and no entry tells: by what a retry takes over, or by what has ended as its engine did. */
  readonly #decided = new Set<Step>();
  #ended: Next | null = null;

  constructor(run: Run, now: number, trust: StoredSteps['trust'] = new Map()) {
    this.#run = run;
    this.#now = now;
    this.#trust = trust;
    this.#follow(run.start(now));
  }

  take(entry: HistoryEntry, rest: () => readonly HistoryEntry[]): void {
    switch (entry.kind) {
      case 'run.paused':
        return this.#run.pause();
      case 'run.resumed':
        return this.#run.resume();
      case 'run.reprioritized':
        this.#run.priority = Number(entry.data.to);
        return;
      case 'run.cancelling':
        return this.#cancel('cancelled', rest());
      case 'run.aborted':
        return this.#cancel('failed', rest(), this.#run.steps[entry.step ?? -1]);
      case 'step.cancelling':
        return this.#cancelStep(entry);
      default:
        return this.#takeStep(entry);
    }
  }

  /** Gives a step that has not ended what its row tells; returns what is to be recorded of an attempt that died with its engine. */
  restore(row: OpenStep): Change | null {
    const step = this.#run.steps[row.id];
    if (!step) return null;
    const { attempt, crashes, degraded, cost_micro_usd: costMicroUsd } = row;
    const recorded = this.#afresh.get(step) === attempt ? 0 : row.recorded;
    // What has been opened since the row was written has none there.
    const startedAt = row.started_at?.getTime() ?? step.startedAt;
    Object.assign(step, { attempt, crashes, recorded, degraded, costMicroUsd, startedAt });
    if (row.found) step.found = new Set(row.found);
    if (step.kind === 'foreach') return null;
    // One that was being cancelled has ended by now, and was lost all the same.
    if (row.status === 'running') return this.#lose(step, row);
    if (!this.#pending.has(step)) return null;
    if (row.status === 'waiting') this.#wait(step, row);
    return null;
  }

  /** Ends the steps that were being cancelled when their engine ended: nothing of them runs any more. */
  endCancelled(): readonly Change[] {
    const left = [...this.#pending.keys()].filter(
      (step) => step.isCancelling && step.status === 'running',
    );
    return left.map((step) => {
      const entry = nextEntry(this.#run, { step, kind: 'step.cancelled', data: {} });
      this.#settle(step, { kind: 'cancelled' });
      return { run: this.#run, step, entries: [entry] };
    });
  }

  /** Tells what was decided and is not told yet. */
  untold(): readonly Change[] {
    const run = this.#run;
    return [...this.#decided].map((step) => ({
      ...{ run, step: null },
      entries: [nextEntry(run, decidedEntry(step))],
    }));
  }

  left(): readonly Next[] {
    return this.#ended ? [this.#ended] : [...this.#pending.values()];
  }

  #wait(step: Step, { wait, wake_at: wakeAt }: OpenStep): void {
    const at = wakeAt?.getTime() ?? null;
    if (wait === 'timer' && !isOutside(step)) this.#run.retry(step, this.#now, at ?? this.#now);
    else if (wait !== null) this.#run.wait(step, wait, at);
    this.#pending.set(step, { kind: 'wait', step });
  }

  /** Whose process died under it is as suspect as whose thread did: after two deaths it runs alone. */
  #lose(step: Step, { attempt, worker, started_at: startedAt }: OpenStep): Change {
    step.crashes += 1;
    const row = {
      no: attempt,
      worker: worker ?? '',
      startedAt: startedAt?.getTime() ?? this.#now,
      endedAt: this.#now,
      outcome: 'lost' as const,
      error: withoutWord,
      turns: 0,
    };
    const data = { attempt, crashes: step.crashes };
    return {
      run: this.#run,
      step,
      entries: [nextEntry(this.#run, { step, kind: 'step.lost', data })],
      attempts: [row],
    };
  }

  #takeStep(entry: HistoryEntry): void {
    const step = entry.step === null ? undefined : this.#run.steps[entry.step];
    if (step && isDecision(entry.kind)) this.#decided.delete(step);
    const asked = step && this.#pending.get(step);
    if (!step || !asked) return;
    switch (entry.kind) {
      case 'step.retrying': {
        const { failures, rule, rung, rungFailures, agent, playbook, afresh } = entry.data;
        step.tries = {
          failures: Number(failures),
          // A run of journal version 1 kept the number of failures alone.
          rule: Number(rule ?? noTries.rule),
          rung: Number(rung ?? noTries.rung),
          rungFailures: Number(rungFailures ?? failures),
        };
        step.reassignedTo = typeof agent === 'string' ? agent : null;
        step.onPlaybook = playbook === true;
        if (afresh !== undefined) this.#afresh.set(step, Number(afresh));
        return;
      }
      case 'step.waiting':
        step.cursor = typeof entry.data.cursor === 'string' ? entry.data.cursor : null;
        return;
      case 'step.escalated':
        step.told = [...step.told, String(entry.data.to)];
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
        step.outputSeq = Number(entry.data.outputSeq ?? entry.seq);
        const trust = this.#trust.get(step.id) ?? 'external';
        return this.#settle(step, { kind: 'succeeded', output: JSON.parse(json), json, trust });
      }
      case 'step.failed':
        return this.#settle(step, { kind: 'failed', error: entry.data.error as never });
      case 'step.cancelled':
        return this.#settle(step, { kind: 'cancelled' });
      case 'step.skipped':
        return this.#settle(step, { kind: 'skipped', error: entry.data.error as never });
    }
  }

  /** `by`: the step that has ended its run. */
  #cancel(as: 'cancelled' | 'failed', rest: readonly HistoryEntry[], by?: Step): void {
    // It was asked again: the first time has decided.
    if (this.#run.isCancelled) return;
    const later = endedIn(rest);
    for (const [step, asked] of this.#pending) {
      const ends = (asked.kind === 'ready' || step === by) && later.has(step.id);
      if (ends && step.status === 'ready') this.#run.begin(step, this.#now);
      else if (!ends && step.status === 'running' && asked.kind === 'ready')
        this.#run.retry(step, this.#now);
      if (!ends) this.#pending.delete(step);
    }
    const own = by && this.#pending.has(by) ? by : undefined;
    this.#follow(this.#run.cancel(this.#now, as, own));
  }

  #cancelStep({ step: id, data }: HistoryEntry): void {
    const target = this.#run.steps[id ?? -1];
    if (!target || data.late === true) return;
    for (const running of data.running as readonly number[]) {
      const step = this.#run.steps[running];
      if (step?.status === 'ready') this.#run.begin(step, this.#now);
    }
    const { next } = this.#run.cancelStep(target, {
      subtree: data.subtree === true,
      now: this.#now,
    });
    for (const step of this.#pending.keys())
      if (step.status === 'cancelled') this.#pending.delete(step);
    this.#follow(next);
  }

  #settle(step: Step, outcome: Parameters<Run['settle']>[1]): void {
    this.#pending.delete(step);
    this.#follow(this.#run.settle(step, outcome, this.#now));
  }

  #follow(next: readonly Next[]): void {
    for (const each of next) {
      if (each.kind === 'ready' || each.kind === 'wait' || each.kind === 'open')
        this.#pending.set(each.step, each);
      else if (each.kind === 'expand') this.#pending.set(each.container.step, each);
      else if (each.kind === 'decided') this.#decided.add(each.step);
      else if (each.kind === 'ended') this.#ended = each;
    }
  }
}

/** Steps that ran when something was cancelled may have ended afterwards by themselves. */
function endedIn(rest: readonly HistoryEntry[]): ReadonlySet<number | null> {
  const ends = rest.filter(({ kind }) => /^step\.(succeeded|failed|skipped|cancelled)$/.test(kind));
  return new Set(ends.map(({ step }) => step));
}
