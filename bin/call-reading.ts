import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../core/base/errors.ts';
import { isId } from '../core/base/ids.ts';
import { readSecret } from '../core/ports/secret.ts';
import type { Asked, Call } from './command.ts';
import { configUrl, type HostOptions } from './configuration.ts';
import { openReading, type Reading } from './reading.ts';
import { sampleSlug } from './sample-tenant.ts';

/** The configuration that a call means. @throws CONFIG_INVALID when the file that --config names is not there */
export function configOf({ args }: Pick<Call, 'args'>): string {
  const named = args.text('config');
  if (named !== undefined && !existsSync(named)) {
    throw new EngineError('CONFIG_INVALID', `There is no configuration at '${named}'.`);
  }
  const own = fileURLToPath(new URL('../tutti.config.ts', import.meta.url));
  const built = fileURLToPath(new URL('../tutti.config.js', import.meta.url));
  const path = [named, 'tutti.config.ts', own, built].find((each) => each && existsSync(each));
  return configUrl(path ?? own);
}

/** Where a call's process gets its parts from. @throws CONFIG_INVALID when the file that --config or DATABASE_URL_FILE names is not there */
export function hostOptions(call: Pick<Call, 'args' | 'env'>): HostOptions {
  const { env } = call;
  const databaseUrl = readSecret('DATABASE_URL', env);
  return {
    configUrl: configOf(call),
    dataFolder: env.TUTTI_DATA?.trim() || '.tutti',
    ...(databaseUrl && { databaseUrl }),
    env,
  };
}

/** Lets `work` read what a call asks for, and closes what it read from whatever happens. */
export async function withReading<T>(
  call: Pick<Call, 'args' | 'env'>,
  work: (reading: Reading) => Promise<T>,
): Promise<T> {
  const reading = await openReading(hostOptions(call));
  try {
    return await work(reading);
  } finally {
    await reading.close();
  }
}

/** Whose runs a reading command shows: the run's, the scale's, or those of whoever ran last. Null when nobody ran yet. */
export async function readingTenant(
  { database }: Pick<Reading, 'database'>,
  asked: Asked,
): Promise<number | null> {
  const runs = database.kysely('tutti_engine').selectFrom('run').select('tenantId');
  if (asked.runId !== undefined) {
    const row = isId(asked.runId)
      ? await runs.where('id', '=', asked.runId).executeTakeFirst()
      : undefined;
    if (row) return row.tenantId;
    const shown = asked.runId.slice(0, 64);
    throw new EngineError('RUN_UNKNOWN', `There is no run '${shown}'; see: tutti runs`);
  }
  if (asked.scale !== undefined) {
    const tenants = database.kysely('tutti_engine').selectFrom('tenant').select('id');
    const row = await tenants.where('slug', '=', sampleSlug(asked.scale)).executeTakeFirst();
    return row?.id ?? null;
  }
  const row = await runs.orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row?.tenantId ?? null;
}

/** What a listing command prints; nothing before a first run. */
export async function readList<T>(
  reading: Pick<Reading, 'database'>,
  asked: Asked,
  read: (tenantId: number, options: { readonly runId?: string }) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const { runId } = asked;
  const tenantId = await readingTenant(reading, asked);
  return tenantId === null ? [] : read(tenantId, { ...(runId !== undefined && { runId }) });
}
