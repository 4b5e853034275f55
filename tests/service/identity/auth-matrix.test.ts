import assert from 'node:assert/strict';
import type { Route } from '../../../core/service/api/route.ts';
import { type Permission, roleNames, roles } from '../../../core/service/identity/permission.ts';
import { verifies } from '../../support/verifies.ts';
import { openIssuer } from './issuer.ts';
import { type ServedApi, serveHere } from './served.ts';

/** Routes that anybody may call, each with the reason. */
const open: Readonly<Record<string, string>> = {
  'get /livez': 'load balancers ask it, and learn nothing but that the process answers',
  'get /readyz': 'load balancers ask it, and learn nothing but whether to send requests here',
  'get /': 'a page of links, the same for everybody',
  'get /docs': 'the reference of the API, the same for everybody',
  'get /v1/openapi.json': 'the reference of the API, the same for everybody',
  'post /v1/hooks/:source': 'who posts ERP events proves it with a signature over them',
};

describe('who may call what', function () {
  this.timeout(180_000);
  let from: Awaited<ReturnType<typeof openIssuer>>;
  let served: ServedApi;
  let closed: readonly Route[];
  const bad = new Map<string, string | null>();

  before(async () => {
    from = await openIssuer();
    served = await serveHere({ api: { keysOnly: true, proxies: 1, issuers: [from.config] } });
    closed = served.routes.filter(({ permission }) => permission !== null);
    const owner = { roles: ['owner', 'tenant_admin'] };
    const token = await from.sign({ claims: owner });
    const pool = served.tutti.host.database.pool('tutti_engine', 1);
    const expired = await served.key(served.ours, ['owner'], { name: 'expired' });
    await pool.query(
      `UPDATE tutti.api_key SET expires_at = now() - interval '1 s' WHERE name = 'expired'`,
    );
    const revoked = await served.key(served.ours, ['owner'], { name: 'revoked' });
    const [key] = await served.identity.keys.list(served.ours);
    await served.identity.keys.revoke(
      { tenantId: served.ours, id: key?.id ?? '' },
      { kind: 'person', id: 'test' },
    );
    const good = await served.key(served.ours, ['owner']);
    const entries: readonly (readonly [string, string | null])[] = [
      ['no key', null],
      ['an expired key', expired],
      ['a revoked key', revoked],
      ['a key with another secret', `${good.slice(0, -4)}AAAA`],
      ['a key that there is not', `tutti_000000000000_${'A'.repeat(43)}`],
      ['no key at all', 'tutti_'],
      [
        'a token for others',
        await from.sign({ claims: { ...owner, aud: 'https://other.example.com' } }),
      ],
      [
        'a token of others',
        await from.sign({ claims: { ...owner, iss: 'https://other.example.com/' } }),
      ],
      ['a token that is none for an API', await from.sign({ claims: owner, typ: 'JWT' })],
      ['an expired token', await from.sign({ claims: owner, expires: '-1m' })],
      [
        'a token of yesterday',
        await from.sign({ claims: owner, issuedAt: Date.now() / 1_000 - 90_000 }),
      ],
      ['a token without a signature', from.unsigned(token)],
      ['a token signed with the public key', await from.confused({ claims: owner })],
      ['a token signed by others', await from.sign({ claims: owner, foreign: true })],
    ];
    for (const [what, credential] of entries) bad.set(what, credential);
  });
  after(async function () {
    from.close();
    await served.close(this);
  });

  let calls = 0;
  // Each from an address of its own: who fails often is told that, before anybody is looked up.
  const call = ({ method, path }: Route, credential: string | null) =>
    served.ask(path.replaceAll(/:\w+/g, '01890000-0000-7000-8000-000000000000'), credential, {
      method: method.toUpperCase(),
      headers: { 'x-forwarded-for': `10.0.${++calls >> 8}.${calls & 255}` },
    });

  it('is said by every route, or stands on a short list', () => {
    verifies('R12.rbac');
    const free = served.routes.filter(({ permission }) => permission === null);
    const strange = free
      .map(({ method, path }) => `${method} ${path}`)
      .filter((each) => !open[each]);
    assert.deepEqual(strange, []);
    const names = served.routes.map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(names).size, names.length);
    assert.ok(closed.length >= 60, `${closed.length} routes`);
  });

  it('is refused by every route without a good key or token', async () => {
    verifies('R10.authentication');
    const wrong: string[] = [];
    for (const route of closed)
      for (const [what, credential] of bad) {
        const response = await call(route, credential);
        const { code } = (await response.json()) as { readonly code: string };
        const challenge = response.headers.get('www-authenticate') ?? '';
        const isTold = credential === null || challenge.includes('error="invalid_token"');
        if (response.status === 401 && challenge.startsWith('Bearer') && isTold) continue;
        wrong.push(`${route.method} ${route.path} with ${what}: ${response.status} ${code}`);
      }
    assert.deepEqual(wrong, []);
  });

  it('is refused by every route to roles without its permission', async () => {
    verifies('R12.rbac');
    const keys = new Map(
      await Promise.all(
        roleNames.map(async (role) => [role, await served.key(served.ours, [role])] as const),
      ),
    );
    const wrong: string[] = [];
    let refused = 0;
    for (const route of closed)
      for (const [role, key] of keys) {
        if ((roles[role] as readonly Permission[]).includes(route.permission as Permission))
          continue;
        const response = await call(route, key);
        refused += 1;
        const { code } = (await response.json()) as { readonly code: string };
        if (response.status === 403 && code === 'PERMISSION_DENIED') continue;
        wrong.push(`${route.method} ${route.path} as ${role}: ${response.status} ${code}`);
      }
    assert.deepEqual(wrong, []);
    assert.ok(refused > 100, `${refused} refusals`);
  });
});
