import assert from 'node:assert/strict';
import { type HookApi, openHookApi } from '../../support/hook-api.ts';
import { flood } from '../../support/hook-flood.ts';
import { hookSecrets, signed } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const seconds = 1_782_849_600;
const { HOOK_KEY: secret, HOOK_OLD_KEY: oldSecret } = hookSecrets;

describe('a flood of posts', () => {
  let api: HookApi;

  before(async () => {
    api = await openHookApi();
  });

  after(function () {
    return api.close(this);
  });

  // D1 with a tenth of its posts: the whole of it is in tests/long/hooks.long.ts.
  it('is recorded each once; what is forged or stale is refused, and nothing fails', async () => {
    verifies('R9.erp-events', 'R12.signing');
    const posts = { posts: 1_000, duplicates: 30, forged: 5, stale: 5 };

    const { statuses, ids, mute } = await flood(`${api.server.url}/v1/hooks/standard`, {
      ...{ ...posts, seconds, secret },
    });

    assert.deepEqual(statuses, {
      'new 202': 600,
      'duplicate 202': 300,
      'forged 401': 50,
      'stale 401': 50,
    });
    assert.equal(mute, 0);
    assert.equal(await recorded(), ids);
    // Firings are coalesced by record: 97 of them, for both hooks that listen.
    const waiting = (await api.lab.store.list(api.lab.tenantId)).map((hook) => hook.waiting);
    assert.deepEqual(waiting, [97, 97, 0]);
    assert.deepEqual(api.errors, []);
  });

  it('of one message a thousand times over has one effect, whichever of two keys has signed it', async () => {
    const { id, version } = await api.lab.write(null, { code: 'once' });
    const body = JSON.stringify({ entity: 'ticket', record: id, version });
    const known = await recorded();
    const post = (which: string) =>
      api.post('/v1/hooks/standard', body, signed(body, { id: 'one', seconds, secret: which }));

    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const answer = await post(index % 2 === 0 ? secret : oldSecret);
        return { status: answer.status, ...((await answer.json()) as { recorded: number }) };
      }),
    );
    await api.lab.settle();

    assert.ok(answers.every(({ status }) => status === 202));
    assert.equal(
      answers.reduce((sum, each) => sum + each.recorded, 0),
      1,
    );
    assert.equal((await recorded()) - known, 1);
    const runs = (await api.lab.runs()).filter(({ workflow }) => workflow === 'desk_look');
    assert.deepEqual(
      runs.map(({ input }) => input),
      [{ ticket: id }],
    );
  });

  async function recorded(): Promise<number> {
    const rows = await api.lab.tutti.host.database
      .kysely('tutti_engine')
      .selectFrom('hookEvent')
      .select(({ fn }) => fn.countAll().as('count'))
      .execute();
    return Number(rows[0]?.count);
  }
});
