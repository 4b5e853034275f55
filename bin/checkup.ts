import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { isEngineError, toErrorData } from '../core/base/errors.ts';
import { liveEngine } from '../core/engine/lease/lease.ts';
import type { Config } from '../core/ports/config.ts';
import { type Database, openDatabase } from '../core/ports/db/database.ts';
import { chooseProfiles } from '../core/ports/models/profiles.ts';
import { openSeal, sealVariable } from '../core/ports/seal.ts';
import { mostProcesses } from '../worker/pool/isolation.ts';
import { laneRange } from '../worker/pool/lane-range.ts';
import { portOf } from './api.ts';
import { lackOfApprovers } from './approvers.ts';
import { hostOptions } from './call-reading.ts';
import type { Call } from './command.ts';
import { type HostOptions, openConfig } from './configuration.ts';
import { placeOf } from './introduction.ts';
import { oldestMajor } from './node24.mjs';
import { defaultPort } from './usages/flags.ts';

/** One thing that was looked at; `mend` says what to do and comes with every state but `ok`. */
export interface Check {
  readonly name: string;
  /** `note`: works, but perhaps not as its owner thinks. `mend`: Tutti does not run like this. */
  readonly state: 'ok' | 'note' | 'mend';
  readonly found: string;
  readonly mend?: string;
}

/** Looks at everything that Tutti needs; starts no engine and changes no data. */
export async function checkInstallation(call: Call): Promise<readonly Check[]> {
  const port = portOf(call);
  const options = hostOptions(call);
  const config = await openConfig(options).then(
    ({ config }) => config,
    (error: unknown) => error as Error,
  );
  const folder = options.databaseUrl ? null : await checkFolder(resolve(options.dataFolder));
  const served = folder?.state === 'mend' ? [] : await checkDatabase(options, config);
  return [
    checkNode(),
    checkConfig(options.configUrl, config),
    ...(folder ? [folder] : []),
    ...served,
    checkModels(options, config),
    ...(config instanceof Error ? [] : [checkApprovers(config)]),
    checkSecrets(options.env ?? {}),
    await checkPort(
      port ?? configuredPort(config) ?? defaultPort,
      served.some((check) => check.name === engineCheck),
    ),
  ];
}

function configuredPort(config: Config | Error): number | undefined {
  return config instanceof Error ? undefined : config.api?.port;
}

function checkNode(): Check {
  const found = `Node ${process.versions.node}`;
  const isEnough = Number.parseInt(process.versions.node, 10) >= oldestMajor;
  if (isEnough) return { name: 'Node', state: 'ok', found };
  return {
    name: 'Node',
    state: 'mend',
    found,
    mend: `Install Node ${oldestMajor} or later: https://nodejs.org`,
  };
}

function checkConfig(url: string, config: Config | Error): Check {
  const name = 'Configuration';
  if (config instanceof Error)
    return {
      name,
      state: 'mend',
      found: config.message,
      mend: 'Correct it, or name another with --config PATH.',
    };
  return {
    name,
    state: 'ok',
    found: `${new URL(url).pathname}: ${config.modules.map((module) => module.name).join(', ')}`,
  };
}

async function checkFolder(folder: string): Promise<Check> {
  const name = 'Data folder';
  let nearest = folder;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    await access(nearest, constants.W_OK);
    return {
      name,
      state: 'ok',
      found: nearest === folder ? `${folder} can be written` : `${folder} can be made`,
    };
  } catch {
    return {
      name,
      state: 'mend',
      found: `${nearest} cannot be written by this user`,
      mend: 'Give the folder to this user, or name another with TUTTI_DATA.',
    };
  }
}

const engineCheck = 'Engine';

async function checkDatabase(
  options: HostOptions,
  config: Config | Error,
): Promise<readonly Check[]> {
  const place = options.databaseUrl ? placeOf(options.databaseUrl) : 'its own PostgreSQL';
  let database: Database | undefined;
  try {
    database = await openDatabase({ url: options.databaseUrl, dataFolder: options.dataFolder });
    const facts = await databaseFacts(database);
    return [
      {
        name: 'Database',
        state: 'ok',
        found: `${place} answers, version ${facts.version}, roles tutti_engine and tutti_tenant`,
      },
      checkConnections(facts, config),
      ...(facts.isServed
        ? [
            {
              name: engineCheck,
              state: 'ok' as const,
              found: 'another process serves this database',
            },
          ]
        : []),
    ];
  } catch (error) {
    const found = isEngineError(error) ? `${error.code}: ${error.message}` : String(error);
    const mend = options.databaseUrl
      ? 'Check DATABASE_URL, and that the server runs and lets this machine in.'
      : 'See the message above; TUTTI_DATA names another folder, DATABASE_URL another server.';
    return [{ name: 'Database', state: 'mend', found: `${place}: ${found}`, mend }];
  } finally {
    await database?.close();
  }
}

