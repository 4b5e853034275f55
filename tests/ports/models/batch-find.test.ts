import assert from 'node:assert/strict';
import { failureOf, providers } from './adapter.ts';
import { items, soon, useBatches } from './batch-provider.ts';

const minuteMs = 60_000;

for (const provider of providers) {
  const create = provider === 'anthropic' ? /^POST .*batches$/ : /^POST \/v1\/batches$/;

  describe(`looking for an interrupted batch of ${provider}`, () => {
    const { open, server } = useBatches(provider);

    it('finds one that was made although the submission broke', async () => {
      const batches = await open();
      const since = Date.now();
      server().fail(create, { kind: 'reset', after: 'deed' });
      await failureOf(batches.submit(items('a'), { mark: 'mine', signal: soon() }));
      await batches.submit(items('a'), { mark: 'other', signal: soon() });
      const [mine, other] = server().batches;
      for (const batch of [mine, other]) server().end({}, batch?.id);

      assert.deepEqual(await batches.find('mine', since, { signal: soon() }), { id: mine?.id });
      assert.deepEqual(await batches.find('other', since, { signal: soon() }), { id: other?.id });
    });

    it('calls a batch absent that is not there', async () => {
      const batches = await open();

      assert.equal(await batches.find('mine', Date.now(), { signal: soon() }), 'absent');
    });

    it('looks through as many batches as the account made meanwhile', async () => {
      const batches = await open();
      const since = Date.now();
      const { id } = await batches.submit(items('a'), { mark: 'mine', signal: soon() });
      server().end();
      const not = new Set<string>();
      for (let made = 0; made < 130; made++) {
        not.add((await batches.submit(items('a'), { mark: `x${made}`, signal: soon() })).id);
      }

      assert.deepEqual(await batches.find('mine', since, { signal: soon(), not }), { id });
    });

    it('fails with what the provider fails with', async () => {
      const batches = await open();
      server().fail(/^GET .*batches$/, { kind: 'status', status: 503 });

      const error = await failureOf(batches.find('mine', Date.now(), { signal: soon() }));

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
    });
  });
}

describe('looking for an interrupted batch of anthropic, which shows no mark', () => {
  const { open, server, skew } = useBatches('anthropic');

  it('does not know while another batch of that time is at work', async () => {
    const batches = await open();
    const since = Date.now();
    const { id } = await batches.submit(items('a'), { mark: 'other', signal: soon() });

    assert.equal(await batches.find('mine', since, { signal: soon() }), 'unknown');
    const not = new Set([id]);
    assert.equal(await batches.find('mine', since, { signal: soon(), not }), 'absent');
    server().end({ state: 'expired', answered: 0 });
    assert.equal(await batches.find('mine', since, { signal: soon() }), 'absent');
  });

  it('does not know when results that would tell are gone', async () => {
    const batches = await open();
    const { id } = await batches.submit(items('a'), { mark: 'other', signal: soon() });
    server().end();
    server().forget(id, 'results');

    assert.equal(await batches.find('mine', Date.now(), { signal: soon() }), 'unknown');
  });

  it('looks at no batch that is older than the submission', async () => {
    const batches = await open();
    await batches.submit(items('a'), { mark: 'other', signal: soon() });
    skew.ms = 20 * minuteMs;

    const since = Date.now() + 10 * minuteMs;
    assert.equal(await batches.find('mine', since, { signal: soon() }), 'absent');
  });
});
