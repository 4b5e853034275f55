import type { CompiledForeach, CompiledTask } from '../graph/compiled.ts';
import type { Refusal } from '../limits/broker.ts';
import { erpBreaker } from '../run/attempts.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { Waiting } from '../run/waiting.ts';
import type { RefusalFact, StepFacts } from '../schedule/blockers.ts';
import type { Ready } from '../schedule/ready.ts';
import type { LineUp } from './line-up.ts';
import { type Doer, isPoint, openNeeds, type Surroundings, waitsForItems } from './surroundings.ts';

/** What is known of one waiting step beside its surroundings. */
export interface Watched {
  readonly run: Run;
  readonly step: Step;
  /** Null for a gate or a foreach. */
  readonly doer: Doer | null;
  /** Its place in the ready queue, if it has one. */
  readonly item: Waiting | null;
  /** The size of its next request, UTF-8; an estimate where `item` does not say. */
  readonly bytes: number;
  /** The effect that it waits to hear of. */
  readonly key: string | null;
}

/** Gathers what is in the way of one waiting step, between two ticks. */
export function factsOf(watched: Watched, around: Surroundings, lineUp: LineUp): StepFacts {
  const { run, step, doer, key } = watched;
  const { clock, scheduler } = around;
  const { wait, wakeAt, status } = step;
  const place = doer && placeOf(watched, doer, clock.now());
  const dependencies = status === 'pending' ? openNeeds(run, step) : [];
  return {
    now: clock.now(),
    dependencies: dependencies.map((need) => ({ path: pathOf(need), status: need.status })),
    items: waitsForItems(step) ? itemsOf(step) : null,
    // A conversation under way goes on.
    isPaused: run.isPaused && !step.isAsking,
    isOwned: true,
    ...{ wait, wakeAt, key, by: step.place.kind === 'approval' ? step.place.by : [] },
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

/** Where a step stands, or would stand if it came now. */
function placeOf(
  { run, step, item }: Watched,
  { registered, model, usesErp }: Doer,
  now: number,
): Ready {
  if (item) return item;
  return {
    service: run.facts.attended ? 'interactive' : 'batch',
    run: run.facts.id,
    module: registered.module,
    model,
    erp: usesErp,
    priority: (step.place as CompiledTask).priority,
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
  const without = model.findIndex(
    ({ never, blocker }) => never || (blocker === 'breaker' && goesOn),
  );
  return [
    ...(erp ? [{ blocker: 'breaker' as const, scope: erpBreaker, untilMs: erp.untilMs }] : []),
    ...(without < 0 ? model : model.slice(0, without)),
  ];
}

function modelRefusals(
  { run, step, item, bytes }: Watched,
  { registered, model }: Doer,
  { turns, broker }: Surroundings,
): readonly Refusal[] {
  if (model === null) return [];
  // A conversation that another attempt has held goes on without asking.
  if (!item && step.recorded > 0 && !run.facts.rehearsal) return [];
  const wish = item ? item.wish : turns.wish({ run, step, registered }, bytes);
  return wish ? broker.refusals(wish) : [];
}
