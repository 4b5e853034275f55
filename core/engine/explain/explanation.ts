import type { RunStatus, StepStatus } from '../../ports/db/states.ts';
import type { PolicyRef } from '../../sdk/policy/policy-ref.ts';
import type { StepBlocker } from '../schedule/blockers.ts';
import type { LimitWait } from '../schedule/expected-work.ts';

/*
 * What a run's waiting steps wait for, as people and programs are told. Plain JSON, since it crosses processes: moments are texts
 * of RFC 3339, null where nobody knows.
 */

/** A thing in the way of a step. */
export type ExplainedBlocker = StepBlocker & {
  /**
   * When the step would start if this alone were lifted for it, at the latest; null: not before something else is. Set only where one step was
   * asked about.
   */
  readonly ifLifted?: string | null;
};

/** An effect that a step waits for people to settle or approve. */
export interface AwaitedEffect {
  readonly key: string;
  /** What its proposal says has asked for people's word; null: no policy, or a release has written it that did not say. */
  readonly policy: PolicyRef | null;
}

/** A step that has not ended and does not run. */
export interface ExplainedStep {
  readonly id: number;
  /** `match` or `match/check[V-17]` */
  readonly path: string;
  readonly kind: string;
  /** Who would do it: `module.agent`; null for a gate or a foreach. */
  readonly agent: string | null;
  readonly status: StepStatus;
  /** Whether it has begun and waits for its next model call. */
  readonly isFollowUp: boolean;
  /** In the order in which a start is admitted: the first decides. Empty: it starts at once. */
  readonly blockers: readonly ExplainedBlocker[];
  readonly startAt: string | null;
  readonly endAt: string | null;
}

/** Steps that are told of, unless somebody says how many: what waits is told of in one piece and crosses processes, and a run has up to 50,000. */
export const usuallyTold = 200;
/** As many as anybody gets. */
export const mostTold = 1_000;

/** What keeps a run from going on. */
export interface Explanation {
  readonly runId: string;
  readonly status: RunStatus;
  readonly at: string;
  /** Who says so: the run's owner, or the rows, which know of no limit and no estimate. */
  readonly source: 'owner' | 'rows';
  /** Why the owner does not. @default it does */
  readonly note?: string;
  /** When the run should end. */
  readonly endAt: string | null;
  /** What ready work of the engine is expected to wait for longest, and its share of all such waiting; null: nobody knows, or the run waits for people alone. */
  readonly bottleneck: Pick<LimitWait, 'kind' | 'name' | 'share'> | null;
  /** The first that wait, in the order of their ids. Where one step was asked about, that one, unless it runs or has ended. */
  readonly steps: readonly ExplainedStep[];
  /** How many wait beside them. */
  readonly more: number;
}

/** A run with what keeps it from going on. */
export interface ExplainedRun extends Explanation {
  /** When it is cancelled if it has not ended. */
  readonly deadlineAt: string | null;
}

/** A moment as text; one that never comes has none. */
export function momentOf(ms: number | null): string | null {
  return ms === null || !Number.isFinite(ms) ? null : new Date(Math.round(ms)).toISOString();
}
