import type { Registry } from './registry.ts';

/** A registry whose content is replaced when modules are loaded or taken away. */
export interface LiveRegistry {
  /** Whoever holds it sees what is loaded now; a copy of its members is what was loaded then. */
  readonly registry: Registry;
  /** What is loaded now: frozen, and another object after each change. */
  readonly current: Registry;
  replace(next: Registry): void;
}

const currentOf = new WeakMap<Registry, () => Registry>();

/** Makes a registry that can be replaced while others hold it. */
export function liveRegistry(first: Registry): LiveRegistry {
  let current = first;
  const members = Object.keys(first) as (keyof Registry)[];
  const getters = members.map((name) => [name, { enumerable: true, get: () => current[name] }]);
  const registry = Object.defineProperties({}, Object.fromEntries(getters)) as Registry;
  currentOf.set(registry, () => current);
  return {
    registry,
    get current() {
      return current;
    },
    replace(next) {
      current = next;
    },
  };
}

/**
 * The registry as it stands now, frozen: for what looks at several of its members and waits in between, and for what is remembered by
 * registry, since the same object means the same content.
 */
export function settledRegistry(registry: Registry): Registry {
  return currentOf.get(registry)?.() ?? registry;
}
