import assert from 'node:assert/strict';
import type pg from 'pg';
import { Scrubber } from '../../../core/base/telemetry/scrub.ts';
import { applyRetention } from '../../../core/engine/retention/apply.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import type { ApiConfig } from '../../../core/ports/api/config.ts';
import { Identity } from '../../../core/service/identity/identity.ts';
import type { KeyRequest } from '../../../core/service/identity/keys.ts';
import type { SignIn } from '../../../core/service/identity/sessions.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { openIssuer } from './issuer.ts';

const actor = { kind: 'person', id: 'test' } as const;
const browser = { userAgent: 'Mozilla/5.0 (X11; Linux x86_64)', address: '10.0.0.1' };
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe('sessions', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let clock: FakeClock;
  let identity: Identity;
  let [ours, theirs] = [0, 0];

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    const { rows } = await pool.query(
      `INSERT INTO tutti.tenant (slug) VALUES ('ours'), ('theirs') RETURNING id`,
    );
    [ours, theirs] = [rows[0].id, rows[1].id];
  });
  beforeEach(async () => {
    await pool.query('DELETE FROM tutti.session');
    clock = new FakeClock(Date.now());
    identity = open();
  });
  after(function () {
    return fresh.drop(this);
  });

  // Another process is another one of these on the same database.
  const open = (config: Pick<ApiConfig, 'issuers' | 'sessions'> = {}) =>
    new Identity({ database: fresh.database, pool, config, tenantId: ours, clock });
  const makeKey = (change: Partial<KeyRequest> = {}, tenantId = ours) =>
    identity.keys.create(
      tenantId,
      {
        ...{ name: 'page', roles: ['operator'], modules: null, companies: null },
        ...{ person: null, rate: null, expiresAt: null, ...change },
      },
      actor,
    );
  const signIn = async (credential: string, by = identity) =>
    by.sessions.begin(
      (await by.knownBy(`Bearer ${credential}`, browser.address)) as SignIn,
      browser,
    );
  const callerOf = async (secret: string, by = identity) =>
    (await by.knownBySession(secret, browser.address)).principal;
  const refuses = (secret: string, code = 'SESSION_ENDED', by = identity) =>
    assert.rejects(callerOf(secret, by), { code });
  const actions = async (target: string) => {
    const { rows } = await pool.query<{ action: string }>(
      'SELECT action, actor FROM tutti.audit WHERE target = $1 ORDER BY seq',
      [target],
    );
    return rows.map(({ action }) => action);
  };

  it('make their bearer the same caller as the key', async () => {
    verifies('R9.sessions');
    const { secret: key } = await makeKey({
      ...{ modules: ['finance'], companies: ['C1'], person: 'Anna', rate: 'big' },
    });
    const { session, secret } = await signIn(key);

    assert.deepEqual(
      await callerOf(secret),
      await identity.principalOf(`Bearer ${key}`, '10.0.0.1'),
    );
    assert.deepEqual(await actions(session.id), ['session.begin']);
    assert.deepEqual(
      [session.person, session.roles, session.userAgent, session.address],
      ['anna', ['operator'], browser.userAgent, browser.address],
    );
  });

  it('are kept as hashes', async () => {
    verifies('R9.sessions');
    const { session, secret } = await signIn((await makeKey()).secret);
    const { rows } = await pool.query(
      `SELECT to_jsonb(s)::text AS row, hash, (SELECT string_agg(to_jsonb(a)::text, '') FROM tutti.audit a) AS audit
       FROM tutti.session s WHERE id = $1`,
      [session.id],
    );
    const random = secret.replace('tutti_session_', '');
    const encoded = Buffer.from(secret).toString('hex');

    assert.equal(Buffer.from(random, 'base64url').length, 32);
    assert.equal(rows[0].hash.length, 32);
    for (const text of [rows[0].row, rows[0].audit, JSON.stringify(session)])
      assert.ok(!text.includes(random) && !text.includes(encoded));
    const told = new Scrubber().text(`GET /v1/me with ${secret}, tutti=${secret}; ok`);
    assert.ok(!told.includes(random.slice(0, 8)), told);
  });

  it('end when nobody uses them for a while', async () => {
    verifies('R9.sessions');
    const { secret } = await signIn((await makeKey()).secret);
    for (let used = 0; used < 3; used += 1) {
      clock.pass(29 * minuteMs);
      await callerOf(secret);
    }

    clock.pass(30 * minuteMs);

    await refuses(secret);
  });

  it('end after a day’s work, however much they are used', async () => {
    verifies('R9.sessions');
    const { session, secret } = await signIn((await makeKey()).secret);
    const begunMs = clock.now();
    while (clock.now() < begunMs + 12 * hourMs - 20 * minuteMs) {
      await callerOf(secret);
      clock.pass(20 * minuteMs);
    }
    await callerOf(secret);
    assert.equal(session.expiresAt.getTime(), begunMs + 12 * hourMs);

    clock.pass(20 * minuteMs);

    await refuses(secret);
  });

  it('last as long as the configuration says', async () => {
    const short = open({ sessions: { idleMinutes: 2, hours: 0.05 } });
    const { session, secret } = await signIn((await makeKey()).secret, short);
    assert.equal(session.idleUntil.getTime() - session.madeAt.getTime(), 2 * minuteMs);
    assert.equal(session.expiresAt.getTime() - session.madeAt.getTime(), 3 * minuteMs);
    clock.pass(2 * minuteMs - 1);
    await callerOf(secret, short);

    clock.pass(minuteMs + 1);

    await refuses(secret, 'SESSION_ENDED', short);
  });

  it('never outlive their key, whether it expires, is revoked or gets another text', async () => {
    verifies('R9.sessions');
    const expiring = await makeKey({ expiresAt: new Date(clock.now() + minuteMs) });
    const [revoked, rotated] = [await makeKey(), await makeKey()];
    const [one, two, three] = [
      await signIn(expiring.secret),
      await signIn(revoked.secret),
      await signIn(rotated.secret),
    ];
    assert.equal(one.session.expiresAt.getTime(), clock.now() + minuteMs);
    for (const { secret } of [one, two, three]) await callerOf(secret);

    await identity.keys.revoke({ tenantId: ours, id: revoked.key.id }, actor);
    const of = { tenantId: ours, id: rotated.key.id };
    await identity.keys.rotate(of, { actor, overlapMs: 10 * minuteMs });
    clock.pass(999);

    await refuses(two.secret);
    await callerOf(one.secret);
    await callerOf(three.secret);
    clock.pass(minuteMs);
    await refuses(one.secret);
    clock.pass(10 * minuteMs);
    await refuses(three.secret);
    assert.deepEqual(await identity.sessions.list({ tenantId: ours }), []);
  });

  it('that are begun with the old text of a key end with it', async () => {
    const { key, secret: old } = await makeKey();
    const of = { tenantId: ours, id: key.id };
    await identity.keys.rotate(of, { actor, overlapMs: 5 * minuteMs });

    const { session } = await signIn(old);

    assert.equal(session.expiresAt.getTime(), clock.now() + 5 * minuteMs);
  });

  it('may do what their key may now', async () => {
    verifies('R9.sessions');
    const { key, secret: text } = await makeKey();
    const { secret } = await signIn(text);
    assert.deepEqual((await callerOf(secret)).roles, ['operator']);
    const change = `UPDATE tutti.api_key SET roles = '{viewer}', scopes = '{"modules":["echo"],"companies":null}' WHERE id = $1`;
    await pool.query(change, [key.id]);

    clock.pass(500);

    const { roles, modules } = await callerOf(secret);
    assert.deepEqual([roles, modules], [['viewer'], ['echo']]);
  });

  it('are refused while their tenant is suspended', async () => {
    const { secret } = await signIn((await makeKey({}, theirs)).secret);
    await identity.tenants.suspend('theirs', actor);
    await refuses(secret, 'TENANT_SUSPENDED');

    await identity.tenants.resume('theirs', actor);
    clock.pass(999);

    await callerOf(secret);
  });

  it('end in every process within a second', async () => {
    verifies('R9.sessions');
    const { key, secret: text } = await makeKey();
    const [one, other] = [await signIn(text), await signIn(text)];
    const elsewhere = open();
    for (const { secret } of [one, other]) await callerOf(secret, elsewhere);

    const ended = await identity.sessions.end({ tenantId: ours, id: one.session.id }, actor);
    clock.pass(999);

    assert.deepEqual(ended, [one.session.id]);
    for (const by of [identity, elsewhere]) {
      await refuses(one.secret, 'SESSION_ENDED', by);
      await callerOf(other.secret, by);
    }
    assert.deepEqual(await actions(one.session.id), ['session.begin', 'session.end']);
    const of = { tenantId: ours, principal: `key ${key.id}` };
    assert.deepEqual(await elsewhere.sessions.end(of, actor), [other.session.id]);
    clock.pass(999);
    await refuses(other.secret);
    assert.deepEqual(await identity.sessions.end(of, actor), []);
  });

  it('say when they were last used, to the minute, and are looked up twice a second at most', async () => {
    const { session, secret } = await signIn((await makeKey()).secret);
    const query = pool.query.bind(pool);
    const seen: string[] = [];
    pool.query = ((...args: Parameters<typeof query>) => {
      seen.push(String(args[0]).trim().split(' ', 1)[0] ?? '');
      return query(...args);
    }) as typeof pool.query;
    const use = () => Promise.all(Array.from({ length: 20 }, () => callerOf(secret)));
    await use();
    clock.pass(minuteMs - 1);
    await use();
    assert.deepEqual(seen.splice(0), ['SELECT', 'SELECT']);

    clock.pass(500);
    await use();
    pool.query = query;

    assert.deepEqual(seen, ['SELECT', 'UPDATE']);
    const { seenAt, idleUntil } = await identity.sessions.get({ tenantId: ours, id: session.id });
    assert.equal(seenAt.getTime(), clock.now());
    assert.equal(idleUntil.getTime(), clock.now() + 30 * minuteMs);
  });

  it('leave no row behind when they have expired: the next who signs in sweeps, and so does retention', async () => {
    const { secret } = await makeKey();
    const left = async () => (await pool.query('SELECT id FROM tutti.session')).rows;
    await signIn(secret);
    clock.pass(30 * minuteMs);
    const { session } = await signIn(secret);
    assert.deepEqual(await left(), [{ id: session.id }]);
    const tend = () =>
      applyRetention(fresh.database, retentionPolicy(undefined), { now: new Date(clock.now()) });
    await tend();
    assert.deepEqual(await left(), [{ id: session.id }]);

    clock.pass(30 * minuteMs);
    await tend();

    assert.deepEqual(await left(), []);
  });

  it('of another tenant are not seen, not even by the database', async () => {
    verifies('R9.sessions', 'R12.tenancy');
    const { session } = await signIn((await makeKey()).secret);
    const of = { tenantId: theirs, id: session.id };

    assert.deepEqual(await identity.sessions.list({ tenantId: theirs }), []);
    await assert.rejects(identity.sessions.get(of), { code: 'SESSION_UNKNOWN' });
    assert.deepEqual(await identity.sessions.end(of, actor), []);
    const rows = await fresh.database.asTenant(theirs, (transaction) =>
      transaction.selectFrom('session').select('id').execute(),
    );
    assert.deepEqual(rows, []);
    await assert.rejects(
      fresh.database.asTenant(ours, (transaction) =>
        transaction.selectFrom('session').select('hash').execute(),
      ),
      /permission denied/,
    );
  });

  it('fit to the last character of their cookie', async () => {
    const { secret } = await signIn((await makeKey()).secret);
    for (const text of [
      ...[secret.slice(0, -1), `${secret}A`, secret.toLowerCase(), secret.slice(14)],
      ...['', 'x=y', `tutti_session_${'A'.repeat(43)}`],
    ])
      await refuses(text);
  });

  it('are not guessed by an address that fails often', async () => {
    const { secret } = await signIn((await makeKey()).secret);
    await callerOf(secret);
    const codes = new Map<string, number>();
    for (let no = 0; no < 110; no += 1)
      await identity
        .knownBySession(`tutti_session_${String(no).padStart(43, 'A')}`, browser.address)
        .catch(({ code }: { readonly code: string }) =>
          codes.set(code, (codes.get(code) ?? 0) + 1),
        );

    assert.deepEqual(Object.fromEntries(codes), { SESSION_ENDED: 100, RATE_LIMITED: 10 });
    await callerOf(secret);
  });

  describe('that are begun with a token', () => {
    let from: Awaited<ReturnType<typeof openIssuer>>;
    before(async () => {
      from = await openIssuer();
    });
    after(() => from.close());

    it('are whom it names, until it expires, is taken back, or its issuer counts no more', async () => {
      verifies('R9.sessions');
      const [one, other] = await Promise.all(
        ['one', 'other'].map((jti) => from.sign({ claims: { jti }, expires: '10m' })),
      );
      // They expire by the clock on the wall, to the second: the sessions' clock is not behind the moment at which they were made.
      clock = new FakeClock(Date.now());
      identity = open({ issuers: [from.config] });
      const [first, second] = [await signIn(one ?? ''), await signIn(other ?? '')];
      assert.deepEqual(
        await callerOf(first.secret),
        await identity.principalOf(`Bearer ${one}`, '10.0.0.1'),
      );
      assert.ok(first.session.expiresAt.getTime() <= clock.now() + 10 * minuteMs);
      await refuses(first.secret, 'SESSION_ENDED', open());

      const denied = { issuer: from.config.issuer, id: 'one', until: new Date('2126-01-01') };
      await identity.denied.deny(ours, denied, actor);
      clock.pass(999);

      await refuses(first.secret);
      await callerOf(second.secret);
      clock.pass(10 * minuteMs);
      await refuses(second.secret);
    });
  });
});
