import type { Clock } from '../../base/clock.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Breakers } from '../limits/breaker.ts';
import type { Broker } from '../limits/broker.ts';
import { type Attempts, usesErp } from '../run/attempts.ts';
import type { Launcher } from '../run/launcher.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import type { Container, Step } from '../run/step.ts';
import { needsModel, type Turns } from '../run/turns.ts';
import type { Waiting } from '../run/waiting.ts';
import type { WorkMode } from '../schedule/durations.ts';
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
  readonly clock: Clock;
}

/** The agent of a step, and how it would work. */
export interface Doer {
  readonly registered: RegisteredAgent;
  readonly mode: WorkMode;
  /** How many times as fast as real ones its calls go, in a rehearsal. */
  readonly speed: number;
  /** The first model of its profile, or null where its playbook does the step. */
  readonly model: string | null;
  readonly usesErp: boolean;
  /** Whether it goes on without a model when its first call is denied. */
  readonly goesOn: boolean;
}

/** A step that takes neither time nor a slot: a gate, or a foreach around its items. */
export function isPoint({ kind }: Step): boolean {
  return kind === 'gate' || kind === 'foreach';
}

/** Who does a step that is no point, or would do the items of a foreach. */
export function doerOf(
  run: Run,
  step: Step,
  { launcher, turns }: Pick<Surroundings, 'launcher' | 'turns'>,
): Doer {
  const registered = launcher.agentOf(step);
  const usesModel = turns.areOn(run) && !step.onPlaybook;
  const asked = run.facts.rehearsal ? 'rehearsal' : 'model';
  return {
    registered,
    mode: usesModel ? asked : 'playbook',
    speed: run.facts.rehearsal ? (run.facts.speed ?? 1) : 1,
    model: usesModel ? turns.modelOf(registered) : null,
    usesErp: usesErp(registered),
    goesOn: !needsModel(registered),
  };
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
