import { apiPartsOf } from '../../../bin/api.ts';
import { type Clock, systemClock } from '../../../core/base/clock.ts';
import type { ApiConfig } from '../../../core/ports/api/config.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import type { ApiParts } from '../../../core/service/api/parts.ts';
import type { Route } from '../../../core/service/api/route.ts';
import { routesOf } from '../../../core/service/api/routes.ts';
import { Identity } from '../../../core/service/identity/identity.ts';
import type { KeyRequest } from '../../../core/service/identity/keys.ts';
import type { Role } from '../../../core/service/identity/permission.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';

const echo = new URL('../../support/fixtures/tenancy.config.ts', import.meta.url);

/** A whole Tutti as a process serves it, with two tenants and everybody's keys. */
export interface ServedApi {
  readonly tutti: TestEngine;
  readonly identity: Identity;
  readonly server: Listening;
  readonly routes: readonly Route[];
  readonly ours: number;
  readonly theirs: number;
  /** Makes a key of a tenant; its text. */
  key(tenantId: number, roles: readonly Role[], more?: Partial<KeyRequest>): Promise<string>;
  /** A request with a key or a token, or without any. */
  ask(path: string, credential?: string | null, init?: RequestInit): Promise<Response>;
  close(context?: Mocha.Context): Promise<void>;
}

/** Opens it; by default everybody needs a key. */
export async function serveHere(
  options: {
    readonly api?: ApiConfig;
    readonly clock?: Clock;
    readonly config?: URL;
    readonly change?: Partial<ApiParts>;
  } = {},
): Promise<ServedApi> {
  const { api = { keysOnly: true }, clock = systemClock, change = {}, config = echo } = options;
  const tutti = await openTestEngine(config);
  const [ours, theirs] = [
    await tutti.host.store.tenant('ours'),
    await tutti.host.store.tenant('theirs'),
  ];
  const { database } = tutti.host;
  const pool = database.pool('tutti_engine', 2);
  const identity = new Identity({ database, pool, config: api, tenantId: ours, clock });
  const made = apiPartsOf(tutti.host, tutti.engine, { tenantId: ours, businessDate: '2026-06-30' });
  const parts = {
    ...made,
    identity,
    api,
    requestsPerMinute: 100_000,
    onError: () => {},
    ...change,
  };
  const server = await listen(createApp(parts), { port: 0 });
  const complete = {
    clock,
    runDefaults: () => ({ businessDate: '2026-06-30', timeZone: 'UTC' }),
    ...parts,
  };
  const closing = new AbortController().signal;
  return {
    ...{ tutti, identity, server, ours, theirs },
    routes: routesOf({ ...complete, closing, keysOnly: api.keysOnly === true }),
    async key(tenantId, roles, more = {}) {
      const request = {
        ...{ name: roles.join(), roles, modules: null, companies: null, person: null, rate: null },
        ...{ expiresAt: null, ...more },
      };
      return (await identity.keys.create(tenantId, request, { kind: 'person', id: 'test' })).secret;
    },
    ask: (path, credential = null, init = {}) =>
      fetch(server.url + path, {
        redirect: 'manual',
        ...init,
        headers: {
          ...(credential !== null && { authorization: `Bearer ${credential}` }),
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
    async close(context) {
      await server.close();
      await tutti.close(context);
    },
  };
}
