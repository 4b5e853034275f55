import type pg from 'pg';
import { EngineError, type ErrorData } from '../../base/errors.ts';
import type { ModuleRef } from '../../ports/module-code.ts';
import { auditTexts } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../run/request.ts';

/** What an engine has made of a module that is to be loaded or taken away. */
export interface EngineModule extends ModuleRef {
  /** `leaving`: it starts nothing more of it, and waits until the runs that it has taken up have ended. */
  readonly state: 'loaded' | 'leaving' | 'failed';
  /** Why it could not; null: it could. */
  readonly error: ErrorData | null;
  /** SHA-256 of the files that this engine has read, hex; null: it has read none. */
  readonly code: string | null;
}

/** A module that was loaded while Tutti ran, for people. */
export interface ModuleLoadView extends ModuleRef {
  readonly version: string;
  /** SHA-256 of the files that were checked, hex. */
  readonly code: string;
  /** Whether it is to be loaded; one that was taken away is not. */
  readonly wanted: boolean;
  /** Who loaded it, or took it away, and when. */
  readonly actor: Actor;
  readonly at: Date;
  /** What each engine that is alive says of it; one that is not among them has not looked yet. */
  readonly engines: readonly (Omit<EngineModule, 'name'> & {
    readonly id: string;
    readonly host: string;
  })[];
}

/** A module as it was checked. */
export interface CheckedModule {
  readonly version: string;
  readonly code: string;
}

const columns = 'name, generation, version, code, wanted, actor, at';

/** Which modules are loaded beside those of the configuration: rows of the installation, which every engine follows within a second. */
export class ModuleLoads {
  readonly #pool: pg.Pool;

  /** `pool` acts as `tutti_engine`. */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Those that are to be loaded, in the order in which they were, and the names of those that are not. */
  async wanted(): Promise<readonly (ModuleRef & { readonly wanted: boolean })[]> {
    const { rows } = await this.#pool.query<ModuleRef & { readonly wanted: boolean }>({
      name: 'module-loads',
      text: 'SELECT name, generation, wanted FROM tutti.module_load ORDER BY at, name',
    });
    return rows;
  }

  /** Every one that was ever loaded, by name. */
  async list(): Promise<readonly ModuleLoadView[]> {
    const { rows } = await this.#pool.query<ModuleLoadView>(
      `SELECT ${columns}, coalesce((SELECT jsonb_agg(s.value - 'name' || jsonb_build_object('id', e.id, 'host', e.host) ORDER BY e.id)
         FROM tutti.engine e, jsonb_array_elements(e.modules) s
         WHERE e.state <> 'gone' AND e.lease_until > now() AND s.value->>'name' = m.name), '[]') AS engines
       FROM tutti.module_load m ORDER BY name`,
    );
    return rows;
  }

  /** @throws MODULE_UNKNOWN */
  async find(name: string): Promise<ModuleLoadView> {
    const found = (await this.list()).find((each) => each.name === name);
    if (found) return found;
    throw new EngineError(
      'MODULE_UNKNOWN',
      `'${name.slice(0, 64)}' was not loaded while Tutti ran; what is, says: tutti modules`,
    );
  }

  /** The generation that the next load of a module has. */
  async next(name: string): Promise<number> {
    const rows = await this.wanted();
    return (rows.find((each) => each.name === name)?.generation ?? 0) + 1;
  }

  /** Has a module loaded that was checked. One that every engine has with the very same files stays as it is. */
  async load(name: string, checked: CheckedModule, actor: Actor): Promise<void> {
    const { version, code } = checked;
    const texts = auditTexts({
      actor,
      action: 'module.load',
      target: name,
      data: { version, code },
    });
    await this.#pool.query(
      `WITH loaded AS (INSERT INTO tutti.module_load AS m (name, generation, version, code, wanted, actor) VALUES ($1, 1, $2, $3, true, $4)
         ON CONFLICT (name) DO UPDATE SET generation = m.generation + 1, version = $2, code = $3, wanted = true, actor = $4, at = clock_timestamp()
         WHERE NOT m.wanted OR m.code <> $3 OR EXISTS (SELECT FROM tutti.engine e, jsonb_array_elements(e.modules) s
           WHERE e.state <> 'gone' AND s.value->>'name' = $1 AND s.value->>'state' = 'failed') RETURNING m.name)
       SELECT tutti.append_audit(0, $5, $6, $7, $8) FROM loaded`,
      [name, version, code, toJsonb(actor), ...texts],
    );
  }

  /** Has a module taken away; one that is taken away already stays so. */
  async unload(name: string, actor: Actor): Promise<void> {
    await this.#pool.query(
      `WITH unloaded AS (UPDATE tutti.module_load SET wanted = false, actor = $2, at = clock_timestamp() WHERE name = $1 AND wanted RETURNING name)
       SELECT tutti.append_audit(0, $3, $4, $5, $6) FROM unloaded`,
      [name, toJsonb(actor), ...auditTexts({ actor, action: 'module.unload', target: name })],
    );
  }

  /** Says what an engine has made of them. */
  async report(engine: string, states: readonly EngineModule[]): Promise<void> {
    await this.#pool.query('UPDATE tutti.engine SET modules = $2 WHERE id = $1', [
      engine,
      toJsonb(states),
    ]);
  }
}
