import assert from 'node:assert/strict';
import type pg from 'pg';
import { isEngineError } from '../../../core/base/errors.ts';
import { Identity } from '../../../core/service/identity/identity.ts';
import type { KeyRequest } from '../../../core/service/identity/keys.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'test' } as const;
const request: KeyRequest = {
  ...{ name: 'planner', roles: ['operator'], modules: null, companies: null },
  ...{ person: null, rate: null, expiresAt: null },
};
const minuteMs = 60_000;

describe('API keys', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let clock: FakeClock;
  let identity: Identity;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    const { rows } = await pool.query(
      `INSERT INTO tutti.tenant (slug) VALUES ('ours') RETURNING id`,
    );
    tenantId = rows[0].id;
  });
  beforeEach(() => {
    clock = new FakeClock(Date.now());
    identity = open(clock);
  });
  after(function () {
    return fresh.drop(this);
  });

  // Another process is another one of these on the same database.
  const open = (on: FakeClock) =>
    new Identity({ database: fresh.database, pool, config: {}, tenantId, clock: on });
  const make = (change: Partial<KeyRequest> = {}) =>
    identity.keys.create(tenantId, { ...request, ...change }, actor);
  const callerOf = (secret: string, by = identity) =>
    by.principalOf(`Bearer ${secret}`, '10.0.0.1');
  const refuses = (secret: string, by = identity) =>
    assert.rejects(callerOf(secret, by), { code: 'UNAUTHENTICATED' });

  it('are shown once, and kept as hashes', async () => {
    verifies('R10.authentication');
    const { key, secret } = await make();

    assert.match(secret, /^tutti_[0-9a-f]{12}_[\w-]{43}$/);
    assert.ok(secret.startsWith(`tutti_${key.prefix}_`));
    assert.ok(!JSON.stringify(await identity.keys.list(tenantId)).includes(secret.slice(19)));
    const { rows } = await pool.query(
      'SELECT to_jsonb(k)::text AS row, hash FROM tutti.api_key k WHERE id = $1',
      [key.id],
    );
    assert.equal(rows[0].hash.length, 32);
    assert.ok(!rows[0].row.includes(secret.slice(19)));
    const { rows: audit } = await pool.query(
      'SELECT action, data::text FROM tutti.audit WHERE target = $1',
      [key.id],
    );
    assert.deepEqual(
      [audit[0].action, audit[0].data.includes(secret.slice(19))],
      ['key.create', false],
    );
  });

  it('are callers of their tenant, with what they may touch', async () => {
    const { key, secret } = await make({
      modules: ['finance'],
      companies: ['C1'],
      person: 'Anna',
      rate: 'big',
    });

    assert.deepEqual(await callerOf(secret), {
      id: `key ${key.id}`,
      tenantId,
      actor: { kind: 'key', id: key.id, onBehalfOf: ['anna', 'test'] },
      person: 'anna',
      roles: ['operator'],
      modules: ['finance'],
      companies: ['C1'],
      rate: 'big',
    });
  });

  it('work until they expire', async () => {
    const { secret } = await make({ expiresAt: new Date(clock.now() + minuteMs) });
    await callerOf(secret);

    clock.pass(minuteMs);

    await refuses(secret);
    await assert.rejects(make({ expiresAt: new Date(clock.now()) }), { code: 'INPUT_INVALID' });
  });

  it('work in their old text until the moment that rotating them says', async () => {
    const { key, secret: old } = await make();
    const { secret } = await identity.keys.rotate(
      { tenantId, id: key.id },
      { actor, overlapMs: minuteMs },
    );
    const [one, other] = [await callerOf(old), await callerOf(secret)];
    assert.deepEqual(one, other);

    clock.pass(minuteMs);

    await refuses(old);
    assert.equal((await callerOf(secret)).id, one.id);
    assert.equal((await identity.keys.get({ tenantId, id: key.id })).oldUntil, null);
  });

  it('lose their oldest text when they are rotated twice', async () => {
    const { key, secret: first } = await make();
    const rotate = () =>
      identity.keys.rotate({ tenantId, id: key.id }, { actor, overlapMs: minuteMs });
    const { secret: second } = await rotate();
    const { secret: third } = await rotate();

    await refuses(first);
    await callerOf(second);
    await callerOf(third);
  });

  it('work nowhere within a second of being revoked, with either text', async () => {
    const { key, secret: old } = await make();
    const { secret } = await identity.keys.rotate(
      { tenantId, id: key.id },
      { actor, overlapMs: minuteMs },
    );
    const elsewhere = open(clock);
    for (const text of [old, secret])
      for (const by of [identity, elsewhere]) await callerOf(text, by);

    await identity.keys.revoke({ tenantId, id: key.id }, actor);
    clock.pass(999);

    for (const text of [old, secret])
      for (const by of [identity, elsewhere]) await refuses(text, by);
    await assert.rejects(identity.keys.rotate({ tenantId, id: key.id }, { actor, overlapMs: 0 }), {
      code: 'INPUT_INVALID',
    });
  });

  it('are looked up at most twice a second, however often they call', async () => {
    const { secret } = await make();
    const query = pool.query.bind(pool);
    let looks = 0;
    pool.query = ((...args: Parameters<typeof query>) => {
      if (String(args[0]).includes('k.old_prefix')) looks += 1;
      return query(...args);
    }) as typeof pool.query;

    await Promise.all(Array.from({ length: 50 }, () => callerOf(secret)));
    pool.query = query;

    assert.equal(looks, 1);
  });

  it('say when they were last used, to the minute', async () => {
    const { key, secret } = await make();
    const used = async () =>
      (await identity.keys.get({ tenantId, id: key.id })).lastUsedAt?.getTime();
    const startedMs = clock.now();
    await callerOf(secret);
    clock.pass(minuteMs - 1);
    await callerOf(secret);
    assert.equal(await used(), startedMs);

    clock.pass(1);
    await callerOf(secret);

    assert.equal(await used(), startedMs + minuteMs);
  });

  it('fit to the last character of their secret', async () => {
    const { secret } = await make();
    for (const text of [secret.slice(0, -1), `${secret}A`, `${secret.slice(0, -2)}zz`])
      await refuses(text);
  });

  it('give no right that this release does not know', async () => {
    const { key, secret } = await make();
    await pool.query(`UPDATE tutti.api_key SET roles = '{emperor}', scopes = '{}' WHERE id = $1`, [
      key.id,
    ]);

    const { roles, modules, companies } = await callerOf(secret);

    assert.deepEqual({ roles, modules, companies }, { roles: [], modules: [], companies: [] });
  });

  it('are refused with their tenant', async () => {
    const { secret } = await make();
    await callerOf(secret);
    await identity.tenants.suspend('ours', actor);
    clock.pass(999);
    await assert.rejects(callerOf(secret), { code: 'TENANT_SUSPENDED' });
    await assert.rejects(identity.local(), { code: 'TENANT_SUSPENDED' });

    await identity.tenants.resume('ours', actor);
    clock.pass(999);

    await callerOf(secret);
  });

  it('begin with one of the owner, whatever number of processes starts', async () => {
    const other = await freshDatabase();
    try {
      const own = other.database.pool('tutti_engine', 4);
      await own.query(`INSERT INTO tutti.tenant (id, slug) VALUES (7, 'first')`);
      const parts = { database: other.database, pool: own, config: {}, tenantId: 7, clock };
      const first = () =>
        new Identity(parts).keys.createFirst(7, { ...request, roles: ['owner'] }, actor);

      const made = await Promise.all([first(), first(), first()]);

      assert.equal(made.filter((each) => each !== null).length, 1);
    } finally {
      await other.drop();
    }
  });

  it('are not guessed by an address that fails often, while its neighbours go on', async () => {
    const { secret } = await make();
    await callerOf(secret);
    const guess = (no: number) =>
      identity.principalOf(
        `Bearer tutti_${String(no).padStart(12, '0')}_${'A'.repeat(43)}`,
        '10.0.0.9',
      );
    const codes: string[] = [];
    for (let no = 0; no < 110; no += 1)
      await guess(no).catch((error: unknown) => isEngineError(error) && codes.push(error.code));

    assert.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, 100);
    assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 10);
    await identity.principalOf(`Bearer ${secret}`, '10.0.0.9');
    const { secret: strange } = await make();
    await assert.rejects(identity.principalOf(`Bearer ${strange}`, '10.0.0.9'), {
      code: 'RATE_LIMITED',
    });
    await callerOf(strange);
  });
});
