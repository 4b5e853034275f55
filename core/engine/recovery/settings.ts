import { type Kysely, sql } from 'kysely';
import type { BreakerLimits } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import type { RecoveryRule } from '../../sdk/recovery.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { SettingKind } from './setting-kind.ts';
import {
  breakerSetting,
  budgetSetting,
  installation,
  liveSettingKinds,
  recoverySetting,
  type SettingParts,
} from './setting-kinds.ts';

interface Stored {
  readonly tenantId: number;
  readonly name: string;
  readonly value: unknown;
}

/**
 * The settings in force, in an engine's memory: asked without waiting, refreshed once a second. Changing one needs no engine
 * (setting-store.ts). A value that does not fit the loaded modules counts as not set; the list of settings says so.
 */
export class Settings {
  readonly #kysely: Kysely<Tables>;
  readonly #config: SettingParts['config'];
  readonly #kinds: () => ReadonlyMap<string, SettingKind>;
  #values: ReadonlyMap<string, unknown> = new Map();
  #seen = '';
  #seenKinds: ReadonlyMap<string, SettingKind> = new Map();
  #version = 0;

  constructor(database: Pick<Database, 'kysely'>, parts: SettingParts) {
    this.#kysely = database.kysely('tutti_engine');
    this.#config = parts.config;
    this.#kinds = liveSettingKinds(parts);
  }

  /** Reads what has changed since the last call; a look at the times of a small table when nothing has. */
  async refresh(): Promise<void> {
    // The sum, not the latest: a change that commits late may carry the earlier time.
    const { rows } = await sql<{ readonly mark: string }>`
      SELECT count(*) || ' ' || coalesce(sum(extract(epoch FROM at)), 0) AS mark FROM tutti.setting`.execute(
      this.#kysely,
    );
    const mark = rows[0]?.mark ?? '';
    const kinds = this.#kinds();
    if (mark === this.#seen && kinds === this.#seenKinds) return;
    const stored = await sql<Stored>`SELECT tenant_id, name, value FROM tutti.setting`.execute(
      this.#kysely,
    );
    this.#values = new Map(
      stored.rows
        .filter(({ name, value }) => kinds.get(name)?.check(value) === null)
        .map(({ tenantId, name, value }) => [keyOf(tenantId, name), value]),
    );
    this.#seen = mark;
    this.#seenKinds = kinds;
    this.#version += 1;
  }

  /** Rises whenever a setting has changed; 0 before the first look. */
  get version(): number {
    return this.#version;
  }

  /** Micro-USD a day that were set for a scope of a tenant; undefined when none were. */
  budgetOf(tenantId: number, scope: string): number | undefined {
    return this.#values.get(keyOf(tenantId, budgetSetting(scope))) as number | undefined;
  }

  /** What follows failures of an agent, of a tenant: the setting, else what the agent declares. */
  rulesOf(tenantId: number, { name, agent }: RegisteredAgent): readonly RecoveryRule[] {
    const set = this.#values.get(keyOf(tenantId, recoverySetting(name)));
    return (set as readonly RecoveryRule[] | undefined) ?? agent.recovery ?? [];
  }

  /** Limits of all breakers: the setting over the configuration, member by member. */
  get breaker(): BreakerLimits {
    const set = this.#values.get(keyOf(installation, breakerSetting));
    return { ...this.#config.breaker, ...(set as BreakerLimits | undefined) };
  }
}

function keyOf(tenantId: number, name: string): string {
  return `${tenantId} ${name}`;
}
