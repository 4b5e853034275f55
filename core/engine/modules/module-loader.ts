import { type ErrorData, toErrorData } from '../../base/errors.ts';
import type { DeclaredModules } from '../../ports/dispatcher.ts';
import type { ModuleRef, PresentModules, ReadModule } from '../../ports/module-code.ts';
import type { AnyEntity } from '../../sdk/entity.ts';
import type { LiveRegistry } from '../../sdk/live-registry.ts';
import type { Module } from '../../sdk/module.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { EngineModule, ModuleLoads } from './module-loads.ts';

/** What modules are loaded with. */
export interface ModuleLoaderParts {
  readonly loads: Pick<ModuleLoads, 'wanted' | 'report'>;
  /** Names of the configuration's own modules: what the table says of them counts no more. */
  readonly configured: readonly string[];
  /** What is loaded; without those of this loader it is what the configuration names. */
  readonly live: LiveRegistry;
  /** Reads the code of a module. @throws MODULE_INVALID · MODULE_NOT_LOADABLE */
  readonly read: (ref: ModuleRef) => Promise<ReadModule>;
  /** The registry of the configuration with modules beside its own, checked whole. @throws MODULE_INVALID and what else a start refuses */
  readonly registryWith: (modules: readonly Module[]) => Registry;
  /** Makes room for records in the ERP, before anybody asks for them. */
  readonly prepare: (entities: readonly AnyEntity[]) => Promise<void>;
}

/** The engine in which modules are loaded. */
export interface LoadingEngine {
  readonly boot: string;
  /** Has every thread load what is declared. @throws MODULE_INVALID when one could not: then all are as they were */
  declare(declared: DeclaredModules): Promise<void>;
  /** Whether a run that it has taken up could still need a module. */
  uses(module: string): boolean;
  /** Resolves when no run is being taken up that was claimed before. */
  claimsSettled(): Promise<void>;
  /** What is loaded has changed. */
  moved(): void;
}

interface Loaded extends ModuleRef, ReadModule {}

/**
 * Brings what this process has loaded to what the table says. A module is read and checked with everything else that is loaded, then every thread
 * loads it, and only then anybody hears of it: no step meets a thread that does not know its agent. One that goes starts nothing more, its runs
 * end, and then it is forgotten; a changed one goes and comes again. What is wrong with one of them leaves the others as they are.
 */
