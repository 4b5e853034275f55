import type { Trust } from '../../ports/db/states.ts';
import type { DelegatedBy } from '../../ports/dispatcher.ts';
import type { BoundPlan } from '../plan/bound.ts';
import type { Goal } from './goal.ts';
import type { Actor, Cause, Retry, RunPurseLimits } from './request.ts';

/** What a run says about itself for as long as it lives. */
export interface RunFacts {
  readonly tenantId: number;
  readonly id: string;
  readonly workflow: string;
  readonly input: unknown;
  /** The label of its input. @default operator: whoever asked for it gave it */
  readonly trust?: Trust;
  /** What it is for, in words, as its agents are told. @default nobody has said, or its input says the same */
  readonly goal?: Goal;
  /** Company code, or null for a run over the whole group. */
  readonly company: string | null;
  readonly businessDate: string;
  readonly timeZone: string;
  /** As it was asked for. */
  readonly priority: number;
  readonly attended: boolean;
  /** Whether it only rehearses: playbooks behind simulated model calls, and no writes. */
  readonly rehearsal: boolean;
  /** How many times as fast as a model's its simulated calls are. @default 1 */
  readonly speed?: number;
  /** The plan that it must keep to. @default it may do what it finds to do */
  readonly plan?: BoundPlan;
  /** Who asked for it. */
  readonly actor: Actor;
  /** How many runs, one started by the other, led to it. @default 0: nobody's step did */
  readonly depth?: number;
  /** Micro-USD that the run which started it had left for it. @default its workflow's budget alone counts */
  readonly leftMicroUsd?: number;
  /** Purses of the runs above it that its calls are paid from, too. @default none of them has a budget */
  readonly purses?: RunPurseLimits;
  /** When it must have ended, ms since the epoch. @default its workflow's deadline alone counts */
  readonly deadlineAt?: number;
  /** For whom it works. @default nobody has handed it on */
  readonly delegated?: DelegatedBy;
  /** The run that led to it. @default none, or nobody has noted it */
  readonly cause?: Cause;
  /** The run that it retries. @default it is the first */
  readonly retry?: Retry;
  readonly createdAt: number;
  /** The journal version of the release that made it: what it names, such as keys of writes, keeps its names. */
  readonly journal: number;
}
