import type { Config } from '../../ports/config.ts';
import { settledRegistry } from '../../sdk/live-registry.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { Definitions, Publication } from '../versions/definitions.ts';
import { publishedRegistry, storedPolicy } from '../versions/published.ts';
import type { Change } from './change.ts';
import { differenceOf } from './difference.ts';
import type { Around } from './fit.ts';
import type { Named, PolicyStore } from './policy-store.ts';

/** What policies are kept with. */
export interface PolicyParts {
  readonly definitions: Definitions;
  readonly store: PolicyStore;
  readonly registry: Registry;
  readonly config: Pick<Config, 'roles'>;
  /** Codes of a tenant's companies. */
  readonly companies: (tenantId: number) => Promise<readonly string[]>;
}

/** How things stand where a policy is looked at. */
export interface Standing extends Named {
  readonly registry: Registry;
  /** What counts now. */
  readonly now: readonly Policy[];
  readonly history: readonly Publication[];
  /** How many words had been said about policies. */
  readonly seen: number;
}

/** Finds how things stand, and how they would stand with another version. */
export class Standings {
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  /** How things stand now where a policy is looked at. */
  async of({ tenantId, name }: Named): Promise<Standing> {
    const { store, definitions } = this.#parts;
    // Counted first: whatever is said after that is noticed before anything is said here.
    const seen = await store.count(tenantId);
    const [registry, history] = await Promise.all([
      this.published(tenantId),
      definitions.policies.publications(tenantId, name),
    ]);
    return { tenantId, name, registry, now: registry.policies, history, seen };
  }

  /** What would count with a version of the policy, or with what the code says of it. @throws POLICY_UNKNOWN */
  async with(
    { tenantId, name, now }: Standing,
    version: number | null,
  ): Promise<readonly Policy[]> {
    const own = version === null ? this.code(name) : [await this.stored(tenantId, name, version)];
    return [...now.filter((policy) => policy.name !== name), ...own];
  }

  /** What is decided otherwise by that. @throws POLICY_UNKNOWN */
  async changes(standing: Standing, version: number | null): Promise<readonly Change[]> {
    return differenceOf(standing.now, await this.with(standing, version));
  }

  /** A version, in force or not. @throws POLICY_UNKNOWN */
  async stored(tenantId: number, name: string, version: number): Promise<Policy> {
    return storedPolicy(await this.#parts.definitions.policies.version(tenantId, name, version));
  }

  /** What the code says under a name. */
  code(name: string): readonly Policy[] {
    return settledRegistry(this.#parts.registry).policies.filter((each) => each.name === name);
  }

  /** Everything that counts for a tenant. */
  published(tenantId: number): Promise<Registry> {
    return publishedRegistry(this.#parts.definitions, this.#parts.registry, { tenantId });
  }

  /** What a policy must fit. */
  around(registry: Registry): Around {
    return { registry, roles: this.#parts.config.roles ?? {} };
  }
}

/** Words whose moment has not come, down to the one that counts. */
export function pendingIn(history: readonly Publication[]): readonly Publication[] {
  const isPending = ({ effective }: Publication): boolean =>
    effective !== null && effective.getTime() > Date.now();
  const counting = history.findIndex((each) => !isPending(each));
  return counting < 0 ? history : history.slice(0, counting);
}

/** Whether what is wanted counts already, with nothing else to come. */
export function isInForce(
  { now, name, history }: Standing,
  version: number | null,
  effective: Date | null,
): boolean {
  if (effective !== null || pendingIn(history).length > 0) return false;
  const inForce = now.find((policy) => policy.name === name && policy.version !== undefined);
  return (inForce?.version ?? null) === version;
}