export class ModuleLoader {
  readonly #parts: ModuleLoaderParts;
  #loaded: readonly Loaded[] = [];
  #leaving: ReadonlySet<string> = new Set();
  #failed: ReadonlyMap<string, { readonly generation: number; readonly error: ErrorData }> =
    new Map();
  #seen = '';
  #reported = '[]';
  #tending: Promise<void> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  constructor(parts: ModuleLoaderParts) {
    this.#parts = parts;
  }

  /** What threads load beside the configuration's. */
  get declared(): DeclaredModules {
    return { modules: refsOf(this.#loaded), digest: this.#parts.live.current.digest };
  }

  /** What this engine takes up runs of. What goes, or could not be loaded here, is not in it: those runs wait for an engine that has it. */
  get present(): PresentModules {
    const loaded = this.#loaded.filter(({ name }) => !this.#leaving.has(name));
    return { loaded: refsOf(loaded), configured: this.#parts.configured };
  }

  /** Calls `listener` whenever other modules are loaded than before, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is to be loaded, before there is an engine; what cannot be is left out. @throws DB_* */
  async open(): Promise<void> {
    await this.#follow(await this.#parts.loads.wanted(), null);
  }

  /** Whether everything else would stand without a module. @throws what a start without it would */
  checkWithout(name: string): void {
    this.#parts.registryWith(this.#without(name).map(({ module }) => module));
  }

  /** Does what the table asks for, after what is under way. @throws DB_* */
  tend(engine: LoadingEngine): Promise<void> {
    const tended = this.#tending.then(() => this.#tend(engine));
    this.#tending = tended.catch(() => {});
    return tended;
  }

  async #tend(engine: LoadingEngine): Promise<void> {
    const rows = await this.#parts.loads.wanted();
    const asked = JSON.stringify(rows);
    if (asked !== this.#seen || this.#leaving.size > 0) await this.#follow(rows, engine);
    this.#seen = asked;
    const states = JSON.stringify(this.#states());
    if (states === this.#reported) return;
    await this.#parts.loads.report(engine.boot, this.#states());
    this.#reported = states;
  }

  async #follow(
    all: Awaited<ReturnType<ModuleLoads['wanted']>>,
    engine: LoadingEngine | null,
  ): Promise<void> {
    const rows = all.filter(({ name }) => !this.#parts.configured.includes(name));
    const wanted = rows.filter((row) => row.wanted);
    const isWanted = (one: ModuleRef) => wanted.some((each) => isSame(each, one));
    for (const one of this.#loaded) if (!isWanted(one)) await this.#leave(one, engine);
    for (const ref of wanted) {
      if (this.#loaded.some(({ name }) => name === ref.name)) continue;
      if (this.#failed.get(ref.name)?.generation === ref.generation) continue;
      await this.#try(ref, async () => {
        const read = { ...ref, ...(await this.#parts.read(ref)) };
        await this.#apply([...this.#loaded, read], engine);
      });
    }
    const still = [...this.#failed].filter(([name]) => wanted.some((each) => each.name === name));
    this.#failed = new Map(still);
  }

  /** Starts nothing more of a module; forgets it when no run is left that may need it. */
  async #leave(one: Loaded, engine: LoadingEngine | null): Promise<void> {
    const { name } = one;
    if (!this.#leaving.has(name)) {
      this.#leaving = new Set([...this.#leaving, name]);
      this.#show(this.#parts.live.current, engine);
    }
    await engine?.claimsSettled();
    if (engine?.uses(name)) return;
    await this.#try(one, async () => {
      await this.#apply(this.#without(name), engine);
      this.#leaving = new Set([...this.#leaving].filter((each) => each !== name));
    });
  }

  async #try({ name, generation }: ModuleRef, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failed = new Map([...this.#failed].filter(([each]) => each !== name));
    } catch (error) {
      this.#failed = new Map(this.#failed).set(name, { generation, error: toErrorData(error) });
    }
  }

  async #apply(next: readonly Loaded[], engine: LoadingEngine | null): Promise<void> {
    const registry = this.#parts.registryWith(next.map(({ module }) => module));
    await this.#parts.prepare([...registry.entities.values()]);
    await engine?.declare({ modules: refsOf(next), digest: registry.digest });
    this.#loaded = next;
    this.#show(registry, engine);
  }

  #show(registry: Registry, engine: LoadingEngine | null): void {
    this.#parts.live.replace(withoutStarts(registry, this.#leaving));
    engine?.moved();
    for (const listener of this.#listeners) listener();
  }

  #without(name: string): readonly Loaded[] {
    return this.#loaded.filter((each) => each.name !== name);
  }

  #states(): readonly EngineModule[] {
    const loaded = this.#loaded.map(({ name, generation, code }) => {
      const state = this.#leaving.has(name) ? ('leaving' as const) : ('loaded' as const);
      return { name, generation, state, code, error: this.#failed.get(name)?.error ?? null };
    });
    const others = [...this.#failed].filter(([name]) => !loaded.some((each) => each.name === name));
    const failed = others.map(([name, { generation, error }]) => {
      return { name, generation, state: 'failed' as const, code: null, error };
    });
    return [...loaded, ...failed];
  }
}

/** A registry in which nothing of some modules starts any more: what runs still finds its agents and tools. */
function withoutStarts(registry: Registry, modules: ReadonlySet<string>): Registry {
  if (modules.size === 0) return registry;
  const others = <T extends { readonly module: string | null }>(all: ReadonlyMap<string, T>) =>
    new Map([...all].filter(([, { module }]) => module === null || !modules.has(module)));
  const { workflows, hooks, schedules } = registry;
  const kept = {
    workflows: others(workflows),
    hooks: others(hooks),
    schedules: others(schedules),
  };
  return Object.freeze({ ...registry, ...kept });
}

function refsOf(loaded: readonly ModuleRef[]): readonly ModuleRef[] {
  return loaded.map(({ name, generation }) => ({ name, generation }));
}

function isSame(one: ModuleRef, other: ModuleRef): boolean {
  return one.name === other.name && one.generation === other.generation;
}
