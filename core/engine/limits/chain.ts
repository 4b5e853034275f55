import type { ModelChain } from '../../ports/config.ts';
import type { ModelTarget } from '../../ports/models/model.ts';
import {
  type Price,
  type PriceOverrides,
  priceOf,
  requestOverheadTokens,
  upperBoundMicroUsd,
} from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { ModelProfile } from '../../sdk/agent.ts';
import { gateNames } from './gate-limits.ts';
import type { Demand } from './gate-line.ts';

/** One target of a profile, with what its calls cost and the gate that they pass. */
export interface Target {
  /** Its place in the profile's chain. */
  readonly index: number;
  readonly model: string;
  /** Name of its gate and of its breaker. */
  readonly gate: string;
  readonly maxOutputTokens: number;
  readonly price: Price;
}

/** The targets that answer for a profile, and how one is chosen. */
export interface Chain {
  readonly targets: readonly Target[];
  readonly choose: Required<ModelChain>['choose'];
}

/** A chosen target, and the most that the call can cost there. `isWell` false: all of them are left alone. */
export interface Choice {
  readonly target: Target;
  readonly boundMicroUsd: number;
  readonly isWell: boolean;
}

/** The chains of all profiles. @throws MODEL_UNKNOWN for a model without a price */
export function chainsOf(
  profiles: Profiles | null,
  prices: PriceOverrides,
): ReadonlyMap<ModelProfile, Chain> {
  const gates = new Map<string, string>();
  const chains = Object.entries(profiles ?? {}) as [ModelProfile, Profiles[ModelProfile]][];
  return new Map(
    chains.map(([profile, { targets, choose }]) => [
      profile,
      {
        choose,
        targets: targets.map((target, index) => ({
          index,
          model: target.model,
          gate: gateOf(target, gates),
          maxOutputTokens: target.maxOutputTokens ?? 4_096,
          price: priceOf(target.model, prices),
        })),
      },
    ]),
  );
}

/**
 * The target of a call: of those that are well the first, or the cheapest that may be called now, else the cheapest. When none
 * is well, the one that a call would be refused for.
 */
export function chooseTarget(
  { targets, choose }: Chain,
  bytes: number,
  look: { isWell(target: Target): boolean; isFree(target: Target): boolean },
): Choice {
  const first = targets.find((target) => look.isWell(target));
  const isWell = first !== undefined;
  const priced = (target: Target): Choice => ({
    target,
    boundMicroUsd: upperBoundMicroUsd(bytes, target.maxOutputTokens, target.price),
    isWell,
  });
  if (choose === 'order' || targets.length === 1) return priced(first ?? (targets[0] as Target));
  const candidates = isWell ? targets.filter((target) => look.isWell(target)) : targets;
  // A stable sort: what costs the same stays in the chain's order.
  const byCost = candidates.map(priced).sort((a, b) => a.boundMicroUsd - b.boundMicroUsd);
  const free = byCost.find(({ target }) => look.isFree(target));
  return free ?? (byCost[0] as Choice);
}

/** What a call may use at most. A token is at least one byte of UTF-8, so bytes bound tokens from above for every tokenizer. */
export function demandOf(bytes: number, { maxOutputTokens }: Target): Demand {
  return { inputTokens: bytes + requestOverheadTokens, outputTokens: maxOutputTokens };
}

/** The same model behind two addresses is two accounts, each with limits and failures of its own; the first has the plain name. */
function gateOf(target: ModelTarget, gates: Map<string, string>): string {
  const { provider, model, baseUrl = '' } = target;
  const plain = gateNames.model(model);
  const account = `${provider} ${baseUrl}`;
  const owner = gates.get(plain) ?? account;
  gates.set(plain, owner);
  if (owner === account) return plain;
  return gateNames.model(model, baseUrl === '' ? provider : (URL.parse(baseUrl)?.host ?? baseUrl));
}
