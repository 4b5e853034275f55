import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../core/base/errors.ts';
import { isId } from '../core/base/ids.ts';
import type { History } from '../core/engine/run/history.ts';
import { readSecret } from '../core/ports/secret.ts';
import { groupName } from '../core/service/batch/record.ts';
import { type Asked, type Call, exit, scaleOf } from './command.ts';
import { configUrl, type Host, type HostOptions, openHost, sampleSlug } from './host.ts';

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

/** What running steps get to end in when a command ends, so that little is done twice. */
const drainMs = 20_000;

/** Opens the host of a call, lets `work` use it, and closes it whatever happens. */
export async function withHost<T>(call: Call, work: (host: Host) => Promise<T>): Promise<T> {
  const host = await openHost(hostOptions(call));
  call.interrupt.isStuck = () => host.zombies > 0;
  try {
    return await work(host);
  } finally {
    await host.close(host.config.limits?.drainMs ?? drainMs);
  }
}

/** Whose runs a reading command shows: the run's, the scale's, or those of whoever ran last. Null when nobody ran yet. */
export async function readingTenant(host: Host, asked: Asked): Promise<number | null> {
  const runs = host.database.kysely('tutti_engine').selectFrom('run').select('tenantId');
  if (asked.runId !== undefined) {
    const row = isId(asked.runId)
      ? await runs.where('id', '=', asked.runId).executeTakeFirst()
      : undefined;
    if (row) return row.tenantId;
    const shown = asked.runId.slice(0, 64);
    throw new EngineError('RUN_UNKNOWN', `There is no run '${shown}'; see: tutti runs`);
  }
  if (asked.scale !== undefined) {
    const tenants = host.database.kysely('tutti_engine').selectFrom('tenant').select('id');
    const row = await tenants.where('slug', '=', sampleSlug(asked.scale)).executeTakeFirst();
    return row?.id ?? null;
  }
  const row = await runs.orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row?.tenantId ?? null;
}

/** Opens the host of a call that changes what a tenant has set: the scale's, whoever ran last, or the sample company before any run. */
export async function withTenant(
  call: Call,
  work: (host: Host, tenantId: number) => Promise<void>,
): Promise<number> {
  const scale = call.args.text('scale') === undefined ? undefined : scaleOf(call.args);
  return withHost(call, async (host) => {
    const known = await readingTenant(host, { scale });
    await work(host, known ?? (await host.sampleTenant(scale ?? 1)).tenantId);
    return exit.done;
  });
}

/** The name of a tenant's group of companies. */
export async function readGroup(host: Host, tenantId: number): Promise<string> {
  const page = await host.connector(tenantId).query({ entity: 'company', filter: {}, limit: 100 });
  return groupName(page.rows.map((row) => String(row.name)));
}

/** How many agents the last run of a workflow had; 0 when there is none to compare with. */
export async function expectedAgents(
  history: History,
  run: { readonly tenantId: number; readonly workflow: string },
): Promise<number> {
  const heads = await history.runs(run.tenantId, { limit: 20 });
  const last = heads.find((head) => head.workflow === run.workflow && head.status === 'succeeded');
  return last ? (await history.summary(run.tenantId, last.id)).agents : 0;
}

/** What a listing command prints; nothing before a first run. */
export async function readList<T>(
  host: Host,
  asked: Asked,
  read: (tenantId: number, options: { readonly runId?: string }) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const { runId } = asked;
  const tenantId = await readingTenant(host, asked);
  return tenantId === null ? [] : read(tenantId, { ...(runId !== undefined && { runId }) });
}
