import type { Clock } from '../../base/clock.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { deadlineOf } from '../run/deadline-of.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { BatchSettings } from './settings.ts';
import type { BatchTarget, BatchTargets } from './targets.ts';
import type { BatchTimes } from './times.ts';

/** What decides whether a call goes by a batch. */
export interface EligibleParts {
  readonly settings: BatchSettings;
  readonly targets: BatchTargets;
  readonly times: BatchTimes;
  readonly clock: Clock;
}

/** The moment from which a run's calls are made directly, milliseconds since the epoch; `since`: when the first of them began to wait. */
export function directAtMs(
  run: Run,
  since: number,
  { patienceMs, reserveMs }: BatchSettings,
): number {
  const deadline = deadlineOf(run);
  return deadline === null ? since + patienceMs : deadline - reserveMs;
}

/** Batches that are to come: how many in a row, from which moment, and since when the first call waits; milliseconds since the epoch. */
export interface BatchPlan<Target> {
  readonly target: Target;
  readonly rounds: number;
  readonly at: number;
  readonly since: number;
}

/** How long a batch of each model is expected to take, milliseconds. */
export interface ExpectedTimes<Target> {
  expectedMs(target: Target): number;
}

/** Whether batches are expected to end before their calls have to be made directly. */
export function isInTime<Target>(
  run: Run,
  { target, rounds, at, since }: BatchPlan<Target>,
  of: { readonly settings: BatchSettings; readonly times: ExpectedTimes<Target> },
): boolean {
  const { settings, times } = of;
  return at + rounds * times.expectedMs(target) <= directAtMs(run, since, settings);
}

/** When the first of some calls began to wait, milliseconds since the epoch. */
export function sinceOf(calls: readonly { readonly startedAt: number }[]): number {
  return calls.reduce(
    (first, { startedAt }) => Math.min(first, startedAt),
    Number.MAX_SAFE_INTEGER,
  );
}

/**
 * The model whose batch a step's next call may join, or null: it is made directly. Nobody may wait for the run, and all the calls that
 * the agent declares and has not made must fit before the deadline.
 */
export function eligibleTarget(
  parts: EligibleParts,
  {
    run,
    step,
    registered,
  }: { readonly run: Run; readonly step: Step; readonly registered: RegisteredAgent },
  bytes: number,
): BatchTarget | null {
  const { settings, targets, clock } = parts;
  const { agent } = registered;
  const { attended, rehearsal } = run.facts;
  const rounds = (agent.batch?.rounds ?? 0) - step.recorded;
  if (!settings.enabled || rounds <= 0 || attended || rehearsal || step.onPlaybook) return null;
  // What has failed once is urgent, and a batch hides why.
  if (step.tries.failures > 0) return null;
  const target = targets.of(agent.model ?? 'standard', bytes);
  const now = clock.now();
  return target && isInTime(run, { target, rounds, at: now, since: now }, parts) ? target : null;
}
