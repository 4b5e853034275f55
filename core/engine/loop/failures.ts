import type { Clock } from '../../base/clock.ts';
import type { ErrorData } from '../../base/errors.ts';
import type { StepFailure } from '../../ports/config.ts';
import { isOutageData } from '../../ports/db/db-error.ts';
import type { RecoveryRule } from '../../sdk/recovery.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { nextEntry } from '../journal/entries.ts';
import type { Change } from '../journal/rows.ts';
import { afterFailure, type Recourse } from '../recovery/ladder.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';

/** How long a step waits whose failure says nothing about it. */
export const innocentDelayMs = 500;

/** Whether a failure says nothing about a step, because its engine or its database was in the way. It costs no try. */
export function isInnocent(error: ErrorData): boolean {
  return ['ENGINE_FENCED', 'ENGINE_STOPPED', 'STOPPED'].includes(error.code) || isOutageData(error);
}

/** Answers that make a conversation useless: who goes on with it is given them again. */
const spent = ['OUTPUT_INVALID', 'TURNS_EXHAUSTED', 'MODEL_REFUSED'];

/** A failed try of a step. */
export interface Failure {
  readonly error: ErrorData;
  /** Whether a model was asked. */
  readonly onModel: boolean;
}

/** What an installation is told of a step that has failed for good. */
export function toldOf(
  { facts }: Run,
  step: Step,
  { agent, error }: Pick<StepFailure, 'agent' | 'error'>,
): StepFailure {
  const { tenantId, id: runId, workflow } = facts;
  return { tenantId, runId, workflow, step: pathOf(step), agent, error, told: step.told };
}

/** When a step is tried again, and what the journal says about it. */
export interface Retry {
  readonly delayMs: number;
  /** Who does it from then on. @default who did it */
  readonly to?: string;
  readonly how: Readonly<Record<string, unknown>>;
}

/** What follows from a failure, as the run loop does it. */
export interface FailureEvents {
  write(change: Change): void;
  /** The step is tried again, after a delay or at once. */
  again(run: Run, step: Step, retry?: Retry): void;
  failed(run: Run, step: Step, error: ErrorData): void;
  skipped(run: Run, step: Step, error: ErrorData): void;
  /** The whole run ends as failed. */
  aborted(run: Run, step: Step, error: ErrorData): void;
}

/** What failures are answered with. */
export interface FailureParts {
  readonly clock: Clock;
  /** The rules in force for an agent: its own, or the setting that replaces them. */
  readonly rulesOf: (tenantId: number, agent: RegisteredAgent) => readonly RecoveryRule[];
  /** The agent that a workflow names for a step, and the one that does it now. */
  readonly agentsOf: (step: Step) => {
    readonly declared: RegisteredAgent;
    readonly acting: RegisteredAgent;
  };
  readonly events: FailureEvents;
}

/** Of a node that says itself how often it tries: that, and nothing else. */
function ownRules({ place }: Step): readonly RecoveryRule[] | null {
  const retry = 'bounds' in place ? place.bounds.retry : undefined;
  return retry ? [{ ways: [{ strategy: 'retry', retry }] }] : null;
}

/** Follows the recovery rules of failed steps, and records which way was taken, who was told and who took over. */
export class Failures {
  readonly #parts: FailureParts;

  constructor(parts: FailureParts) {
    this.#parts = parts;
  }

  follow(run: Run, step: Step, { error, onModel }: Failure): void {
    const { events, rulesOf, agentsOf } = this.#parts;
    // It is ready, and stays so until the stop is lifted; nobody knows of one that could not be looked for.
    if (error.code === 'STOPPED' && error.details?.rule !== 'stop.unknown')
      return events.again(run, step);
    if (isInnocent(error))
      return events.again(run, step, { delayMs: innocentDelayMs, how: { code: error.code } });
    if (error.code === 'PLAN_CHANGED') return this.abort(run, step, error);
    const { declared, acting } = agentsOf(step);
    const recourse = afterFailure({
      rules: ownRules(step) ?? rulesOf(run.facts.tenantId, declared),
      limits: declared.agent.limits,
      error,
      tries: step.tries,
      canFallBack: onModel && acting.agent.procedure !== undefined,
      random: Math.random(),
    });
    step.tries = recourse.tries;
    for (const to of recourse.told) this.#tell(run, step, { to, code: error.code });
    switch (recourse.kind) {
      case 'again':
        return this.#again(run, step, { recourse, error, acting });
      case 'skip':
        return events.skipped(run, step, error);
      case 'abort':
        return this.abort(run, step, error);
      case 'fail':
        return events.failed(run, step, error);
    }
  }

  /** Ends the whole run for the failure of a step. */
  abort(run: Run, step: Step, error: ErrorData): void {
    const { events } = this.#parts;
    const data = { step: pathOf(step), code: error.code };
    events.write({ run, step, entries: [nextEntry(run, { step, kind: 'run.aborted', data })] });
    events.aborted(run, step, error);
  }

  #tell(run: Run, step: Step, data: { readonly to: string; readonly code: string }): void {
    step.told = [...step.told, data.to];
    const entry = nextEntry(run, { step, kind: 'step.escalated', data });
    this.#parts.events.write({ run, step, entries: [entry] });
  }

  #again(
    run: Run,
    step: Step,
    by: {
      readonly recourse: Extract<Recourse, { kind: 'again' }>;
      readonly error: ErrorData;
      readonly acting: RegisteredAgent;
    },
  ): void {
    const { recourse, error, acting } = by;
    const { strategy, agent, playbook, fresh, delayMs } = recourse;
    const isAfresh = fresh || spent.includes(error.code);
    if (isAfresh) step.recorded = 0;
    if (playbook) step.onPlaybook = true;
    if (agent !== undefined) {
      step.crashes = 0;
      const data = { from: acting.name, to: agent };
      this.#parts.events.write({
        run,
        step,
        entries: [nextEntry(run, { step, kind: 'step.reassigned', data })],
      });
    }
    const to = agent === undefined ? {} : { to: agent };
    // By the number of the attempt: whoever takes the run over before the next one begins forgets that conversation, too.
    const afresh = isAfresh ? { afresh: step.attempt } : {};
    const how = { code: error.code, strategy, ...afresh };
    this.#parts.events.again(run, step, { delayMs, how, ...to });
  }
}
