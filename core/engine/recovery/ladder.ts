import type { ErrorData } from '../../base/errors.ts';
import type { AgentLimits } from '../../sdk/agent.ts';
import type { Recovery, RecoveryRule } from '../../sdk/recovery.ts';
import { isAbout, isRecoverable, mayRepeat } from './classify.ts';
import { retryDelayMs } from './retry.ts';

/**
 * Failures of one step after which nothing is tried again, whatever its rules say: rules that take turns would otherwise never
 * end. The ways of the list that end the step or tell somebody still count.
 */
export const mostFailures = 25;

/** What a step has been through. A new one: `noTries`. */
export interface Tries {
  /** Attempts that ended in a failure; the loss of a thread is none. */
  readonly failures: number;
  /** The rule that was followed last, by its place in the list, and the way of it; -1: none. */
  readonly rule: number;
  readonly rung: number;
  /** Failures that count for this way; the one that led to it is the first. */
  readonly rungFailures: number;
}

/** Before the first failure. */
export const noTries: Tries = { failures: 0, rule: -1, rung: 0, rungFailures: 0 };

/** What follows a failure. */
export type Recourse = {
  /** Whom the escalations on the way name, in order. */
  readonly told: readonly string[];
  readonly tries: Tries;
} & (
  | {
      readonly kind: 'again';
      readonly strategy: 'retry' | 'reset' | 'reassign' | 'fallback';
      readonly delayMs: number;
      /** From the start: nothing that a model has said is gone on from. */
      readonly fresh: boolean;
      /** The agent that takes over, qualified; it stays with the step. */
      readonly agent?: string;
      /** From now on its playbook does it. */
      readonly playbook?: true;
    }
  | { readonly kind: 'skip' | 'fail' | 'abort' }
);

/** A failure, and what decides about what follows. */
export interface Failed {
  /** Of the agent that the workflow names, also when another one has taken over. */
  readonly rules: readonly RecoveryRule[];
  readonly limits: Pick<AgentLimits, 'attempts'> | undefined;
  readonly error: ErrorData;
  readonly tries: Tries;
  /** Whether the attempt asked a model and its agent has a playbook. */
  readonly canFallBack: boolean;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/** What follows where no rule is about a failure that may pass by itself. */
const usual: RecoveryRule = { ways: [{ strategy: 'retry' }] };

/**
 * Finds what follows a failure, without a clock or a memory of its own. The first rule that is about the failure is followed
 * from the way where its last failure left it, or from its first way when another rule was followed last; a way that is
 * used up, or that this step does not have, gives way to the next one, and behind the last one the step has failed.
 */
export function afterFailure(failed: Failed): Recourse {
  const { rules, error, tries } = failed;
  const failures = tries.failures + 1;
  const all = [...rules, usual];
  const index = isRecoverable(error.code) ? all.findIndex((rule) => isAbout(rule, error.code)) : -1;
  const rule = all[index];
  if (!rule) return { kind: 'fail', told: [], tries: { ...tries, failures } };
  // The rules may have been changed since: a way that there is no more is no place to go on from.
  const goesOn = index === tries.rule && tries.rung < rule.ways.length;
  return climb(
    { ...failed, rule },
    {
      failures,
      rule: index,
      rung: goesOn ? tries.rung : 0,
      rungFailures: goesOn ? tries.rungFailures + 1 : 1,
    },
  );
}

type Ruled = Failed & { readonly rule: RecoveryRule };

/** Tries the ways of the rule in turn, from where the step stands. */
function climb(failed: Ruled, from: Tries): Recourse {
  const told: string[] = [];
  let tries = from;
  for (const way of failed.rule.ways.slice(from.rung)) {
    if (way.strategy === 'skip' || way.strategy === 'abort')
      return { kind: way.strategy, told, tries };
    if (way.strategy === 'escalate') told.push(way.to);
    else if (tries.failures < mostFailures && isOpen(way, tries.rungFailures, failed))
      return { ...again(way, tries.rungFailures, failed), told, tries };
    // The failure that ends one way is the first that counts for the next.
    tries = { ...tries, rung: tries.rung + 1, rungFailures: 1 };
  }
  return { kind: 'fail', told, tries };
}

type Again = Extract<Recovery, { strategy: 'retry' | 'reset' | 'reassign' | 'fallback' }>;

function isOpen(way: Again, rungFailures: number, failed: Ruled): boolean {
  if (way.strategy === 'reassign') return rungFailures === 1;
  if (way.strategy === 'fallback') return rungFailures === 1 && failed.canFallBack;
  const attempts = way.retry?.attempts ?? failed.limits?.attempts ?? 3;
  return rungFailures < attempts && mayRepeat(failed.rule, failed.error.code);
}

function again(way: Again, rungFailures: number, { error: failure, random }: Failed) {
  const from = { kind: 'again', delayMs: 0, fresh: true } as const;
  if (way.strategy === 'reassign') return { ...from, strategy: 'reassign', agent: way.to } as const;
  if (way.strategy === 'fallback')
    return { ...from, strategy: 'fallback', playbook: true } as const;
  const { strategy, retry = {} } = way;
  const delayMs = retryDelayMs(retry, { failures: rungFailures, random, failure });
  return { ...from, strategy, delayMs, fresh: strategy === 'reset' };
}
