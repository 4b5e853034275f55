import assert from 'node:assert/strict';
import type { EntryView } from '../../../core/engine/history/history.ts';
import { type EffectView, Reviews } from '../../../core/engine/store/reviews.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

interface List {
  readonly items: readonly EffectView[];
  readonly next: string | null;
}

const config = new URL('../../support/fixtures/letters.config.ts', import.meta.url);

describe('/v1/effects', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const { history, engine, host } = tutti;
    const reviews = new Reviews(host.database.pool('tutti_engine', 1));
    server = await listen(
      createApp({ history, engine, registry: host.registry, tenantId, reviews }),
      { port: 0 },
    );
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}${path}`);
  const settle = (key: string, body: object) =>
    fetch(`${server.url}/v1/effects/${key}/settle`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const list = async (query: string) => (await json<List>(await get(`/v1/effects?${query}`))).items;

  /** Starts a letter whose first try got no answer; resolves when its step waits for a person. */
  async function aLostLetter(to: string): Promise<EffectView & { readonly run: string }> {
    const { id } = await tutti.engine.startRun(requestOf('write', { tenantId, input: { to } }));
    await eventually(async () => (await waitingSince(id)) !== undefined);
    const [effect] = await list(`state=needs_review&run=${id}`);
    return { ...(effect ?? assert.fail()), run: id };
  }

  const waitingSince = async (run: string) =>
    (await entriesOf(run)).find(
      ({ kind, data }) => kind === 'step.waiting' && data.wait === 'review',
    );
  const entriesOf = async (run: string): Promise<readonly EntryView[]> =>
    await tutti.history.entries(tenantId, run, 0);

  const endings = [
    [{ verdict: 'happened', outcome: { number: 'A-7' } }, 'applied', ['replayed', 'A-7']],
    [{ verdict: 'did-not-happen', reason: 'They say so.' }, 'rejected', ['refused', '']],
    [{ verdict: 'retry' }, 'approved', ['applied', 'retry-2']],
  ] as const;
  for (const [body, state, [outcome, number]] of endings) {
    it(`lets a step go on once somebody says '${body.verdict}' of its effect`, async () => {
      verifies('R8.escalate', 'R8.crash');
      const { key, run } = await aLostLetter(body.verdict);

      const response = await settle(key.slice(0, 10), body);

      assert.equal(response.status, 200);
      const settled = await json<EffectView>(response);
      assert.deepEqual([settled.key, settled.state], [key, state]);
      const [review] = settled.reviews;
      assert.deepEqual([review?.verdict, review?.actor.id], [body.verdict, 'local']);
      assert.equal(await tutti.engine.whenEnded(run), 'succeeded');
      const entries = await entriesOf(run);
      assert.ok(entries.some((entry) => entry.kind === 'effect.settled' && entry.data.key === key));
      const { rows } = await tutti.host.database
        .pool('tutti_engine', 1)
        .query(
          `SELECT convert_from(body, 'UTF8')::jsonb AS output FROM tutti.payload WHERE run_id = $1 AND class = 'output' LIMIT 1`,
          [run],
        );
      assert.deepEqual(rows, [{ output: { outcome, number } }]);
    });
  }

  it('shows what a person must settle, with what was asked of the tool', async () => {
    const { key, run } = await aLostLetter('Ada');

    const shown = await json<EffectView>(await get(`/v1/effects/${key}`));
    const review = await list('review=true');
    const ofRun = await list(`run=${run}`);
    const applied = await list('state=applied&limit=1');

    assert.deepEqual(
      [shown.state, shown.needsPerson, shown.tool, shown.args],
      ['needs_review', true, 'post.letter.send', { to: 'Ada' }],
    );
    assert.deepEqual([review, ofRun], [[shown], [shown]]);
    assert.equal(applied[0]?.state, 'applied');
    const page = await json<List>(await get('/v1/effects?limit=1'));
    assert.deepEqual([page.items[0]?.key, page.next], [key, key]);
    const next = await json<List>(await get(`/v1/effects?limit=1&cursor=${page.next}`));
    assert.notEqual(next.items[0]?.key, key);
  });

  it('refuses what cannot be settled, and says why', async () => {
    verifies('R10.problems');
    const { key } = await aLostLetter('Bob');
    const unknown = 'f'.repeat(64);

    await problem(await settle(unknown, { verdict: 'retry' }), 404, 'EFFECT_UNKNOWN');
    await problem(await get(`/v1/effects/${unknown}`), 404, 'EFFECT_UNKNOWN');
    await problem(await settle('abc', { verdict: 'retry' }), 400, 'INPUT_INVALID');
    await problem(await settle(key, { verdict: 'perhaps' }), 400, 'INPUT_INVALID');
    const body = { verdict: 'happened', outcome: { number: 7 } };
    const { errors } = await problem(await settle(key, body), 400, 'INPUT_INVALID');
    assert.equal(errors?.[0]?.pointer, '/outcome');
    assert.equal((await settle(key, { verdict: 'did-not-happen' })).status, 200);
    await problem(await settle(key, { verdict: 'retry' }), 409, 'EFFECT_SETTLED');
    await problem(await get('/v1/effects?state=proposed'), 400, 'INPUT_INVALID');
    await problem(
      await get('/v1/effects?run=01990000-0000-7000-8000-000000000001'),
      404,
      'RUN_UNKNOWN',
    );
  });
});
