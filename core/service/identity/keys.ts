import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { isId, newId } from '../../base/ids.ts';
import { toStorableText } from '../../base/text.ts';
import { readPerson } from '../../engine/approvals/person.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { Database } from '../../ports/db/database.ts';
import { advisoryLocks } from '../../ports/db/locks.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { type MadeKey, makeKey } from './key-text.ts';
import { type KeyRow, type KeyView, keyColumns, viewOf } from './key-view.ts';
import { roles as knownRoles, type Role } from './permission.ts';

const dayMs = 86_400_000;

/** What a key is to be. */
export interface KeyRequest {
  /** What it is for, to be found by. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Null: all of them. */
  readonly modules: readonly string[] | null;
  /** Null: all of them. */
  readonly companies: readonly string[] | null;
  /** Whom it stands for; null: nobody, and then it decides no approvals. */
  readonly person: string | null;
  /** The name of its rate in the configuration; null: its roles say which. */
  readonly rate: string | null;
  /** Null: it does not expire. */
  readonly expiresAt: Date | null;
}

/** A key with its text, which nobody sees again. */
export interface ShownKey {
  readonly key: KeyView;
  readonly secret: string;
}

/** How a key is rotated. */
export interface Rotation {
  readonly actor: Actor;
  /** How long the old text works on, ms; 0: it works no more. */
  readonly overlapMs: number;
  /** @default as before */
  readonly expiresAt?: Date | null;
}

/** Whose key, and which. */
export interface KeyOf {
  readonly tenantId: number;
  readonly id: string;
}

/** The API keys of an installation. Checking one is check-key.ts. */
export class Keys {
  readonly #database: Pick<Database, 'asTenant'>;
  readonly #pool: pg.Pool;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(
    database: Pick<Database, 'asTenant'>,
    parts: { readonly pool: pg.Pool; readonly clock: Pick<Clock, 'now'> },
  ) {
    this.#database = database;
    this.#pool = parts.pool;
    this.#clock = parts.clock;
  }

  /** When a key expires that works for so many days from now; null: never. */
  expiryIn(days: number | null): Date | null {
    return days === null ? null : new Date(this.#clock.now() + days * dayMs);
  }

  /** Makes a key. Whether its maker may is grant.ts. @throws INPUT_INVALID · DB_* */
  async create(tenantId: number, request: KeyRequest, actor: Actor): Promise<ShownKey> {
    const checked = readRequest(request, this.#clock.now());
    const id = await inTransaction(this.#pool, (client) =>
      insert(client, { tenantId, request: checked.request, made: checked.made, actor }),
    );
    return { key: await this.get({ tenantId, id }), secret: checked.made.text };
  }

  /** Makes the owner's key of an installation that has no key at all, in the tenant that is named; null: there is one. @throws DB_* */
  async createFirst(tenantId: number, request: KeyRequest, actor: Actor): Promise<ShownKey | null> {
    const { made, request: checked } = readRequest(request, this.#clock.now());
    const id = await inTransaction(this.#pool, async (client) => {
      // Of two processes that start at once one makes it.
      await client.query(`SELECT pg_advisory_xact_lock(${advisoryLocks.firstKey})`);
      const { rowCount } = await client.query('SELECT FROM tutti.api_key LIMIT 1');
      if (rowCount !== 0) return null;
      return insert(client, { tenantId, request: checked, made, actor });
    });
    return id === null ? null : { key: await this.get({ tenantId, id }), secret: made.text };
  }

  /** All keys of a tenant, newest first, revoked and expired ones among them. */
  async list(tenantId: number): Promise<readonly KeyView[]> {
    const rows = await this.#rows(tenantId);
    return rows.map((row) => viewOf(row, this.#clock.now()));
  }

  /** @throws API_KEY_UNKNOWN */
  async get({ tenantId, id }: KeyOf): Promise<KeyView> {
    const [row] = isId(id) ? await this.#rows(tenantId, id) : [];
    if (!row) throw unknownKey(id);
    return viewOf(row, this.#clock.now());
  }

  /**
   * Gives a key a new text; the old one works until the moment that is said, and one that was older still works no more.
   * @throws API_KEY_UNKNOWN · INPUT_INVALID for one that is revoked · DB_*
   */
  async rotate(
    { tenantId, id }: KeyOf,
    { actor, overlapMs, expiresAt }: Rotation,
  ): Promise<ShownKey> {
    const made = makeKey();
    const oldUntil = new Date(this.#clock.now() + overlapMs);
    const before = await this.get({ tenantId, id });
    if (before.revokedAt !== null) throw wrong(`Key ${id} is revoked; make a new one.`);
    const expires = expiresAt === undefined ? before.expiresAt : expiresAt;
    checkExpiry(expires, this.#clock.now());
    await inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE tutti.api_key SET prefix = $3, hash = $4, old_prefix = prefix, old_hash = hash, old_until = $5, expires_at = $6
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL`,
        [tenantId, id, made.prefix, made.hash, oldUntil, expires],
      );
      if (rowCount === 0) throw wrong(`Key ${id} is revoked; make a new one.`);
      const data = { prefix: made.prefix, oldUntil: oldUntil.toISOString() };
      await appendAudit(client, { tenantId, actor, action: 'key.rotate', target: id, data });
    });
    return { key: await this.get({ tenantId, id }), secret: made.text };
  }

  /** Ends a key: it works no more, with no overlap. One that is revoked stays as it is. @throws API_KEY_UNKNOWN · DB_* */
  async revoke(of: KeyOf, actor: Actor): Promise<KeyView> {
    const { tenantId, id } = of;
    const before = await this.get(of);
    if (before.revokedAt !== null) return before;
    await inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE tutti.api_key SET revoked_at = clock_timestamp(), old_prefix = NULL, old_hash = NULL, old_until = NULL
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL`,
        [tenantId, id],
      );
      if (rowCount !== 0)
        await appendAudit(client, { tenantId, actor, action: 'key.revoke', target: id });
    });
    return this.get(of);
  }

  async #rows(tenantId: number, id?: string): Promise<readonly KeyRow[]> {
    return this.#database.asTenant(tenantId, async (transaction) => {
      const keys = transaction.selectFrom('apiKey').select(keyColumns);
      const asked = id === undefined ? keys : keys.where('id', '=', id);
      return await asked.orderBy('id', 'desc').execute();
    });
  }
}

