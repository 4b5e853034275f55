import { type Kysely, sql } from 'kysely';
import { EngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import { auditTexts } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../store/store.ts';
import type { SettingKind } from './setting-kind.ts';
import { installation, liveSettingKinds, type SettingParts } from './setting-kinds.ts';

/** A setting as people see it. */
export interface SettingView {
  readonly name: string;
  readonly about: string;
  readonly scope: SettingKind['scope'];
  /** What is in force. */
  readonly value: unknown;
  /** Who says so: the setting itself, the agent's declaration, the configuration, or nobody. */
  readonly source: 'setting' | SettingKind['usual']['source'];
  /** Why what is stored is not in force: it was right for other modules or another release. */
  readonly fault: string | null;
  /** Who set it, and when. */
  readonly actor: Actor | null;
  readonly at: Date | null;
}

interface SettingRow {
  readonly name: string;
  readonly value: unknown;
  readonly actor: Actor;
  readonly at: Date;
}

/** Settings of a running installation, for people and programs; engines follow within about a second (settings.ts). */
export class SettingStore {
  readonly #kysely: Kysely<Tables>;
  readonly #kinds: () => ReadonlyMap<string, SettingKind>;

  constructor(database: Pick<Database, 'kysely'>, parts: SettingParts) {
    this.#kysely = database.kysely('tutti_engine');
    this.#kinds = liveSettingKinds(parts);
  }

  /** Every setting that there is, in the order of the loaded modules. */
  async list(tenantId: number): Promise<readonly SettingView[]> {
    const { rows } = await sql<SettingRow>`SELECT name, value, actor, at FROM tutti.setting
      WHERE tenant_id IN (${tenantId}, ${installation})`.execute(this.#kysely);
    const byName = new Map(rows.map((row) => [row.name, row]));
    return [...this.#kinds().values()].map((kind) => viewOf(kind, byName.get(kind.name)));
  }

  /** @throws SETTING_UNKNOWN */
  async get(tenantId: number, name: string): Promise<SettingView> {
    const kind = this.#kind(name);
    const { rows } = await sql<SettingRow>`SELECT name, value, actor, at FROM tutti.setting
      WHERE tenant_id = ${ownerOf(kind, tenantId)} AND name = ${name}`.execute(this.#kysely);
    return viewOf(kind, rows[0]);
  }

  /** Sets a value in place of the one before. @throws SETTING_UNKNOWN · INPUT_INVALID saying what is wrong with it */
  async put(
    tenantId: number,
    name: string,
    { value, actor }: { readonly value: unknown; readonly actor: Actor },
  ): Promise<SettingView> {
    const kind = this.#kind(name);
    const fault = kind.check(value);
    if (fault) throw wrong(name, fault);
    const owner = ownerOf(kind, tenantId);
    const texts = auditTexts({ actor, action: 'setting.put', target: name, data: { value } });
    await sql`WITH put AS (INSERT INTO tutti.setting (tenant_id, name, value, actor, at)
      VALUES (${owner}, ${name}, ${toJsonb(value)}, ${toJsonb(actor)}, clock_timestamp())
      ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value, actor = excluded.actor, at = excluded.at RETURNING 1)
      SELECT tutti.append_audit(${owner}, ${sql.join(texts)}) FROM put`.execute(this.#kysely);
    return this.get(tenantId, name);
  }

  /** Takes a setting back: what holds without it holds again. @throws SETTING_UNKNOWN */
  async reset(tenantId: number, name: string, actor: Actor): Promise<SettingView> {
    const kind = this.#kind(name);
    const owner = ownerOf(kind, tenantId);
    const texts = auditTexts({ actor, action: 'setting.reset', target: name });
    await sql`WITH gone AS (DELETE FROM tutti.setting WHERE tenant_id = ${owner} AND name = ${name} RETURNING 1)
      SELECT tutti.append_audit(${owner}, ${sql.join(texts)}) FROM gone`.execute(this.#kysely);
    return viewOf(kind, undefined);
  }

  #kind(name: string): SettingKind {
    const kind = this.#kinds().get(name);
    if (kind) return kind;
    const shown = name.slice(0, 100);
    throw new EngineError(
      'SETTING_UNKNOWN',
      `There is no setting '${shown}'; there are 'autonomy', 'shadow', 'access', 'breaker', 'recovery:module.agent' for every agent and 'budget:scope': tutti settings`,
    );
  }
}

function ownerOf({ scope }: SettingKind, tenantId: number): number {
  return scope === 'installation' ? installation : tenantId;
}

function viewOf(kind: SettingKind, row: SettingRow | undefined): SettingView {
  const { name, about, scope, usual } = kind;
  const fault = row ? kind.check(row.value) : null;
  const inForce =
    row && (!fault || kind.outlives)
      ? { value: kind.inForce(row.value), source: 'setting' as const }
      : usual;
  return {
    name,
    about,
    scope,
    ...inForce,
    fault: fault && `${fault.path}: ${fault.reason}`,
    actor: row?.actor ?? null,
    at: row?.at ?? null,
  };
}

function wrong(
  name: string,
  { path, reason }: { readonly path: string; readonly reason: string },
): EngineError {
  const place = path === '' ? 'its value' : path;
  return new EngineError('INPUT_INVALID', `Setting '${name}', ${place}: ${reason}.`, {
    details: { errors: [{ pointer: `/${path.replaceAll('.', '/')}`, detail: reason }] },
  });
}
