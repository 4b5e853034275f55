import type { Trust } from '../../ports/db/states.ts';
import type { DelegatedBy } from '../../ports/dispatcher.ts';
import type { BoundPlan } from '../plan/bound.ts';
import { type Goal, goalText, type PinnedGoal, pinnedGoal } from './goal.ts';
import type { Pinned } from './pinned.ts';

/** Who did something: stored with runs, effects, approvals and the audit log. */
export interface Actor {
  readonly kind: 'person' | 'key' | 'agent' | 'schedule' | 'hook';
  readonly id: string;
  /** The persons for whom it acts, all of them. @default it acts for itself */
  readonly onBehalfOf?: readonly string[];
}

/** Of a run for which nobody says more; 10 goes first. */
export const usualPriority = 5;

/** A run that somebody asks for. */
export interface RunRequest {
  readonly tenantId: number;
  readonly workflow: string;
  /** The version to run, by its number. @default the one in force */
  readonly version?: number;
  /** Validated against the workflow's schema by the caller. */
  readonly input: unknown;
  /** What it is for, in words, at most 500 characters. @default what its workflow says, else the run that starts it */
  readonly goal?: string;
  /** Idempotency key: a second request with it gets the first one's run. */
  readonly key?: string;
  readonly company?: string;
  /** `YYYY-MM-DD`: what "today" means to the run. */
  readonly businessDate: string;
  readonly timeZone: string;
  /** @default 5 */
  readonly priority?: number;
  /** Whether a person waits for it. */
  readonly attended: boolean;
  /** Playbooks behind simulated model calls, and no writes. @default false */
  readonly rehearsal?: boolean;
  /** How many times as fast as a model's a rehearsal's calls are. @default 1 */
  readonly speed?: number;
  /** When it is cancelled if it has not ended, such as the end of a night's window. @default its workflow's deadline alone counts */
  readonly deadlineAt?: Date;
  /** The plan that it must keep to. @default none */
  readonly plan?: BoundPlan;
  readonly actor: Actor;
  /** The label of its input. @default operator of persons, keys and schedules, external of anybody else */
  readonly trust?: Trust;
  /** The step that starts it. @default nobody's: it stands for itself */
  readonly parent?: Parent;
  /** For whom it works, of one that an agent's call starts. @default nobody has handed it on */
  readonly delegated?: DelegatedBy;
  /** The run whose proposal it carries out. @default none: it does work of its own */
  readonly applies?: string;
}

/** Micro-USD that runs may spend together with all that they have started, by the id of the run whose workflow says so; the first is the outermost. */
export type RunPurseLimits = Readonly<Record<string, number>>;

/** Of a run that a step of another one starts. */
export interface Parent {
  readonly runId: string;
  readonly step: number;
  /** 1 for a run that a run started which no run has started. */
  readonly depth: number;
  /** Micro-USD that the parent has left for it. @default no limit */
  readonly leftMicroUsd?: number;
  /** What it pays from together with others, see `RunPins`. @default nothing */
  readonly purses?: RunPurseLimits | undefined;
  /** What the parent is for. @default nobody has said */
  readonly goal?: Goal;
  /** The number of the attempt whose model has handed it on. @default no model has */
  readonly attempt?: number;
}

/** The run that led to another one, and how: a step of it started that one, or that one carries out what it proposed. */
export interface Cause {
  readonly runId: string;
  readonly how: 'child' | 'apply';
  /** The attempt whose model has handed it on. @default no model has */
  readonly attempt?: { readonly step: number; readonly no: number };
}

/** Of a run that does the failed steps of another one again. */
export interface Retry {
  readonly of: string;
  /** The first run of the chain, under whose id keys of effects are made: what it has done is not done again. */
  readonly root: string;
}

/** What a run keeps of its request for whoever owns it. */
export interface RunPins {
  readonly attended?: boolean;
  readonly rehearsal?: boolean;
  readonly speed?: number;
  readonly plan?: BoundPlan;
  readonly depth?: number;
  readonly leftMicroUsd?: number;
  /** Purses of the runs above it that its calls are paid from, too. @default none of them has a budget */
  readonly purses?: RunPurseLimits;
  /** RFC 3339. @default its workflow's deadline alone counts */
  readonly deadlineAt?: string;
  /** @default no run led to it, or a release before traces has stored it */
  readonly cause?: Cause;
  /** @default it is the first */
  readonly retry?: Retry;
  /** @default nobody has handed it on */
  readonly delegated?: DelegatedBy;
  /** The label of the input. @default operator */
  readonly trust?: Trust;
  /** Digest of the input, hex. */
  readonly input?: string;
  /** @default it has no goal */
  readonly goal?: PinnedGoal;
  /** The agents, prompts and policies that it began with. */
  readonly declared?: Pinned;
  /** The versions of policies that were in force when it was asked for, by name. @default none: the code said it all */
  readonly inForce?: Readonly<Record<string, number>>;
}

/** What a run keeps of its request. */
export function pinsOf(
  request: RunRequest,
  input: string,
  { declared, goal }: { readonly declared?: Pinned; readonly goal?: Goal | null } = {},
): RunPins & { readonly input: string } {
  const { attended, rehearsal, speed, plan, parent, actor, delegated } = request;
  const { trust = givenBy(actor) } = request;
  const cause = causeOf(request);
  return {
    attended,
    ...(rehearsal && { rehearsal, ...(speed && { speed }) }),
    ...(plan && { plan }),
    ...(parent && {
      depth: parent.depth,
      ...(parent.leftMicroUsd !== undefined && { leftMicroUsd: parent.leftMicroUsd }),
      ...(parent.purses && { purses: parent.purses }),
    }),
    ...(request.deadlineAt && { deadlineAt: request.deadlineAt.toISOString() }),
    ...(cause && { cause }),
    ...(delegated && { delegated }),
    ...(trust !== 'operator' && { trust }),
    input,
    ...(goal && { goal: pinnedGoal(goal) }),
    ...(declared && { declared }),
  };
}

/**
 * The goal that a run gets: what the request says, else what its workflow says, else that of the run which starts it; null: none of
 * them says any. What the authors of workflows, hooks and schedules have written is not from outside. @throws INPUT_INVALID
 */
export function goalOf(
  { goal, parent, trust, actor }: Pick<RunRequest, 'goal' | 'parent' | 'trust' | 'actor'>,
  usual: string | undefined,
): Goal | null {
  const isDeclared = actor.kind === 'hook' || actor.kind === 'schedule';
  if (goal !== undefined)
    return { text: goalText(goal), trust: isDeclared ? 'system' : (trust ?? givenBy(actor)) };
  if (usual !== undefined) return { text: goalText(usual), trust: 'system' };
  return parent?.goal ?? null;
}

function causeOf({ parent, applies }: RunRequest): Cause | null {
  if (parent) {
    const { runId, step, attempt: no } = parent;
    return { runId, how: 'child', ...(no !== undefined && { attempt: { step, no } }) };
  }
  return applies === undefined ? null : { runId: applies, how: 'apply' };
}

/** The label of what somebody gives to a run: whoever only passes on what came from elsewhere gives what is from outside. */
function givenBy({ kind }: Actor): Trust {
  return ['person', 'key', 'schedule'].includes(kind) ? 'operator' : 'external';
}
