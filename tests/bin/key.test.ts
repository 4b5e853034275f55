import assert from 'node:assert/strict';
import { systemClock } from '../../core/base/clock.ts';
import { Identity } from '../../core/service/identity/identity.ts';
import type { KeyView } from '../../core/service/identity/key-view.ts';
import type { TenantView } from '../../core/service/identity/tenants.ts';
import { booksDatabase } from '../support/company.ts';
import { eventually } from '../support/eventually.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli, shopConfig, startCli } from './cli.ts';

interface Shown {
  readonly key: KeyView;
  readonly secret: string;
}

describe('the commands on keys and tenants', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', shopConfig]);

  it("show the owner's key once, and serve whoever has one", async () => {
    verifies('R10.authentication', 'R12.config-security');
    const serve = async () => {
      const server = startCli(place, ['serve', '--port', '0', '--config', shopConfig]);
      const said = await server.says(/Serving until/);
      return { server, said, url: /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '' };
    };
    const first = await serve();
    const [secret] = /tutti_[0-9a-f]{12}_[\w-]{43}/.exec(first.said) ?? [''];
    const me = await fetch(`${first.url}/v1/me`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    const { roles } = (await me.json()) as { readonly roles: readonly string[] };
    const wrong = await fetch(`${first.url}/v1/me`, {
      headers: { authorization: `Bearer ${secret}x` },
    });

    const made = await tutti(
      'key',
      'create',
      'night shift',
      '--role',
      'operator,approver',
      '--person',
      'anna',
      '--json',
    );
    const { key, secret: own } = JSON.parse(made.stdout) as Shown;
    const ask = (text: string) =>
      fetch(`${first.url}/v1/me`, { headers: { authorization: `Bearer ${text}` } });
    assert.deepEqual(
      [key.name, key.roles, key.person],
      ['night shift', ['operator', 'approver'], 'anna'],
    );
    assert.equal((await ask(own)).status, 200);
    const rotated = await tutti('key', 'rotate', key.id, '--overlap', '1');
    const [fresher] = /tutti_[0-9a-f]{12}_[\w-]{43}/.exec(rotated.stdout) ?? [''];
    assert.match(rotated.stdout, /Its text before works until 20/);
    assert.deepEqual([(await ask(own)).status, (await ask(fresher)).status], [200, 200]);
    const revoked = await tutti('key', 'revoke', key.id);
    assert.match(revoked.stdout, /^Revoked: /);
    // No process believes a key for longer than half a second.
    await eventually(async () => (await ask(own)).status === 401);
    await eventually(async () => (await ask(fresher)).status === 401);

    first.server.child.kill('SIGTERM');
    await first.server.ended;
    const second = await serve();
    second.server.child.kill('SIGTERM');
    await second.server.ended;
    assert.deepEqual([me.status, roles, wrong.status], [200, ['owner'], 401]);
    assert.doesNotMatch(second.said, /tutti_[0-9a-f]{12}/);
    assert.match(second.said, /API .*programs of this machine need no key/);
  });

  it('list keys with their state, and never with their text', async () => {
    const { stdout } = await tutti('key', 'list');
    assert.match(stdout, /^[0-9a-f-]{36} +night shift +operator,approver +revoked /m);
    assert.match(stdout, /^[0-9a-f-]{36} +owner +owner +active /m);
    assert.doesNotMatch(stdout, /tutti_/);
  });

  it('make tenants, with keys of their own, and suspend them', async () => {
    const made = await tutti('tenant', 'create', 'acme');
    const key = await tutti(
      'key',
      'create',
      'admin',
      '--role',
      'tenant_admin',
      '--days',
      '0',
      '--tenant',
      'acme',
    );
    const suspended = await tutti('tenant', 'suspend', 'acme');
    const listed = await tutti('tenant', 'list');
    const resumed = await tutti('tenant', 'resume', 'acme', '--json');

    assert.match(made.stdout, /^'acme' is made; .*--tenant acme$/m);
    assert.match(key.stdout, /It does not expire\./);
    assert.match(suspended.stdout, /^'acme' is suspended/);
    assert.match(listed.stdout, /^acme +\S+ +suspended since /m);
    assert.equal((JSON.parse(resumed.stdout) as TenantView).suspendedAt, null);
  });

  it('refuse an empty list of names, which would mean all', async () => {
    const asked = await tutti('webhooks', 'add', 'https://example.com/', '--modules', '');

    assert.deepEqual([asked.code, asked.stdout], [2, '']);
    assert.match(asked.stderr, /without it all are meant/);
  });

  it('list and end sessions', async () => {
    verifies('R9.sessions');
    const pool = fresh.database.pool('tutti_engine', 2);
    const parts = { database: fresh.database, pool, config: {}, tenantId: 0, clock: systemClock };
    const { keys, sessions, tenants } = new Identity(parts);
    const { id: tenantId } = await tenants.find('acme');
    const [key] = await keys.list(tenantId);
    const proof = { kind: 'key', id: String(key?.id), prefix: String(key?.prefix) } as const;
    const principal = {
      ...{ id: `key ${key?.id}`, tenantId, actor: { kind: 'key', id: String(key?.id) } as const },
      ...{ roles: [], modules: null, companies: null },
    };
    const { session, secret } = await sessions.begin(
      { principal, proof: { ...proof, expiresAt: null } },
      { userAgent: 'Mozilla/5.0', address: '10.0.0.1' },
    );

    const listed = await tutti('sessions', '--tenant', 'acme');
    const ended = await tutti('sessions', 'end', session.id, '--tenant', 'acme');
    const after = await tutti('sessions', '--tenant', 'acme', '--json');

    assert.match(
      listed.stdout,
      new RegExp(
        `^${session.id} +${key?.id} +key ${key?.id} +tenant_admin .* 10\\.0\\.0\\.1 +Mozilla/5\\.0$`,
        'm',
      ),
    );
    assert.ok(!listed.stdout.includes(secret));
    assert.match(ended.stdout, /^Ended: /);
    assert.deepEqual(JSON.parse(after.stdout), []);
  });

  it('refuse what is wrong in one line, and end with 2', async () => {
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [/^INPUT_INVALID: tutti key takes list, create, rotate, revoke, not 'make'/, ['key', 'make']],
      [/^INPUT_INVALID: tutti key create needs NAME and --role/, ['key', 'create', 'x']],
      [/^INPUT_INVALID: There is no role 'emperor'/, ['key', 'create', 'x', '--role', 'emperor']],
      [/^API_KEY_UNKNOWN: /, ['key', 'revoke', 'x']],
      [/^SESSION_UNKNOWN: /, ['sessions', 'end', 'x']],
      [/^INPUT_INVALID: tutti sessions takes list, end, not 'stop'/, ['sessions', 'stop']],
      [/^TENANT_UNKNOWN: /, ['key', 'list', '--tenant', 'nobody']],
      [/^INPUT_INVALID: 'Acme Inc' is no name of a tenant/, ['tenant', 'create', 'Acme Inc']],
      [/^CONFIG_INVALID: .*0\.0\.0\.0.*keysOnly/, ['serve', '--port', '0', '--host', '0.0.0.0']],
    ];
    for (const [message, args] of wrong) {
      const { code, stderr } = await tutti(...args);
      assert.match(stderr, message);
      assert.equal(code, stderr.startsWith('CONFIG_INVALID') ? 1 : 2);
    }
  });
});