async function insert(
  client: pg.ClientBase,
  key: {
    readonly tenantId: number;
    readonly request: KeyRequest;
    readonly made: MadeKey;
    readonly actor: Actor;
  },
): Promise<string> {
  const { tenantId, request, made, actor } = key;
  const { name, roles, modules, companies, person, rate, expiresAt } = request;
  const id = newId();
  await client.query(
    `INSERT INTO tutti.api_key (tenant_id, id, prefix, hash, name, roles, scopes, person, rate, expires_at, made_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      ...[tenantId, id, made.prefix, made.hash, name, roles],
      ...[toJsonb({ modules, companies }), person, rate, expiresAt, toJsonb(actor)],
    ],
  );
  const data = { prefix: made.prefix, roles, modules, companies };
  await appendAudit(client, { tenantId, actor, action: 'key.create', target: id, data });
  return id;
}

function readRequest(
  request: KeyRequest,
  nowMs: number,
): { readonly request: KeyRequest; readonly made: MadeKey } {
  const name = toStorableText(request.name).trim();
  if (name === '' || name.length > 200) throw wrong('A key needs a name of 1 to 200 characters.');
  if (request.roles.length === 0) throw wrong('A key needs at least one role.');
  const strange = request.roles.find((role) => !Object.hasOwn(knownRoles, role));
  if (strange !== undefined)
    throw wrong(`There is no role '${strange}'; there are ${Object.keys(knownRoles).join(', ')}.`);
  checkExpiry(request.expiresAt, nowMs);
  const person = request.person === null ? null : readPerson(request.person);
  const roles = [...new Set(request.roles)];
  return { request: { ...request, name, roles, person }, made: makeKey() };
}

function checkExpiry(expiresAt: Date | null, nowMs: number): void {
  if (expiresAt === null || expiresAt.getTime() > nowMs) return;
  throw wrong(`A key must expire in the future, not at ${expiresAt.toISOString()}.`);
}

function unknownKey(id: string): EngineError {
  return new EngineError('API_KEY_UNKNOWN', `There is no API key '${id.slice(0, 80)}'.`);
}

function wrong(message: string): EngineError {
  return new EngineError('INPUT_INVALID', message);
}
