import { systemClock } from '../../core/base/clock.ts';
import { createApp, type Listening, listen } from '../../core/service/api/app.ts';
import { HookReceiver, type ReceiverParts } from '../../core/service/hooks/receive.ts';
import { openSources } from '../../core/service/hooks/sources.ts';
import { Identity } from '../../core/service/identity/identity.ts';
import type { Role } from '../../core/service/identity/permission.ts';
import { type HookLab, hookSecrets, openHookLab } from './hook-lab.ts';

/** The API of a lab, with the sources of its configuration; posts come at the time of the lab's clock. */
export interface HookApi {
  readonly lab: HookLab;
  readonly server: Listening;
  /** What callers were not told. */
  readonly errors: readonly unknown[];
  post(
    path: string,
    body: string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** Makes a key for some modules and companies; its text. */
  key(roles: readonly Role[], of?: Partial<KeyScope>): Promise<string>;
  close(context?: Mocha.Context): Promise<void>;
}

type KeyScope = Readonly<Record<'modules' | 'companies', readonly string[] | null>>;

/** `record` stands in for the intake. */
export async function openHookApi(record?: ReceiverParts['record']): Promise<HookApi> {
  const lab = await openHookLab();
  const { host, engine, history } = lab.tutti;
  const theirs = await host.store.tenant('theirs');
  const errors: unknown[] = [];
  const receiver = new HookReceiver({
    sources: openSources(host.config.hooks, hookSecrets),
    tenantOf: async ({ tenant }) => (tenant === 'theirs' ? theirs : lab.tenantId),
    record: record ?? ((delivery) => lab.intake.record(delivery)),
    clock: lab.clock,
    metrics: lab.metrics,
  });
  const { tenantId } = lab;
  const { database, registry } = host;
  const pool = database.pool('tutti_engine', 1);
  const identity = new Identity({ database, pool, config: {}, tenantId, clock: systemClock });
  const app = createApp({
    ...{ history, engine, registry, tenantId, identity },
    hooks: { store: lab.store, receiver },
    onError: (error) => errors.push(error),
  });
  const server = await listen(app, { port: 0 });
  return {
    ...{ lab, server, errors },
    post: (path, body, headers = { 'content-type': 'application/json' }) =>
      fetch(server.url + path, { method: 'POST', body, headers }),
    async key(roles, { modules = null, companies = null } = {}) {
      const own = { name: 'a test', roles, modules, companies, person: null, rate: null };
      const request = { ...own, expiresAt: null };
      const actor = { kind: 'person', id: 'test' } as const;
      return (await identity.keys.create(tenantId, request, actor)).secret;
    },
    async close(context) {
      await server.close();
      await lab.close(context);
    },
  };
}
