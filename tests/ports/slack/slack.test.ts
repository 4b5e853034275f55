import assert from 'node:assert/strict';
import type { EngineError } from '../../../core/base/errors.ts';
import { openSlack } from '../../../core/ports/slack/slack.ts';
import { openPublicServer } from '../../support/public-server.ts';

const signal = new AbortController().signal;
const channels = { finance: 'SLACK_FINANCE', lost: 'SLACK_LOST', elsewhere: 'SLACK_ELSEWHERE' };
const env = {
  SLACK_FINANCE: 'https://hooks.slack.com/services/T0/B0/s3cret',
  SLACK_ELSEWHERE: 'https://example.com/services/s3cret',
};

const fault = (code: string, wanted: RegExp) => (error: EngineError) => {
  assert.equal(error.code, code, String(error));
  assert.match(error.message, wanted);
  assert.doesNotMatch(error.message, /s3cret/);
  return true;
};

describe('ports/slack', () => {
  it("posts text to a channel's webhook, as it is", async () => {
    await using server = await openPublicServer(() => ({ body: 'ok' }));

    await openSlack(
      channels,
      env,
      server.seams,
    )(signal).post({
      channel: 'finance',
      text: '<!channel> <https://evil.test|our bank> & more',
    });

    const { host, path, method, body } = server.requests[0] ?? assert.fail();
    assert.deepEqual([method, host, path], ['POST', 'hooks.slack.com', '/services/T0/B0/s3cret']);
    assert.deepEqual(JSON.parse(body), {
      text: '&lt;!channel&gt; &lt;https://evil.test|our bank&gt; &amp; more',
    });
  });

  it('refuses what is not configured, and whatever is not of Slack', async () => {
    await using server = await openPublicServer(() => ({ body: 'ok' }));
    const slack = openSlack(channels, env, server.seams)(signal);
    const post = (channel: string, text = 'x') => slack.post({ channel, text });

    await assert.rejects(
      post('sales'),
      fault('SLACK_REFUSED', /'sales' is not configured.*Known: 'finance'/),
    );
    await assert.rejects(post('toString'), fault('SLACK_REFUSED', /not configured/));
    await assert.rejects(post('lost'), fault('CONFIG_INVALID', /'SLACK_LOST'/));
    await assert.rejects(
      post('elsewhere'),
      fault('EGRESS_REFUSED', /'example\.com' is not allowed/),
    );
    await assert.rejects(post('finance', ' '), fault('SLACK_REFUSED', /1 to 40000 characters/));
    await assert.rejects(post('finance', 'x'.repeat(40_001)), fault('SLACK_REFUSED', /not 40001/));
    assert.equal(server.connections.length, 0);
  });

  for (const [status, code, retryable] of [
    [404, 'SLACK_REFUSED', false],
    [302, 'SLACK_REFUSED', false],
    [429, 'HTTP_FAILED', true],
    [500, 'HTTP_FAILED', true],
  ] as const) {
    it(`says ${code} when Slack answers ${status}`, async () => {
      await using server = await openPublicServer(() => ({ status }));
      const posting = openSlack(
        channels,
        env,
        server.seams,
      )(signal).post({ channel: 'finance', text: 'x' });

      await assert.rejects(posting, (error: EngineError) => {
        assert.equal(error.retryable, retryable);
        return fault(code, new RegExp(String(status)))(error);
      });
    });
  }
});