interface DatabaseFacts {
  readonly version: string;
  readonly maxConnections: number;
  /** Connections of others, Tutti's own processes included. */
  readonly inUse: number;
  readonly isServed: boolean;
}

async function databaseFacts(database: Database): Promise<DatabaseFacts> {
  for (const role of ['tutti_engine', 'tutti_tenant'] as const)
    await (await database.connect(role)).end();
  const isServed = (await liveEngine(database.pool('tutti_engine', 1))) !== null;
  return database.admin(async (client) => {
    const { rows } = await client.query<{ version: string; most: number; used: number }>(
      `SELECT current_setting('server_version') AS version, current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int AS most,
         (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS used`,
    );
    const row = rows[0] as { version: string; most: number; used: number };
    return { version: row.version, maxConnections: row.most, inUse: row.used, isServed };
  });
}

/** Of one process: engine 5, journal of runs and ERP 4, typed queries 8, the server's own lock 1, changes of the schema 1. */
const ownConnections = 19;
const perThread = 2;

function checkConnections(facts: DatabaseFacts, config: Config | Error): Check {
  const { most } = laneRange(config instanceof Error ? undefined : config.limits?.threads);
  const apart = config instanceof Error ? 0 : mostProcesses(config);
  // One more thread stands ready for steps that are suspected of ending theirs.
  const wanted = ownConnections + perThread * (most + apart + 1);
  const found = `an engine takes up to ${wanted} of ${facts.maxConnections} connections, ${facts.inUse} are in use`;
  if (facts.inUse + wanted <= facts.maxConnections)
    return { name: 'Connections', state: 'ok', found };
  return {
    name: 'Connections',
    state: facts.maxConnections < wanted ? 'mend' : 'note',
    found,
    mend: "Raise the server's max_connections, or set fewer threads under `limits` in tutti.config.ts.",
  };
}

function checkModels(options: HostOptions, config: Config | Error): Check {
  const name = 'Models';
  const mend =
    'For answers of models set OPENAI_API_KEY or ANTHROPIC_API_KEY, in the environment or in .env.';
  const configured = config instanceof Error ? undefined : config.models;
  const profiles = chooseProfiles(configured, options.env ?? {});
  if (profiles) {
    const { fast, standard, deep } = profiles;
    const models = [fast, standard, deep].flatMap(({ targets }) =>
      targets.map((each) => each.model),
    );
    return { name, state: 'ok', found: [...new Set(models)].join(', ') };
  }
  if (configured)
    return {
      name,
      state: 'note',
      found: 'a configured model has no key, so agents run their playbooks',
      mend,
    };
  return { name, state: 'note', found: 'no key is set, so agents run their playbooks', mend };
}

function checkApprovers(config: Config): Check {
  const name = 'Approvals';
  const lacking = lackOfApprovers(config);
  if (lacking.length === 0)
    return { name, state: 'ok', found: 'every tier has enough people who may agree' };
  return {
    name,
    state: 'note',
    found: lacking.join('; '),
    mend: 'Say under `roles` in tutti.config.ts who holds which role.',
  };
}

function checkSecrets(env: NodeJS.ProcessEnv): Check {
  const name = 'Secrets';
  try {
    const { keyId } = openSeal(env);
    if (keyId !== null)
      return {
        name,
        state: 'ok',
        found: `what webhooks are signed with is sealed in the database, under key ${keyId}`,
      };
  } catch (error) {
    const mend = `Give ${sealVariable} a key: openssl rand -base64 32`;
    return { name, state: 'mend', found: toErrorData(error).message, mend };
  }
  return {
    name,
    state: 'note',
    found: 'what webhooks are signed with lies in the database, and in its backups, as it is',
    mend: `To seal them set ${sealVariable}: openssl rand -base64 32`,
  };
}

async function checkPort(port: number, isServed: boolean): Promise<Check> {
  const name = 'Port';
  const error = await tryPort(port);
  if (error === null) return { name, state: 'ok', found: `${port} is free` };
  const found =
    error === 'EADDRINUSE' ? `${port} is in use` : `${port} cannot be opened (${error})`;
  if (isServed && error === 'EADDRINUSE')
    return { name, state: 'ok', found: `${found}, as the engine that serves this database has it` };
  return {
    name,
    state: 'mend',
    found,
    mend: 'End the program that has it, or choose another with --port.',
  };
}

/** Null when the port can be opened, else why not. */
async function tryPort(port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((settle) => {
    server.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'unknown'));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => settle(null)));
  });
}
