import { resolve } from 'node:path';
import type { LoadedSample } from '../core/ports/erp/load-sample.ts';
import { countOf, formatDuration } from '../core/service/batch/format.ts';
import { usualKeyDays } from '../core/service/identity/key-view.ts';
import { readGroup } from './call-host.ts';
import { hostOptions } from './call-reading.ts';
import type { Call } from './command.ts';
import type { Host } from './host.ts';
import { operator } from './operator.ts';
import { identityOf } from './parts/identity-of.ts';
import { version } from './version.ts';

const labelWidth = 10;

/** One labelled line. */
export function say(call: Call, label: string, text: string): void {
  call.terminal.say(`${call.terminal.dim(label.padEnd(labelWidth))}  ${text}`);
}

/** Says in plain words what a long-lived command works with: database, data folder, models. */
export async function introduce(call: Call, host: Host): Promise<void> {
  const { databaseUrl, dataFolder } = hostOptions(call);
  const server = await serverVersion(host);
  call.terminal.say(call.terminal.bold(`Tutti ${version}`));
  if (databaseUrl)
    say(call, 'Database', `PostgreSQL ${server} at ${placeOf(databaseUrl)} (DATABASE_URL)`);
  else {
    say(call, 'Database', `its own PostgreSQL ${server}; DATABASE_URL uses a server instead`);
    say(call, 'Data', `${resolve(dataFolder)}; TUTTI_DATA moves it`);
  }
  say(call, 'Models', models(host));
  const newer = await host.store.newerRuns();
  if (newer > 0)
    say(
      call,
      'Left',
      `${countOf(newer, 'unfinished run')} of a newer Tutti, untouched: go on with that release`,
    );
}

function models(host: Host): string {
  if (!host.profiles) {
    return 'none, agents run their playbooks; set OPENAI_API_KEY or ANTHROPIC_API_KEY, here or in .env, to use models';
  }
  const { fast, standard, deep } = host.profiles;
  return [
    ...new Set(
      [fast, standard, deep].flatMap(({ targets }) =>
        targets.map((target) => `${target.provider} ${target.model}`),
      ),
    ),
  ].join(', ');
}

async function serverVersion(host: Host): Promise<string> {
  return host.database.admin(async (client) => {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version.split(' ')[0] ?? '';
  });
}

/** Host, port and database of a URL, without its user and password; an `@` behind the host says that the password began there. */
export function placeOf(databaseUrl: string): string {
  const url = URL.parse(databaseUrl);
  return url && !url.pathname.includes('@')
    ? `${url.host}${url.pathname}`
    : 'the server of DATABASE_URL';
}

/** Loads the sample company when it is not there yet, and says which of both it was. */
export async function openCompany(
  call: Call,
  host: Host,
  scale: number,
): Promise<{ readonly tenantId: number; readonly sample: LoadedSample }> {
  const startedAt = performance.now();
  const loaded = await host.sampleTenant(scale);
  const { sample, tenantId } = loaded;
  const group = await readGroup(host, tenantId);
  const size = `${countOf(sample.rows, 'record')} as of ${sample.asOf}`;
  const took = formatDuration(performance.now() - startedAt);
  say(
    call,
    'Company',
    `${group}, a sample of ${size}, ${sample.isNew ? `loaded in ${took}` : 'found where an earlier start left it'}`,
  );
  return loaded;
}

/** Says where API and console are and who can use them; of an installation without any key, the owner's, which is shown here and never again. */
export async function sayApi(
  call: Call,
  host: Host,
  { url, tenantId }: { readonly url: string; readonly tenantId: number },
): Promise<void> {
  const who = host.config.api?.keysOnly
    ? 'everybody needs a key or a token'
    : 'programs of this machine need no key: whoever can reach it may use it';
  say(call, 'API', `${url}; ${who}`);
  if (host.config.features?.console !== false) say(call, 'Console', `${url}/console/`);
  const first = await firstKey(host, tenantId);
  if (first === null) return;
  say(call, 'Key', `${call.terminal.bold(first)}`);
  say(
    call,
    '',
    "the owner's key of this installation, shown this once: keep it where secrets are kept",
  );
  say(call, '', `use it as: curl -H 'Authorization: Bearer …' ${url}/v1/me; more: tutti key`);
}

/** It stands for nobody, so that it decides no approvals. */
async function firstKey(host: Host, tenantId: number): Promise<string | null> {
  const { keys } = identityOf(host, tenantId);
  const request = {
    ...({ name: 'owner', roles: ['owner'], modules: null, companies: null } as const),
    ...{ person: null, rate: null, expiresAt: keys.expiryIn(usualKeyDays) },
  };
  return (await keys.createFirst(tenantId, request, operator()))?.secret ?? null;
}
