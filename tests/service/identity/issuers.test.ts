import assert from 'node:assert/strict';
import type pg from 'pg';
import type { ApiIssuer } from '../../../core/ports/api/config.ts';
import { Identity } from '../../../core/service/identity/identity.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { issuer, openIssuer } from './issuer.ts';

const actor = { kind: 'person', id: 'test' } as const;

describe('tokens of the company', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let from: Awaited<ReturnType<typeof openIssuer>>;
  const clock = new FakeClock(Date.now());

  before(async () => {
    fresh = await freshDatabase();
    from = await openIssuer();
    pool = fresh.database.pool('tutti_engine', 4);
    await pool.query(`INSERT INTO tutti.tenant (id, slug) VALUES (1, 'ours'), (2, 'theirs')`);
  });
  after(async function () {
    from.close();
    await fresh.drop(this);
  });

  const open = (change: Partial<ApiIssuer> = {}) => {
    const issuers = [{ ...from.config, ...change }];
    return new Identity({
      database: fresh.database,
      pool,
      config: { issuers },
      tenantId: 1,
      clock,
    });
  };
  const ask = (identity: Identity, token: string) =>
    identity.principalOf(`Bearer ${token}`, '10.0.0.1');
  const refused = { code: 'TOKEN_REFUSED' } as const;

  it('make callers of people, with the roles that they name', async () => {
    verifies('R10.authentication', 'R12.rbac');
    const token = await from.sign({
      claims: { roles: ['operator', 'approver', 'owner', 'emperor'] },
    });

    assert.deepEqual(await ask(open(), token), {
      id: JSON.stringify(['token', issuer, null, 'anna']),
      tenantId: 1,
      actor: { kind: 'person', id: 'anna' },
      roles: ['operator', 'approver'],
      modules: null,
      companies: null,
    });
  });

  it('make callers of programs, which stand for nobody', async () => {
    const token = await from.sign({ claims: { sub: 'planner', client_id: 'planner' } });
    assert.deepEqual((await ask(open(), token)).actor, { kind: 'key', id: 'planner' });
  });

  it('name roles in the words of their issuer, and owners only where the configuration says so', async () => {
    const rolesClaim = 'realm_access.roles';
    const claims = { realm_access: { roles: ['boss', 'clerk', 'operator', 'constructor'] } };
    const token = await from.sign({ claims });
    const roles = { boss: 'owner', clerk: 'viewer' };

    assert.deepEqual((await ask(open({ rolesClaim, roles }), token)).roles, ['owner', 'viewer']);
    assert.deepEqual((await ask(open({ rolesClaim }), token)).roles, ['operator']);
    assert.deepEqual((await ask(open(), token)).roles, ['operator']);
    const none = await from.sign({ claims: { roles: ['emperor', 'constructor', 7] } });
    assert.deepEqual((await ask(open(), none)).roles, []);
    const wrong = { rolesClaim, roles: { boss: 'emperor' } };
    assert.throws(() => open(wrong), { code: 'CONFIG_INVALID', message: /emperor/ });
  });

  it('are of the tenant that they name, and of no other', async () => {
    const tenantClaim = 'https://tutti.example.com/tenant';
    const of = (tenant: unknown) => from.sign({ claims: { [tenantClaim]: tenant } });

    assert.equal((await ask(open({ tenantClaim }), await of('theirs'))).tenantId, 2);
    await assert.rejects(ask(open({ tenantClaim }), await of('nobody')), refused);
    await assert.rejects(ask(open({ tenantClaim }), await from.sign()), refused);
    await assert.rejects(ask(open({ tenantClaim }), await of(['theirs'])), refused);
    assert.equal((await ask(open({ tenant: 'theirs' }), await from.sign())).tenantId, 2);
  });

  it('touch the modules and companies that they name; without the claim none', async () => {
    const claims = { modules: ['finance', 7], firms: 'C1 C2' };
    const config = { modulesClaim: 'modules', companiesClaim: 'firms' };
    const { modules, companies } = await ask(open(config), await from.sign({ claims }));
    const none = await ask(open(config), await from.sign());

    assert.deepEqual([modules, companies], [['finance'], ['C1', 'C2']]);
    assert.deepEqual([none.modules, none.companies], [[], []]);
  });

  it('are refused once they are taken back, before they expire', async () => {
    const identity = open();
    const token = await from.sign({ claims: { jti: 'one' } });
    await ask(identity, token);

    const until = new Date(clock.now() + 300_000);
    await identity.denied.deny(1, { issuer, id: 'one', until }, actor);

    await assert.rejects(ask(identity, token), { ...refused, message: /taken back/ });
    await ask(identity, await from.sign({ claims: { jti: 'two' } }));
    assert.deepEqual(await identity.denied.list(1), [{ issuer, id: 'one', until }]);
    // Said again because the first word was too short, or by mistake shorter: the longer one holds.
    const longer = new Date(clock.now() + 600_000);
    for (const said of [longer, until])
      await identity.denied.deny(1, { issuer, id: 'one', until: said }, actor);
    assert.deepEqual(await identity.denied.list(1), [{ issuer, id: 'one', until: longer }]);
    const strict = open({ requiredClaims: ['jti'] });
    await assert.rejects(ask(strict, await from.sign()), { ...refused, message: /'jti'/ });
  });

  it('name a person by the claim that is configured, and only who can be one', async () => {
    const personClaim = 'email';
    const token = await from.sign({ claims: { email: 'Anna@Example.com' } });
    assert.equal((await ask(open({ personClaim }), token)).actor.id, 'anna@example.com');
    await assert.rejects(ask(open({ personClaim }), await from.sign()), refused);
    await assert.rejects(ask(open(), await from.sign({ claims: { sub: 'a\u200bnna' } })), refused);
  });

  it('are of issuers with keys of one type, at addresses that can be trusted', () => {
    const wrong: readonly Partial<ApiIssuer>[] = [
      { algorithms: [] },
      { algorithms: ['HS256'] },
      { algorithms: ['none'] },
      { algorithms: ['RS256', 'ES256'] },
      { jwksUrl: 'http://issuer.example.com/keys' },
      { jwksUrl: 'file:///keys' },
    ];
    for (const change of wrong) assert.throws(() => open(change), { code: 'CONFIG_INVALID' });
  });
});
