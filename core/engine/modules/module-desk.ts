import { EngineError, toErrorData } from '../../base/errors.ts';
import type { Config } from '../../ports/config.ts';
import { type ModuleRef, sourceOf } from '../../ports/module-code.ts';
import type { Actor } from '../run/request.ts';
import type { ModuleLoader } from './module-loader.ts';
import type { CheckedModule, ModuleLoads, ModuleLoadView } from './module-loads.ts';

/** What modules are loaded with on somebody's word. */
export interface ModuleDeskParts {
  readonly config: Pick<Config, 'modules' | 'loadable'>;
  readonly loads: ModuleLoads;
  readonly loader: Pick<ModuleLoader, 'declared' | 'checkWithout'>;
  /** Loads the configuration with these modules, away from everything that runs; says what the named one is. @throws MODULE_INVALID */
  readonly check: (modules: readonly ModuleRef[], name: string) => Promise<CheckedModule>;
  /** Has the engine of this process look at once. @default there is none: others look within a second */
  readonly look?: () => Promise<void>;
}

/** Who loads or takes away which module. */
export interface ModuleLoadAsk {
  readonly name: string;
  readonly actor: Actor;
}

/** Has modules loaded and taken away, on every engine of the installation. What is wrong with one is said before anything of it stands. */
export class ModuleDesk {
  readonly #parts: ModuleDeskParts;

  constructor(parts: ModuleDeskParts) {
    this.#parts = parts;
  }

  /** Every module that was ever loaded while Tutti ran, with what each engine has made of it. */
  list(): Promise<readonly ModuleLoadView[]> {
    return this.#parts.loads.list();
  }

  /** Loads a module, or the changed files of one that is loaded. @throws MODULE_NOT_LOADABLE · MODULE_CONFIGURED · MODULE_INVALID · MODULE_NEEDED */
  async load({ name, actor }: ModuleLoadAsk): Promise<ModuleLoadView> {
    const { config, loads, loader, check } = this.#parts;
    this.#refuseConfigured(name);
    sourceOf(config, name);
    const next = { name, generation: await loads.next(name) };
    const { modules } = loader.declared;
    const isThere = modules.some((each) => each.name === name);
    // In its place: others may import from it.
    const after = modules.map((each) => (each.name === name ? next : each));
    const checked = await check(isThere ? after : [...after, next], name);
    const before = (await loads.list()).find((each) => each.name === name);
    // It goes before it comes again.
    if (before?.wanted && before.code !== checked.code) this.#refuseNeeded(name);
    await loads.load(name, checked, actor);
    return await this.#looked(name);
  }

  /** Takes a module away: nothing more of it starts, and when its runs have ended it is forgotten. @throws MODULE_UNKNOWN · MODULE_CONFIGURED · MODULE_NEEDED */
  async unload({ name, actor }: ModuleLoadAsk): Promise<ModuleLoadView> {
    const { loads } = this.#parts;
    this.#refuseConfigured(name);
    await loads.find(name);
    this.#refuseNeeded(name);
    await loads.unload(name, actor);
    return await this.#looked(name);
  }

  async #looked(name: string): Promise<ModuleLoadView> {
    await this.#parts.look?.();
    return await this.#parts.loads.find(name);
  }

  #refuseNeeded(name: string): void {
    try {
      this.#parts.loader.checkWithout(name);
    } catch (error) {
      const why = toErrorData(error).message;
      throw new EngineError('MODULE_NEEDED', `'${name}' is needed by what stays: ${why}`);
    }
  }

  #refuseConfigured(name: string): void {
    if (this.#parts.config.modules.every((module) => module.name !== name)) return;
    throw new EngineError(
      'MODULE_CONFIGURED',
      `'${name}' is one of the configuration's own modules; change that, and restart. To keep it from working: tutti stop module:${name}`,
    );
  }
}
