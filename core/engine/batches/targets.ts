import type { BatchModel } from '../../ports/models/batch/batch.ts';
import type { ModelTarget, Usage } from '../../ports/models/model.ts';
import {
  batchPrice,
  costMicroUsd,
  type Price,
  type PriceOverrides,
  priceOf,
  upperBoundMicroUsd,
} from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { ModelProfile } from '../../sdk/agent.ts';

/** Opens the batches of a target's provider; null where it has none. */
export type OpenBatches = (target: ModelTarget) => BatchModel | null;

/** A model whose calls can go by its provider's batches. */
export class BatchTarget {
  readonly model: string;
  readonly maxOutputTokens: number;
  readonly batches: BatchModel;
  /** As listed: the rates of batches are part of it. */
  readonly #price: Price;

  constructor(target: ModelTarget, batches: BatchModel, price: Price) {
    this.model = target.model;
    this.maxOutputTokens = target.maxOutputTokens ?? 4_096;
    this.batches = batches;
    this.#price = price;
  }

  /** The most that a call of so many bytes can cost in a batch. */
  boundMicroUsd(bytes: number): number {
    return upperBoundMicroUsd(bytes, this.maxOutputTokens, batchPrice(this.#price));
  }

  /** What a call has cost in a batch. */
  costMicroUsd(usage: Usage): number {
    return costMicroUsd(usage, this.#price, { batch: true });
  }
}

/** Prices of a chain's models as listed. */
type Listed = (target: ModelTarget) => Price;

/**
 * The model that a direct call would go to while all are well: a batch must not change who answers. Of a chain that is chosen
 * from by cost the cheapest, else the first.
 */
export function directTarget(
  { targets, choose }: Profiles[ModelProfile],
  bytes: number,
  priceOf: Listed,
): ModelTarget | null {
  if (choose === 'order') return targets[0] ?? null;
  const direct = (target: ModelTarget): number =>
    upperBoundMicroUsd(bytes, target.maxOutputTokens ?? 4_096, priceOf(target));
  return targets.toSorted((a, b) => direct(a) - direct(b))[0] ?? null;
}

/** What targets are found with. */
export interface TargetParts {
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  readonly prices: PriceOverrides;
  /** @default no provider has batches */
  readonly open?: OpenBatches | undefined;
}

/** Which models have batches. Each is opened once, and nothing is connected before its first use. */
export class BatchTargets {
  readonly #parts: TargetParts;
  readonly #opened = new Map<ModelTarget, BatchTarget | null>();

  constructor(parts: TargetParts) {
    this.#parts = parts;
  }

  /** The model that a direct call of a profile would go to, or null when it has no batches. */
  of(profile: ModelProfile, bytes: number): BatchTarget | null {
    const chain = this.#parts.profiles?.[profile];
    if (!chain) return null;
    const target = directTarget(chain, bytes, (each) => this.#price(each));
    return target && this.#opening(target);
  }

  /** The model of a batch that is under way, by what its journal says; null when it is no longer configured. */
  named(profile: ModelProfile, model: string): BatchTarget | null {
    const { profiles } = this.#parts;
    const all = profiles ? [profiles[profile], ...Object.values(profiles)] : [];
    const found = all.flatMap(({ targets }) => targets).find((target) => target.model === model);
    return found ? this.#opening(found) : null;
  }

  #opening(target: ModelTarget): BatchTarget | null {
    const known = this.#opened.get(target);
    if (known !== undefined) return known;
    const batches = this.#parts.open?.(target) ?? null;
    const opened = batches && new BatchTarget(target, batches, this.#price(target));
    this.#opened.set(target, opened);
    return opened;
  }

  #price({ model }: ModelTarget): Price {
    return priceOf(model, this.#parts.prices);
  }
}
