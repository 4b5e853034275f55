import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';
import { json } from '../api/api.ts';
import { type ServedApi, serveHere } from './served.ts';

const actor = { kind: 'person', id: 'test' } as const;
const lookMs = 2_000;

interface KeyOf {
  readonly text: string;
  readonly id: string;
}

describe('an event stream that is open', function () {
  this.timeout(180_000);
  let served: ServedApi;
  let clock: FakeClock;
  const runs = new Map<number, string>();

  before(async () => {
    clock = new FakeClock(Date.now());
    served = await serveHere({ api: {}, clock });
    for (const tenantId of [served.ours, served.theirs]) {
      const key = await served.key(tenantId, ['operator']);
      const response = await served.ask('/v1/runs', key, {
        method: 'POST',
        body: JSON.stringify({ workflow: 'pause', input: {} }),
        headers: { 'content-type': 'application/json', 'idempotency-key': 'one' },
      });
      runs.set(tenantId, (await json<{ readonly id: string }>(response)).id);
    }
  });
  after(function () {
    return served.close(this);
  });

  /** Reads a stream in the background, until the server ends it. */
  const follow = async (
    credential: string | null,
    { tenantId = served.ours, cookie }: { tenantId?: number; cookie?: string } = {},
  ) => {
    const response = await served.ask(`/v1/runs/${runs.get(tenantId)}/events`, credential, {
      headers: cookie === undefined ? {} : { cookie },
    });
    assert.equal(response.status, 200);
    const stream = { isOpen: true };
    void response.text().then(() => {
      stream.isOpen = false;
    });
    return stream;
  };
  const keyOf = async (tenantId: number, more = {}) => {
    const text = await served.key(tenantId, ['viewer'], more);
    const [key] = await served.identity.keys.list(tenantId);
    return { text, id: key?.id ?? '' };
  };
  const signIn = async (key: string) => {
    const response = await served.ask('/v1/sessions', key, { method: 'POST' });
    const { session } = await json<{ readonly session: { readonly id: string } }>(response);
    return { id: session.id, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  };

  it('ends with the key of its reader, and no other stream does', async () => {
    verifies('R9.sessions');
    const [going, staying] = [await keyOf(served.ours), await keyOf(served.ours)];
    const [one, other] = [await follow(going.text), await follow(staying.text)];
    const session = await follow(null, { cookie: (await signIn(going.text)).cookie });

    await served.identity.keys.revoke({ tenantId: served.ours, id: going.id }, actor);
    clock.pass(lookMs);

    await eventually(() => !one.isOpen && !session.isOpen);
    assert.ok(other.isOpen);
  });

  it('ends when that key expires, or its old text does', async () => {
    const expiresAt = new Date(clock.now() + 60_000);
    const expiring = await keyOf(served.ours, { expiresAt });
    const rotated = await keyOf(served.ours);
    const rotation = { actor, overlapMs: 60_000 };
    await served.identity.keys.rotate({ tenantId: served.ours, id: rotated.id }, rotation);
    const streams = [await follow(expiring.text), await follow(rotated.text)];

    clock.pass(60_000 + lookMs);

    await eventually(() => streams.every(({ isOpen }) => !isOpen));
  });

  it('of the MCP server ends with the key of whoever waits there, and no other does', async () => {
    verifies('R9.sessions');
    const roles = ['operator'] as const;
    const [going, staying] = [
      await keyOf(served.ours, { roles }),
      await keyOf(served.ours, { roles }),
    ];
    const wait = ({ text }: KeyOf) => {
      const asked = { workflow: 'pause', key: text.slice(-20), waitSeconds: 3_600 };
      const params = { name: 'start_run', arguments: asked };
      const stream = { isOpen: true };
      void served
        .ask('/mcp', text, {
          method: 'POST',
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
          headers: {
            ...{ 'content-type': 'application/json' },
            accept: 'application/json, text/event-stream',
          },
        })
        .then((response) => response.text())
        .catch(() => {})
        .finally(() => {
          stream.isOpen = false;
        });
      return stream;
    };
    const { history } = served.tutti;
    const [one, other] = [wait(going), wait(staying)];
    await eventually(async () => {
      const runs = await history.runs(served.ours);
      return [going, staying].every(({ text }) =>
        runs.some(({ key, status }) => key === text.slice(-20) && status === 'running'),
      );
    });

    await served.identity.keys.revoke({ tenantId: served.ours, id: going.id }, actor);
    clock.pass(lookMs);

    await eventually(() => !one.isOpen);
    assert.ok(other.isOpen);
  });

  it('ends with the session of its reader', async () => {
    verifies('R9.sessions');
    const key = await keyOf(served.ours);
    const [going, staying] = [await signIn(key.text), await signIn(key.text)];
    const [one, other] = [await follow(null, going), await follow(null, staying)];

    await served.identity.sessions.end({ tenantId: served.ours, id: going.id }, actor);
    clock.pass(lookMs);

    await eventually(() => !one.isOpen);
    assert.ok(other.isOpen);
  });

  it('ends with the suspension of its tenant, also on this machine', async () => {
    verifies('R9.sessions');
    const [own, local] = [await keyOf(served.ours), await follow(null)];
    const streams = [await follow(own.text), local];
    const other = await follow((await keyOf(served.theirs)).text, { tenantId: served.theirs });

    await served.identity.tenants.suspend('ours', actor);
    clock.pass(lookMs);

    await eventually(() => streams.every(({ isOpen }) => !isOpen));
    assert.ok(other.isOpen);
  });

  it('is looked at with all others by one query, and nothing is asked when there is none', async () => {
    const pool = served.tutti.host.database.pool('tutti_engine', 1);
    const { Watch } = await import('../../../core/service/identity/watch.ts');
    const query = pool.query.bind(pool);
    let looks = 0;
    pool.query = ((...args: Parameters<typeof query>) => {
      looks += 1;
      return query(...args);
    }) as typeof pool.query;
    const own = new FakeClock();
    const watch = new Watch({ pool, clock: own, issuers: new Set() });
    const id = '01890000-0000-7000-8000-000000000000';
    const proof = { kind: 'key', id, prefix: 'none', expiresAt: null } as const;
    const all = Array.from({ length: 50 }, () => watch.over({ tenantId: served.theirs, proof }));

    own.pass(lookMs);
    await Promise.all(
      all.map(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
    );
    for (const each of all) each.end();
    own.pass(lookMs);
    await Promise.resolve();
    pool.query = query;

    assert.deepEqual([looks, own.nextAt], [1, null]);
  });
});
