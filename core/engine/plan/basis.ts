import { digest } from '../../base/ids.ts';
import { PRICES_VERSION, type PriceOverrides, priceOf } from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { Registry } from '../../sdk/registry.ts';

/** What an engine brings to every run. */
export interface BasisParts {
  readonly registry: Pick<Registry, 'digest'>;
  readonly profiles: Profiles | null;
  readonly prices: PriceOverrides;
}

/** Digest of the declarations, the models and their prices, hex: with other ones a run is another than was planned. */
export function basisDigest({ registry, profiles, prices }: BasisParts): string {
  const models = Object.entries(profiles ?? {}).map(([profile, { targets, choose }]) => [
    profile,
    choose,
    targets.map((target) => [target, priceOf(target.model, prices)]),
  ]);
  return digest(registry.digest, PRICES_VERSION, models).toString('hex').slice(0, 32);
}
