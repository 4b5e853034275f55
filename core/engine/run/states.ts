import { EngineError } from '../../base/errors.ts';
import type { RunStatus, StepStatus, StepWait } from '../../ports/db/states.ts';

/**
 * The words for the state of a run and of a step, and the moves between them. Nothing else is stored; the tables' CHECKs
 * hold the same words.
 */
export type { RunStatus, StepStatus };

const stepMoves: Readonly<Record<StepStatus, readonly StepStatus[]>> = {
  pending: ['ready', 'skipped', 'cancelled', 'failed'],
  // a foreach is succeeded straight from running; a gate from ready
  // waiting: a new owner finds what its predecessor let wait
  ready: ['running', 'waiting', 'succeeded', 'skipped', 'failed', 'cancelled'],
  // back to ready: a retry, or the loss of its thread
  running: ['ready', 'waiting', 'succeeded', 'skipped', 'failed', 'cancelled'],
  waiting: ['ready', 'succeeded', 'skipped', 'failed', 'cancelled'],
  succeeded: [],
  skipped: [],
  failed: [],
  cancelled: [],
};

const runMoves: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  queued: ['running', 'cancelled'],
  running: ['waiting', 'paused', 'succeeded', 'partial', 'failed', 'cancelled'],
  waiting: ['running', 'paused', 'cancelled', 'succeeded', 'partial', 'failed'],
  paused: ['running', 'cancelled'],
  succeeded: [],
  partial: [],
  failed: [],
  cancelled: [],
};

/** A state that never changes again. */
export function isTerminal(status: StepStatus | RunStatus): boolean {
  return (
    (status in stepMoves ? stepMoves[status as StepStatus] : runMoves[status as RunStatus])
      .length === 0
  );
}

const ofPeople: readonly StepWait[] = ['approval', 'budget', 'review', 'version'];

/** Whether a wait ends only when a person does something. */
export function asksPerson(wait: StepWait | null): boolean {
  return wait !== null && ofPeople.includes(wait);
}

/** Lets a move pass or stops the engine: a forbidden one is a defect. @throws INTERNAL */
export function checkMove(from: StepStatus, to: StepStatus): void {
  if (stepMoves[from].includes(to)) return;
  throw new EngineError(
    'INTERNAL',
    `A step cannot go from '${from}' to '${to}'; this is a defect in Tutti.`,
  );
}

/** Asserts that every state can be reached and that moves lead to known states. Called once when an engine is made. */
export function checkStates(): void {
  for (const [start, moves] of [
    ['pending', stepMoves],
    ['queued', runMoves],
  ] as const) {
    const table = moves as Readonly<Record<string, readonly string[]>>;
    const reached = new Set<string>([start]);
    for (const state of reached) for (const next of table[state] ?? []) reached.add(next);
    const missed = Object.keys(table).filter((state) => !reached.has(state));
    if (missed.length > 0)
      throw new EngineError(
        'INTERNAL',
        `No move leads to ${missed.join(', ')}; this is a defect in Tutti.`,
      );
  }
}
