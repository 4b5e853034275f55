import type { Clock } from '../../base/clock.ts';
import type { Dispatcher } from '../../ports/dispatcher.ts';
import type { JobWait } from '../../ports/job-wait.ts';
import type { Standstill } from '../authority/standstill.ts';
import { isAgentPlace } from '../graph/compiled.ts';
import type { Breakers } from '../limits/breaker.ts';
import type { Broker } from '../limits/broker.ts';
import type { Attempts } from '../loop/attempts.ts';
import type { Launcher } from '../loop/launcher.ts';
import type { Turns } from '../loop/turns.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import type { Container, Step } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';

/** What of an engine decides when work starts, looked at between two of its ticks. */
export interface Surroundings {
  readonly runs: ReadonlyMap<string, Run>;
  readonly scheduler: Scheduler<Waiting>;
  readonly broker: Broker;
  readonly breakers: Breakers;
  readonly turns: Turns;
  readonly launcher: Launcher;
  readonly attempts: Attempts;
  readonly dispatcher: Pick<Dispatcher, 'awaiting'>;
  readonly clock: Clock;
  readonly standstill: Pick<Standstill, 'of'>;
  /** Whether the engine is being stopped: only conversations under way go on. */
  readonly isDraining: () => boolean;
}

/** A step that takes no slot: what its expressions decide, what waits for something outside, or a foreach around its items. */
export function isPoint({ place }: Step): boolean {
  return !isAgentPlace(place);
}

/** Steps that have begun and wait for another machine or a process, with what they wait for. */
export function awaitedPlaces({
  attempts,
  dispatcher,
}: Pick<Surroundings, 'attempts' | 'dispatcher'>): ReadonlyMap<Step, JobWait> {
  const found = new Map<Step, JobWait>();
  for (const [ref, wait] of dispatcher.awaiting ?? []) {
    const attempt = attempts.at(ref);
    if (attempt) found.set(attempt.step, wait);
  }
  return found;
}

/** The steps that must end first and have not. */
export function openNeeds(run: Run, { item, place }: Step): readonly Step[] {
  const siblings = item?.steps ?? run.steps;
  return place.deps
    .map((index) => siblings[index] as Step)
    .filter(({ status }) => !isTerminal(status));
}

/** Whether a step is among the first of an item that its foreach has not opened. */
export function waitsForItems({ item, status, place }: Step): boolean {
  return item !== null && !item.released && status === 'pending' && place.deps.length === 0;
}

/** The foreachs of a run whose items are known. */
export function containersOf(run: Run): ReadonlyMap<Step, Container> {
  const found = new Map<Step, Container>();
  for (const { item } of run.steps) if (item) found.set(item.container.step, item.container);
  return found;
}
