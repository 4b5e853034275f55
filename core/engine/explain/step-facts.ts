import type { CompiledForeach } from '../graph/compiled.ts';
import type { Refusal } from '../limits/broker.ts';
import type { Attempt } from '../loop/attempt.ts';
import { erpBreaker } from '../loop/attempts.ts';
import { keepsBack } from '../loop/refused-call.ts';
import type { Waiting } from '../loop/waiting.ts';
import { priorityOf } from '../run/priority-of.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { RefusalFact, StepFacts } from '../schedule/blockers.ts';
import type { Doer } from './doers.ts';
import type { AwaitedEffect } from './explanation.ts';
import type { LineUp, Placed } from './line-up.ts';
import { isPoint, openNeeds, type Surroundings, waitsForItems } from './surroundings.ts';

/** What is known of one waiting step beside its surroundings. */
export interface Watched {
  readonly run: Run;
  readonly step: Step;
  /** Null for a gate or a foreach. */
  readonly doer: Doer | null;
  /** Its place in the ready queue, if it has one. */
  readonly item: Waiting | null;
  /** Set while it asks for its next call. */
  readonly attempt: Attempt | null;
  /** What first calls are refused that nobody has asked for yet, by who would make them: the same for all of their steps. */
  readonly refused: Map<Doer, readonly Refusal[]>;
  /** The effect that it waits to hear of. */
  readonly effect: AwaitedEffect | null;
  /** What it has started and has not ended. */
  readonly runs: readonly string[];
}

/** Gathers what is in the way of one waiting step, between two ticks. */
export function factsOf(watched: Watched, around: Surroundings, lineUp: LineUp): StepFacts {
  const { run, step, doer, effect, runs } = watched;
  const { clock, scheduler } = around;
  const { status } = step;
  const place = doer && placeOf(watched, doer, clock.now());
  const dependencies = status === 'pending' ? openNeeds(run, step) : [];
  return {
    now: clock.now(),
    dependencies: dependencies.map((need) => ({ path: pathOf(need), status: need.status })),
    items: waitsForItems(step) ? itemsOf(step) : null,
    stop: doer && around.standstill.of(run, step),
    // A conversation under way goes on.
    isPaused: run.isPaused && !step.isAsking,
    isOwned: step.isAsking || !around.isDraining(),
    ...waitOf(watched),
    isWaitNode: step.place.kind === 'wait',
    ...effect,
    ...{ runs, by: step.place.kind === 'approval' ? step.place.by : [] },
    run: run.facts.id,
    module: doer?.registered.module ?? '',
    slots: place && !isPoint(step) ? scheduler.blockers(place) : [],
    refusals: doer ? refusalsOf(watched, doer, around) : [],
    ahead: place ? lineUp.ahead(place) : 0,
  };
}

function itemsOf({ item }: Step): NonNullable<StepFacts['items']> | null {
  const container = item?.container.step;
  if (container?.status !== 'running') return null;
  const { concurrency } = container.place as CompiledForeach;
  return { foreach: pathOf(container), atOnce: concurrency };
}

/** A call that failed is asked for again after a while, without a place in the queue meanwhile. */
function waitOf({ step, attempt }: Watched): Pick<StepFacts, 'wait' | 'wakeAt'> {
  const asksAt = attempt?.asksAt ?? null;
  return asksAt === null ? step : { wait: 'timer', wakeAt: asksAt };
}

/** Where a step stands, or would stand if it came now. */
function placeOf({ run, step, item }: Watched, doer: Doer, now: number): Placed {
  if (item) return item;
  const { registered, usesErp, model } = doer;
  const service = run.facts.attended ? 'interactive' : 'batch';
  return {
    owner: run,
    service: step.isAsking ? 'follow_up' : service,
    run: run.facts.id,
    module: registered.module,
    model: asksFirst(step, doer) || step.isAsking ? model : null,
    erp: usesErp && !step.isAsking,
    priority: priorityOf(run, step),
    readyAt: now,
    order: Number.POSITIVE_INFINITY,
  };
}

/** As the engine's admission asks: the ERP first, then money, breaker and gates of the model. */
function refusalsOf(watched: Watched, doer: Doer, around: Surroundings): readonly RefusalFact[] {
  const { step } = watched;
  const erp = doer.usesErp && !step.isAsking ? around.breakers.refusal(erpBreaker) : null;
  const model = modelRefusals(watched, doer, around);
  // Whoever goes without the model asks for nothing that its side could refuse.
  const goesOn = step.isAsking || doer.goesOn;
  const without = model.findIndex((refusal) => !keepsBack(refusal, goesOn));
  return [
    ...(erp ? [{ blocker: 'breaker' as const, scope: erpBreaker, untilMs: erp.untilMs }] : []),
    ...(without < 0 ? model : model.slice(0, without)),
  ];
}

function modelRefusals(
  { run, step, item, refused }: Watched,
  doer: Doer,
  { turns, broker }: Surroundings,
): readonly Refusal[] {
  const wish = item && turns.wishOf(item);
  if (item) return wish ? broker.refusals(wish) : [];
  if (!asksFirst(step, doer)) return [];
  const known = refused.get(doer);
  if (known) return known;
  // How large its request will be is not known yet.
  const bytes = doer.expected.turns[0]?.bytes ?? 0;
  const found = broker.refusals(turns.wish({ run, step, registered: doer.registered }, bytes));
  refused.set(doer, found);
  return found;
}

/** Whether a start needs a call: a conversation that another attempt has held goes on with what was recorded. */
function asksFirst({ recorded }: Step, { model }: Doer): boolean {
  return model !== null && recorded === 0;
}
