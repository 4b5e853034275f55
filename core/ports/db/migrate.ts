import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { translateDbError } from './db-error.ts';
import { advisoryLocks } from './locks.ts';
import { ensurePartitions, hasPartitions } from './partitions.ts';

interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number;
  readonly file: string;
  /** The oldest schema version whose programs can still read the journal afterwards. */
  readonly minReader: number;
}

const migrations: readonly Migration[] = [
  { version: 1, file: '0001-first-light.sql', minReader: 1 },
  { version: 2, file: '0002-nothing-lost.sql', minReader: 1 },
  { version: 3, file: '0003-models-under-control.sql', minReader: 1 },
  { version: 4, file: '0004-workflows.sql', minReader: 1 },
  { version: 5, file: '0005-effect-approvals.sql', minReader: 1 },
  { version: 6, file: '0006-published-versions.sql', minReader: 1 },
  { version: 7, file: '0007-stops.sql', minReader: 1 },
  { version: 8, file: '0008-mcp.sql', minReader: 1 },
  { version: 9, file: '0009-identity.sql', minReader: 1 },
  { version: 10, file: '0010-audit.sql', minReader: 1 },
  { version: 11, file: '0011-hooks.sql', minReader: 1 },
  { version: 12, file: '0012-schedules.sql', minReader: 1 },
  { version: 13, file: '0013-webhooks.sql', minReader: 1 },
  { version: 14, file: '0014-retries.sql', minReader: 1 },
  { version: 15, file: '0015-run-lists.sql', minReader: 1 },
  { version: 16, file: '0016-triage.sql', minReader: 1 },
  { version: 17, file: '0017-conversations.sql', minReader: 1 },
  { version: 18, file: '0018-modules.sql', minReader: 1 },
  { version: 19, file: '0019-sessions.sql', minReader: 1 },
  { version: 20, file: '0020-policies-in-force.sql', minReader: 1 },
  { version: 21, file: '0021-delegation.sql', minReader: 1 },
  { version: 22, file: '0022-encryption.sql', minReader: 1 },
  { version: 23, file: '0023-trigger-overlap.sql', minReader: 1 },
  { version: 24, file: '0024-expansions.sql', minReader: 1 },
];

/** The version of the schema that this program knows. */
export const schemaVersion = migrations.length;

const oldestServer = 150_000;

/** The roles of Tutti; they belong to the server, not to a database, and cannot log in. */
const roles = ['tutti_engine', 'tutti_tenant'] as const;

/**
 * Brings a database to this program's schema and makes the partitions that are due, in one transaction; when nothing is to
 * be done it only looks. Any number of processes may do so at once. `client` is the login user's.
 * @throws DB_VERSION when server or schema do not fit this program: then nothing was touched
 * @throws CONFIG_INVALID when the login user lacks a right, with the commands that give it
 */
export async function migrate(client: pg.Client): Promise<void> {
  try {
    const server = await readServer(client);
    if (isCurrent(server.schema) && (await hasPartitions(client, server.now))) return;
    await inSchemaTransaction(client, () => apply(client, server));
  } catch (error) {
    throw lacksRight(error) ? await rightsError(client, error) : translateDbError(error);
  }
}

/** Runs `work` in a transaction that changes the schema; others who want to wait for its end. */
export async function inSchemaTransaction<T>(
  client: pg.Client,
  work: () => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${advisoryLocks.schema})`);
  try {
    const result = await work();
    const { command } = await client.query('COMMIT');
    // COMMIT of a transaction with a swallowed error answers ROLLBACK, and no error.
    if (command === 'COMMIT') return result;
    throw new EngineError(
      'INTERNAL',
      'A change of the schema was rolled back after a failed statement.',
    );
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

interface Server {
  readonly now: Date;
  /** Undefined before the first migration. */
  readonly schema: number | undefined;
}

async function readServer(client: pg.Client): Promise<Server> {
  const { rows } = await client.query<{
    version: number;
    encoding: string;
    now: Date;
    migrated: boolean;
  }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
      now() AS now, to_regclass('tutti.meta') IS NOT NULL AS migrated`,
  );
  const [row] = rows;
  if (!row) throw new EngineError('INTERNAL', 'The database did not say its version.');
  if (row.version < oldestServer) {
    const found = Math.floor(row.version / 10_000);
    const message = `The database server is PostgreSQL ${found}; Tutti needs 15 or later. Upgrade it, or unset DATABASE_URL to use the one that Tutti brings.`;
    throw new EngineError('DB_VERSION', message);
  }
  if (row.encoding !== 'UTF8') {
    const message = `The database has encoding ${row.encoding}; create one with ENCODING 'UTF8' and point DATABASE_URL at it.`;
    throw new EngineError('DB_VERSION', message);
  }
  return { now: row.now, schema: row.migrated ? await readSchemaVersion(client) : undefined };
}

