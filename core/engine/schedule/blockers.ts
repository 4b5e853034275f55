import type { StepWait } from '../../ports/db/states.ts';
import type { JobWait } from '../../ports/job-wait.ts';
import type { PolicyRef } from '../../sdk/policy/policy-ref.ts';
import { type BlockerData, type Dependency, type GateKind, gateKinds } from './blocker-data.ts';
import { blockerText } from './blocker-text.ts';
import type { Blocker as Slot } from './scheduler.ts';

/** A refusal by breaker, purse or gate. */
export interface RefusalFact {
  readonly blocker: GateKind | 'breaker' | 'budget';
  /** Which breaker, purse or gate: `model:gpt-5`, `tenant`, `erp`. */
  readonly scope: string;
  /** Milliseconds until it may be over, or null. */
  readonly untilMs: number | null;
  /** Waiting will not help: the step starts all the same, and goes without the model or fails. @default false */
  readonly never?: boolean;
}

/** What is known of a waiting step; its owner gathers it between two ticks, so that all of it is of one moment. */
export interface StepFacts {
  readonly now: number;
  /** Its dependencies that have not ended, while the step is pending. */
  readonly dependencies: readonly Dependency[];
  /** The foreach that has not opened its item yet, and how many it opens at once. @default null */
  readonly items?: { readonly foreach: string; readonly atOnce: number } | null;
  /** What somebody has stopped that reaches it. @default nothing */
  readonly stop?: { readonly reach: string; readonly reason: string } | null;
  readonly isPaused: boolean;
  /** Whether an engine owns the run. */
  readonly isOwned: boolean;
  readonly wait: StepWait | null;
  readonly wakeAt: number | null;
  /** Whether it is a node that waits for a moment; others wait for one when they have failed. @default false */
  readonly isWaitNode?: boolean;
  /** What a step in review, or one that asks for approval, waits to hear of: an effect's key. @default null */
  readonly key?: string | null;
  /** The policy by which that effect takes people's word. @default none, or nobody knows */
  readonly policy?: PolicyRef | null;
  /** Whom an approval asks: names of roles and persons. @default nobody: it is of an effect */
  readonly by?: readonly string[];
  /** What a step has started that waits for it. @default nobody knows */
  readonly runs?: readonly string[];
  readonly run: string;
  readonly module: string;
  /** Every slot that it could not have now, not just the first. */
  readonly slots: readonly Slot[];
  /** Everything that would refuse what its start needs, not just the first. */
  readonly refusals: readonly RefusalFact[];
  /** How many go before it: those ahead of it in its line (line.ts) and the follow-ups that wait for its model. */
  readonly ahead: number;
}

/** A thing in the way of a waiting step, with a sentence for people and the milliseconds until it may be over, when known. */
export type StepBlocker = BlockerData & { readonly text: string; readonly untilMs: number | null };

const waitKinds = {
  timer: 'retry',
  review: 'review',
  budget: 'budget_approval',
  approval: 'approval',
  event: 'event',
  version: 'version',
  batch: 'batch',
  child: 'child',
} as const satisfies Record<StepWait, BlockerData['kind']>;

const slotOrder: readonly Slot[] = ['running', 'run', 'module'];
const refusalOrder: readonly string[] = ['breaker', 'erp', 'budget', ...gateKinds];

/**
 * What a waiting step waits for, in the order in which a start is admitted: what holds the step itself (dependencies, the items of its foreach, a stop, a
 * pause, no owner, a moment, a person), then slots, then breaker, ERP, money and gates, then its place in the line.
 *
 * The list is complete and holds nothing else: every entry is a condition that the start fails now, and the start fails no other.
 * "Lifted" means lifted for this step alone, while everything else goes on as it would: between ticks nobody else can start, so
 * nobody takes what is lifted. In that sense, at a moment between two ticks:
 *
 * - lifting all of the list starts the step at the next tick, and lifting any part of it does not;
 * - the first is the one that decides: while it stands nothing behind it is looked at, and whoever lifts the others has not
 *   started the step. A step with one entry starts at the next tick when that is lifted;
 * - with the first lifted and the rest left to time, the step starts as soon as the rest is gone: never later than it would have,
 *   and also when nothing else would ever have ended the first (`Forecast.ifLifted` says when).
 *
 * Lifting a limit for everybody promises less: others may take the room, and a forecast may become worse (see forecast.ts).
 */
export function blockersOf(facts: StepFacts): readonly StepBlocker[] {
  return [...holds(facts), ...slots(facts), ...refusals(facts), ...queue(facts)];
}

/** What a step waits for that has all that a start takes: lifting it starts the step at once. `since`: RFC 3339. */
export function jobBlocker(wait: JobWait, since: string): StepBlocker {
  return say({ ...wait, since });
}

function holds(facts: StepFacts): readonly StepBlocker[] {
  const {
    dependencies,
    items = null,
    stop = null,
    isPaused,
    isOwned,
    wait,
    wakeAt,
    isWaitNode = false,
    now,
    key = null,
    policy = null,
    by = [],
    runs = [],
  } = facts;
  const found: StepBlocker[] = [];
  if (dependencies.length > 0) found.push(say({ kind: 'dependency', steps: dependencies }));
  if (items !== null) found.push(say({ kind: 'items', ...items }));
  if (stop) found.push(say({ kind: 'stop', reach: stop.reach, reason: stop.reason }));
  if (isPaused) found.push(say({ kind: 'paused' }));
  if (!isOwned) found.push(say({ kind: 'owner' }));
  if (wait === null) return found;
  const kind = isWaitNode && wait === 'timer' ? 'moment' : waitKinds[wait];
  const untilMs = wakeAt === null ? null : Math.max(0, wakeAt - now);
  if (kind === 'review') found.push(say({ kind, key }, untilMs));
  else if (kind === 'approval')
    found.push(say({ kind, key, by, ...(policy && { policy }) }, untilMs));
  else if (kind === 'child') found.push(say({ kind, runs }, untilMs));
  else found.push(say({ kind }, untilMs));
  return found;
}

function slots({ slots: full, run, module }: StepFacts): readonly StepBlocker[] {
  return slotOrder
    .filter((slot) => full.includes(slot))
    .map((slot) => {
      if (slot === 'run') return say({ kind: slot, run });
      if (slot === 'module') return say({ kind: slot, module });
      return say({ kind: 'running' });
    });
}

function refusals({ refusals: found }: StepFacts): readonly StepBlocker[] {
  // Whoever goes without the model asks for nothing that the model's side could refuse.
  if (found.some(({ never }) => never)) return [];
  return found
    .map(({ blocker, scope, untilMs }) => say(dataOf(blocker, scope), untilMs))
    .sort((a, b) => refusalOrder.indexOf(a.kind) - refusalOrder.indexOf(b.kind));
}

function dataOf(blocker: RefusalFact['blocker'], scope: string): BlockerData {
  if (blocker === 'breaker' || blocker === 'budget') return { kind: blocker, scope };
  return scope === 'erp' || scope.startsWith('erp:')
    ? { kind: 'erp', scope, limit: blocker }
    : { kind: blocker, scope };
}

function queue({ ahead }: StepFacts): readonly StepBlocker[] {
  return ahead > 0 ? [say({ kind: 'queue', ahead })] : [];
}

function say(data: BlockerData, untilMs: number | null = null): StepBlocker {
  return { ...data, untilMs, text: blockerText(data, untilMs) };
}
