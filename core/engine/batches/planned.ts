import type { BatchConfig } from '../../ports/config.ts';
import type { ModelTarget, Usage } from '../../ports/models/model.ts';
import {
  batchPrice,
  costMicroUsd,
  type PriceOverrides,
  priceOf,
  upperBoundMicroUsd,
} from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { CompiledForeach } from '../graph/compiled.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import { isInTime } from './eligible.ts';
import { type BatchSettings, batchSettings } from './settings.ts';
import { directTarget } from './targets.ts';

/** A call that a plan counts with. */
export interface PlannedBatchCall {
  /** UTF-8 bytes of its request. */
  readonly bytes: number;
  readonly usage: Usage;
  readonly boundMicroUsd: number;
  readonly costMicroUsd: number;
}

/** A step with its planned calls. */
interface PlannedStep<Call> {
  readonly visit: { readonly step: Step; readonly registered: RegisteredAgent };
  readonly calls: readonly Call[];
}

/** The calls of a step that would go by batches: its first ones. */
export interface PlannedBatches {
  readonly calls: number;
  readonly model: string;
  /** What a batch is expected to take, milliseconds. */
  readonly expectedMs: number;
  /** How long the step waits for all of them, gathering included, milliseconds. */
  readonly waitMs: number;
  readonly costMicroUsd: number;
}

/** What planned batches follow from. */
export interface PlannedBatchParts {
  readonly run: Run;
  readonly config: BatchConfig | undefined;
  readonly profiles: Profiles;
  readonly prices: PriceOverrides;
  readonly hasBatches: (target: ModelTarget) => boolean;
  /** What batches of a model have taken; undefined: none was seen. */
  readonly learnedMs: (model: string) => number | undefined;
}

/**
 * Sends planned calls by batches as the engine would: those of agents that declare it, together with those of the same node, as if
 * every step began with the run. Their price is a batch's; at most they cost that and, should the batch be late, a direct call.
 */
export function planBatches<Call extends PlannedBatchCall, Work extends PlannedStep<Call>>(
  work: readonly Work[],
  parts: PlannedBatchParts,
): readonly (Work & { readonly batches?: PlannedBatches })[] {
  const settings = batchSettings(parts.config);
  if (!settings.enabled) return work;
  const planned = new Map<Work, Work & { readonly batches: PlannedBatches }>();
  for (const steps of Map.groupBy(work, ({ visit }) => visit.step.node).values()) {
    const first = steps.find(({ calls }) => calls.length > 0);
    const target = first && targetOf(first, parts);
    if (!target) continue;
    const declared = first.visit.registered.agent.batch?.rounds ?? 0;
    const expectedMs = parts.learnedMs(target.model) ?? settings.expectedMs;
    const since = parts.run.facts.createdAt;
    // As the engine looks once more when calls have gathered.
    const plan = { target, rounds: declared, at: since + settings.gatherMs, since };
    const times = { expectedMs: () => expectedMs };
    if (!isInTime(parts.run, plan, { settings, times })) continue;
    const rounds = roundsOf(steps, declared, settings);
    for (const each of steps) {
      const calls = Math.min(rounds, each.calls.length);
      const waitMs = calls * (settings.gatherMs + expectedMs);
      const told = { calls, model: target.model, expectedMs, waitMs };
      if (calls > 0) planned.set(each, priced<Call, Work>(each, { target, told, parts }));
    }
  }
  return work.map((each) => planned.get(each) ?? each);
}

function targetOf<Call extends PlannedBatchCall>(
  { visit, calls }: PlannedStep<Call>,
  { profiles, prices, hasBatches }: PlannedBatchParts,
): ModelTarget | null {
  const { agent } = visit.registered;
  const [call] = calls;
  if (!agent.batch || !call) return null;
  const chain = profiles[agent.model ?? 'standard'];
  const target = directTarget(chain, call.bytes, ({ model }) => priceOf(model, prices));
  return target && hasBatches(target) ? target : null;
}

/** How many rounds in a row have enough calls at once to go together. */
function roundsOf(
  steps: readonly PlannedStep<PlannedBatchCall>[],
  declared: number,
  { leastItems }: BatchSettings,
): number {
  const container = steps[0]?.visit.step.item?.container.step.place as CompiledForeach | undefined;
  const atOnce = container?.concurrency ?? 1;
  let rounds = 0;
  while (rounds < declared) {
    const calls = steps.filter((step) => step.calls.length > rounds).length;
    if (Math.min(calls, atOnce) < leastItems) break;
    rounds += 1;
  }
  return rounds;
}

function priced<Call extends PlannedBatchCall, Work extends PlannedStep<Call>>(
  work: Work,
  how: {
    readonly target: ModelTarget;
    readonly told: Omit<PlannedBatches, 'costMicroUsd'>;
    readonly parts: PlannedBatchParts;
  },
): Work & { readonly batches: PlannedBatches } {
  const { target, told, parts } = how;
  const listed = priceOf(target.model, parts.prices);
  const { maxOutputTokens = 4_096 } = target;
  const calls = work.calls.map((call, index) => {
    if (index >= told.calls) return call;
    const bound = upperBoundMicroUsd(call.bytes, maxOutputTokens, batchPrice(listed));
    return {
      ...call,
      costMicroUsd: costMicroUsd(call.usage, listed, { batch: true }),
      boundMicroUsd: bound + call.boundMicroUsd,
    };
  });
  const cost = calls.slice(0, told.calls).reduce((sum, each) => sum + each.costMicroUsd, 0);
  return { ...work, calls, batches: { ...told, costMicroUsd: cost } };
}