async function readSchemaVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ schema_version: number }>(
    'SELECT schema_version FROM tutti.meta',
  );
  return rows[0]?.schema_version ?? 0;
}

/** @throws DB_VERSION when the schema is newer than this program */
function isCurrent(found: number | undefined): boolean {
  if (found !== undefined && found > schemaVersion) {
    const message = `The database has schema version ${found}, made by a newer Tutti; this one knows ${schemaVersion}. Nothing was changed; install the newer Tutti.`;
    throw new EngineError('DB_VERSION', message);
  }
  return found === schemaVersion;
}

/** Inside the lock; another process may have migrated while this one waited for it. */
async function apply(client: pg.Client, server: Server): Promise<void> {
  await migrateTo(client, schemaVersion);
  await ensurePartitions(client, server.now);
}

/**
 * Brings a database up to one version of the schema, inside `inSchemaTransaction`; what has it already stays as it is.
 * @throws DB_VERSION when it is newer than this program
 */
export async function migrateTo(client: pg.Client, version: number): Promise<void> {
  const { rows } = await client.query(`SELECT to_regclass('tutti.meta') IS NOT NULL AS migrated`);
  const found = rows[0]?.migrated ? await readSchemaVersion(client) : 0;
  if (isCurrent(found) || found >= version) return;
  await ensureRoles(client);
  for (const migration of migrations.slice(found, version)) await run(client, migration);
}

async function run(client: pg.Client, { version, file, minReader }: Migration): Promise<void> {
  await client.query(await readFile(new URL(`./migrations/${file}`, import.meta.url), 'utf8'));
  await client.query(
    `INSERT INTO tutti.meta (schema_version, min_reader) VALUES ($1, $2)
      ON CONFLICT (one) DO UPDATE SET schema_version = excluded.schema_version, min_reader = excluded.min_reader, migrated_at = now()`,
    [version, minReader],
  );
}

/**
 * Makes the roles and lets the login user act as them. Another database on the server may be doing the same: the loser of
 * that race finds the role there. A role that may pass row-level security would void it, so it is refused.
 */
async function ensureRoles(client: pg.Client): Promise<void> {
  for (const role of roles) {
    await client.query(`DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} NOLOGIN; END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`);
    // MEMBER is not enough from PostgreSQL 16 on: SET ROLE is a right of its own there.
    await client.query(`DO $$ BEGIN
      IF NOT pg_has_role(current_user, '${role}', CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
      THEN GRANT ${role} TO CURRENT_USER; END IF; END $$`);
  }
  const { rows } = await client.query<{ name: string }>(
    'SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls)',
    [roles],
  );
  if (rows.length === 0) return;
  const names = rows.map((row) => row.name).join(', ');
  const message = `The role ${names} may see every tenant's rows; run: ALTER ROLE ${names} NOSUPERUSER NOBYPASSRLS.`;
  throw new EngineError('CONFIG_INVALID', message);
}

function lacksRight(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '42501';
}

async function rightsError(client: pg.Client, cause: unknown): Promise<EngineError> {
  const { rows } = await client.query<{ login: string; database: string }>(
    'SELECT quote_ident(current_user) AS login, quote_ident(current_database()) AS database',
  );
  const { login = 'the login user', database = 'the database' } = rows[0] ?? {};
  const commands = [
    ...roles.map((role) => `CREATE ROLE ${role} NOLOGIN;`),
    `GRANT ${roles.join(', ')} TO ${login};`,
    `GRANT CREATE ON DATABASE ${database} TO ${login};`,
  ].join(' ');
  const message = `The login user ${login} may not prepare the database. Give it CREATEROLE and CREATE on the database, or run once as an administrator: ${commands}`;
  return new EngineError('CONFIG_INVALID', message, { cause });
}
