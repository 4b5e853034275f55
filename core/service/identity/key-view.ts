import type { Actor } from '../../engine/run/request.ts';
import { roles as knownRoles, type Role } from './permission.ts';

/** How long a key works when nobody says how long. */
export const usualKeyDays = 365;

/** An API key as people see it: everything but what it takes to use it. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  /** How its text begins, after `tutti_`. */
  readonly prefix: string;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly roles: readonly Role[];
  /** Null: all of them. */
  readonly modules: readonly string[] | null;
  /** Null: all of them. */
  readonly companies: readonly string[] | null;
  readonly person: string | null;
  readonly rate: string | null;
  readonly madeBy: Actor;
  readonly madeAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  /** Until when the text before the last rotation works; null: it does not. */
  readonly oldUntil: Date | null;
}

/** Those that a tenant's side may read. */
export const keyColumns = [
  ...(['id', 'name', 'prefix', 'roles', 'scopes', 'person', 'rate'] as const),
  ...(['madeBy', 'madeAt', 'expiresAt', 'revokedAt', 'lastUsedAt', 'oldUntil'] as const),
] as const;

/** A row of those. */
export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly roles: readonly string[];
  readonly scopes: unknown;
  readonly person: string | null;
  readonly rate: string | null;
  readonly madeBy: unknown;
  readonly madeAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly oldUntil: Date | null;
}

/** A key as it stands at a moment. */
export function viewOf(row: KeyRow, nowMs: number): KeyView {
  const { id, name, prefix, person, rate, madeAt, expiresAt, revokedAt, lastUsedAt } = row;
  const isOver = (at: Date | null): boolean => at !== null && at.getTime() <= nowMs;
  const living = isOver(expiresAt) ? 'expired' : 'active';
  return {
    ...{ id, name, prefix, person, rate, madeAt, expiresAt, revokedAt, lastUsedAt },
    state: revokedAt === null ? living : 'revoked',
    roles: rolesIn(row.roles),
    ...scopesIn(row.scopes),
    madeBy: row.madeBy as Actor,
    oldUntil: isOver(row.oldUntil) ? null : row.oldUntil,
  };
}

/** Those roles that there are: a name of another release gives no right. */
export function rolesIn(names: readonly string[]): readonly Role[] {
  return names.filter((name): name is Role => Object.hasOwn(knownRoles, name));
}

/** What a key may touch. */
export function scopesIn(stored: unknown): Pick<KeyView, 'modules' | 'companies'> {
  const { modules, companies } = (stored ?? {}) as Readonly<Record<string, unknown>>;
  return { modules: listIn(modules), companies: listIn(companies) };
}

/** Only what says "all" is all: whatever else is no list is none. */
function listIn(value: unknown): readonly string[] | null {
  if (value === null) return null;
  return Array.isArray(value) ? value.map(String) : [];
}
