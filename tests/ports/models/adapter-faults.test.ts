import assert from 'node:assert/strict';
import { EngineError, type ErrorCode } from '../../../core/base/errors.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import {
  type ModelServer,
  type ServerFault,
  startModelServer,
} from '../../support/model-server.ts';
import { aRequest, failureOf, key, providers, texts, useAdapter } from './adapter.ts';

for (const provider of providers) {
  describe(`faults at the ${provider} adapter`, () => {
    const { ask, fail, server } = useAdapter(provider);

    /** What a server says whose clock is so far from ours, and which wants to be asked again after a while. */
    const dated = (aheadMs: number, waitMs: number) => {
      const now = Date.now() + aheadMs;
      return {
        date: new Date(now).toUTCString(),
        'retry-after': new Date(now + waitMs).toUTCString(),
      };
    };
    const retries: [string, () => Record<string, string>, (ms: unknown) => boolean][] = [
      ['seconds', () => ({ 'retry-after': '7' }), (ms) => ms === 7_000],
      ['a fraction', () => ({ 'retry-after': '0.25' }), (ms) => ms === 250],
      ['milliseconds', () => ({ 'retry-after-ms': '120' }), (ms) => ms === 120],
      ['a date', () => dated(0, 10_000), (ms) => ms === 10_000],
      ['a past date', () => ({ 'retry-after': new Date(0).toUTCString() }), (ms) => ms === 0],
      ['a negative number', () => ({ 'retry-after': '-1' }), (ms) => ms === undefined],
      ['1e9', () => ({ 'retry-after': '1e9' }), (ms) => ms === undefined],
      ['Infinity', () => ({ 'retry-after': 'Infinity' }), (ms) => ms === undefined],
      ['an hour', () => ({ 'retry-after': '3600' }), (ms) => ms === 600_000],
      ['NaN', () => ({ 'retry-after': 'NaN' }), (ms) => ms === undefined],
      [
        'a date for milliseconds',
        () => ({ 'retry-after-ms': dated(0, 10_000)['retry-after'] }),
        (ms) => ms === undefined,
      ],
      ['a word', () => ({ 'retry-after': 'soon' }), (ms) => ms === undefined],
      [
        'words that look like a date',
        () => ({ 'retry-after': 'in May 2030' }),
        (ms) => ms === undefined,
      ],
      [
        'a date by a clock that is a day late',
        () => dated(-86_400_000, 30_000),
        (ms) => ms === 30_000,
      ],
      ['nothing', () => ({}), (ms) => ms === undefined],
    ];
    for (const [what, headers, isRight] of retries) {
      it(`reads Retry-After: ${what}`, async () => {
        const error = await fail({ kind: 'status', status: 429, headers: headers() });

        assert.equal(error.code, 'MODEL_RATE_LIMITED');
        const { retryAfterMs } = error.details ?? {};
        assert.ok(isRight(retryAfterMs), `retryAfterMs is ${retryAfterMs}`);
        assert.equal(server().calls.length, 1);
      });
    }

    const statuses: [number, ErrorCode][] = [
      [400, 'MODEL_REFUSED'],
      [401, 'MODEL_REFUSED'],
      [403, 'MODEL_REFUSED'],
      [404, 'MODEL_UNKNOWN'],
      [408, 'MODEL_UNAVAILABLE'],
      [413, 'MODEL_REFUSED'],
      [500, 'MODEL_UNAVAILABLE'],
      [502, 'MODEL_UNAVAILABLE'],
      [503, 'MODEL_UNAVAILABLE'],
      [529, 'MODEL_RATE_LIMITED'],
    ];
    for (const [status, code] of statuses) {
      it(`calls status ${status} ${code} after one request`, async () => {
        const error = await fail({ kind: 'status', status });

        assert.equal(error.code, code);
        assert.equal(error.details?.status, status);
        assert.equal(server().calls.length, 1);
      });
    }

    it('names the variable of a refused key, and never the key', async () => {
      const body = { error: { message: `Incorrect API key provided: ${key}` } };

      const error = await fail({ kind: 'status', status: 401, body });

      assert.match(error.message, /TEST_KEY/);
      assert.ok(!JSON.stringify([error.message, error.details]).includes('0123456789'));
      assert.equal(error.cause, undefined);
    });

    it('passes the reason of a refused request on without what its messages say', async () => {
      const message = `Unsupported value near 'Bill BILL-0042 of vendor ACME' with ${key}: too long`;

      const error = await fail({ kind: 'status', status: 400, body: { error: { message } } });

      assert.match(error.message, /Unsupported value .* too long/);
      assert.doesNotMatch(error.message, /BILL-0042|0123456789/);
    });

    it('takes a spent quota for a refusal that no wait helps', async () => {
      const body = { error: { code: 'insufficient_quota', message: 'no credit' } };

      const error = await fail({ kind: 'status', status: 429, body });

      assert.equal(error.code, 'MODEL_REFUSED');
    });

    it('takes a month that is spent for a refusal, though it looks like any limit', async () => {
      const details = { error_code: 'enforced_spend_limit_reached' };
      const error = { type: 'rate_limit_error', message: 'usage limits reached', details };

      const { code } = await fail({ kind: 'status', status: 429, body: { type: 'error', error } });

      assert.equal(code, 'MODEL_REFUSED');
    });

    it('survives an error body that is no JSON', async () => {
      const error = await fail({ kind: 'status', status: 502, body: '<html>bad gateway</html>' });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.doesNotMatch(error.message, /html/);
    });

    it('follows no redirect with the key', async () => {
      const headers = { location: 'http://127.0.0.1:9/elsewhere' };

      const error = await fail({ kind: 'status', status: 307, headers });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, /redirect/);
    });

    const broken: [string, ServerFault, ErrorCode][] = [
      ['a reset before the head', { kind: 'reset' }, 'MODEL_UNAVAILABLE'],
      ['a stream cut in the middle', { kind: 'cut' }, 'MODEL_UNAVAILABLE'],
      ['an event that is no JSON', { kind: 'garbage' }, 'MODEL_REPLY_INVALID'],
      ['a missing final event', { kind: 'no-final' }, 'MODEL_REPLY_INVALID'],
      [
        'an overload in the stream',
        { kind: 'error-event', name: 'overloaded_error', message: 'busy' },
        'MODEL_RATE_LIMITED',
      ],
      [
        'a server fault in the stream',
        { kind: 'error-event', name: 'server_error', message: 'oops' },
        'MODEL_UNAVAILABLE',
      ],
    ];
    for (const [what, fault, code] of broken) {
      it(`never takes a reply with ${what} for whole`, async () => {
        const error = await fail(fault);

        assert.equal(error.code, code);
      });
    }

    for (const after of ['nothing', 'head', 'half'] as const) {
      it(`gives up on silence after ${after}`, async () => {
        const startedAt = performance.now();

        const error = await fail({ kind: 'silence', after }, { firstByteMs: 50, idleMs: 50 });

        assert.equal(error.code, 'MODEL_UNAVAILABLE');
        assert.deepEqual(error.details, { timeoutMs: 50 });
        assert.ok(performance.now() - startedAt < 30_000);
        await assertClosed(server());
      });
    }

    it('gives up at the total deadline on a reply that only drips', async () => {
      const fault = { kind: 'drip', everyMs: 10, times: 1_000 } as const;

      const error = await fail(fault, { idleMs: 30_000, totalMs: 80 });

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(error.details, { timeoutMs: 80 });
      await assertClosed(server());
    });

    it('takes keep-alive comments for life', async () => {
      const fault = { kind: 'drip', everyMs: 25, times: 50 } as const;

      const reply = await ask({ text: 'at last', fault }, { firstByteMs: 30_000, idleMs: 1_000 });

      assert.deepEqual(texts(reply), ['at last']);
    });

    it('keeps a whole reply whose connection stays open', async () => {
      const reply = await ask({ text: 'whole', fault: { kind: 'open-end' } }, { idleMs: 1_000 });

      assert.deepEqual(texts(reply), ['whole']);
      await assertClosed(server());
    });

    it('cuts a reply without end', async () => {
      const error = await fail({ kind: 'flood', sizeBytes: 80 * 1024 * 1024 });

      assert.equal(error.code, 'MODEL_REPLY_INVALID');
      assert.match(error.message, /bytes/);
    });

    it('stops when its signal is aborted, with the reason of the signal', async () => {
      const abort = new AbortController();
      const reason = new EngineError('AGENT_TIMEOUT', 'The agent ran out of time.');
      const arrived = Promise.withResolvers<void>();
      const call = ask(
        () => {
          arrived.resolve();
          return { text: 'x', fault: { kind: 'silence', after: 'half' } };
        },
        { signal: abort.signal },
      );
      await arrived.promise;

      abort.abort(reason);

      assert.equal(await failureOf(call), reason);
      await assertClosed(server());
    });

    it('does not call with a signal that is aborted already', async () => {
      const error = await failureOf(ask({ text: 'x' }, { signal: AbortSignal.abort() }));

      assert.equal(error.code, 'CANCELLED');
      assert.equal(server().calls.length, 0);
    });

    it('says where it could not connect', async () => {
      const { url } = await startModelServer(() => ({})).then(async (gone) => {
        await gone.close();
        return gone;
      });
      const model = openModel(
        { provider, model: 'm', baseUrl: url, apiKeyEnv: 'K' },
        { K: 'secret-key-value' },
      );

      const error = await failureOf(
        model.call(aRequest(), { signal: AbortSignal.timeout(60_000) }),
      );

      assert.equal(error.code, 'MODEL_UNAVAILABLE');
      assert.match(error.message, new RegExp(`${url}.*ECONNREFUSED`));
    });
  });
}

/** Waits until the server holds no open request. */
async function assertClosed(server: ModelServer): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (server.open > 0) {
    assert.ok(performance.now() < deadline, 'a connection was left open');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
