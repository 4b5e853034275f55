import type { Clock } from '../../base/clock.ts';
import type { Run } from '../run/run.ts';
import type { BatchCall } from './calls.ts';
import type { BatchTarget } from './targets.ts';

/** Calls of one run to one model that wait to leave together. */
interface Group {
  readonly run: Run;
  readonly target: BatchTarget;
  readonly calls: Set<BatchCall>;
  cancel: () => void;
}

/** A paused run is looked at this often, milliseconds. */
const pausedLookMs = 1_000;

/** Gathers calls until they leave as batches: those of one run and one model, since a batch lives and dies with its run. */
export class Gathering {
  readonly #clock: Clock;
  readonly #leave: (run: Run, target: BatchTarget, calls: readonly BatchCall[]) => void;
  readonly #groups = new Map<Run, Map<BatchTarget, Group>>();

  constructor(
    clock: Clock,
    leave: (run: Run, target: BatchTarget, calls: readonly BatchCall[]) => void,
  ) {
    this.#clock = clock;
    this.#leave = leave;
  }

  /** Adds a call, which leaves with its group, `afterMs` after the first of it. */
  add(call: BatchCall, target: BatchTarget, afterMs: number): void {
    const { run } = call;
    const groups = this.#groups.get(run) ?? new Map<BatchTarget, Group>();
    this.#groups.set(run, groups);
    let group = groups.get(target);
    if (!group) {
      group = { run, target, calls: new Set(), cancel: () => {} };
      groups.set(target, group);
      this.#arm(group, afterMs);
    }
    group.calls.add(call);
  }

  remove(call: BatchCall): void {
    for (const { calls } of this.#groups.get(call.run)?.values() ?? []) calls.delete(call);
  }

  stop(): void {
    for (const groups of this.#groups.values()) for (const { cancel } of groups.values()) cancel();
    this.#groups.clear();
  }

  #arm(group: Group, afterMs: number): void {
    group.cancel = this.#clock.after(afterMs, () => {
      if (group.run.isPaused && group.calls.size > 0) return this.#arm(group, pausedLookMs);
      this.#forget(group);
      if (group.calls.size > 0) this.#leave(group.run, group.target, [...group.calls]);
    });
  }

  #forget({ run, target }: Group): void {
    const groups = this.#groups.get(run);
    groups?.delete(target);
    if (groups?.size === 0) this.#groups.delete(run);
  }
}
