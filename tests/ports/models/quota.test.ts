import assert from 'node:assert/strict';
import { readQuota } from '../../../core/ports/models/quota.ts';
import { sendWhole } from '../../support/fault-server.ts';
import { verifies } from '../../support/verifies.ts';
import { failureOf, providers } from './adapter.ts';
import { useWire } from './wire.ts';

const now = Date.UTC(2026, 10, 21, 8);
const read = (headers: Readonly<Record<string, string>>) => readQuota(new Headers(headers), now);
const inMs = (ms: number) => new Date(now + ms).toISOString();

describe('readQuota', () => {
  it('reads the headers of OpenAI', () => {
    const quota = read({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-reset-tokens': '6m0s',
    });

    assert.deepEqual(quota, {
      requests: { limit: 60, remaining: 59, resetMs: 1_000 },
      tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
    });
  });

  it('reads the headers of Anthropic', () => {
    const headers = ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap(
      (name, index) => [
        [`anthropic-ratelimit-${name}-limit`, `${1_000 * (index + 1)}`],
        [`anthropic-ratelimit-${name}-remaining`, `${index}`],
        [`anthropic-ratelimit-${name}-reset`, inMs(10_000 * index)],
      ],
    );

    assert.deepEqual(read(Object.fromEntries(headers)), {
      requests: { limit: 1_000, remaining: 0, resetMs: 0 },
      tokens: { limit: 2_000, remaining: 1, resetMs: 10_000 },
      inputTokens: { limit: 3_000, remaining: 2, resetMs: 20_000 },
      outputTokens: { limit: 4_000, remaining: 3, resetMs: 30_000 },
    });
  });

  for (const [text, resetMs] of [
    ['20ms', 20],
    ['8.64s', 8_640],
    ['1m30.5s', 90_500],
    ['2h3m4s', 7_384_000],
    ['1d', 86_400_000],
    ['500us', 1],
    ['0s', 0],
  ] as const) {
    it(`takes ${text} for ${resetMs} ms`, () => {
      assert.deepEqual(read({ 'x-ratelimit-reset-tokens': text }), { tokens: { resetMs } });
    });
  }

  for (const text of [
    '',
    ' ',
    'NaN',
    '-1',
    '1.5',
    '1e3',
    '1e400',
    '9'.repeat(14),
    'lots',
    '0x10',
  ]) {
    it(`leaves a count of '${text}' out`, () => {
      const quota = read({ 'x-ratelimit-limit-requests': text, 'x-ratelimit-limit-tokens': '7' });

      assert.deepEqual(quota, { tokens: { limit: 7 } });
    });
  }

  for (const text of [
    '',
    '12',
    '-1s',
    '1s nonsense',
    '2d',
    `${'9'.repeat(400)}s`,
    '2026',
    'soon',
    'NaNs',
  ]) {
    it(`leaves a reset of '${text.slice(0, 20)}' out`, () => {
      assert.equal(read({ 'x-ratelimit-reset-requests': text }), undefined);
    });
  }

  for (const text of [inMs(90_000_000), inMs(-90_000_000), '2026-99-99T99:99:99Z', '1700000000']) {
    it(`leaves a reset at '${text}' out`, () => {
      assert.equal(read({ 'anthropic-ratelimit-requests-reset': text }), undefined);
    });
  }

  it('takes a reset that has just passed for now', () => {
    assert.deepEqual(read({ 'anthropic-ratelimit-requests-reset': inMs(-1_500) }), {
      requests: { resetMs: 0 },
    });
  });

  it('counts a reset from the moment that the server dates its response', () => {
    const quota = read({
      date: new Date(now - 3_600_000).toUTCString(),
      'anthropic-ratelimit-requests-reset': inMs(-3_600_000 + 20_000),
    });

    assert.deepEqual(quota, { requests: { resetMs: 20_000 } });
  });
});

for (const provider of providers) {
  describe(`quota at the ${provider} adapter`, () => {
    const { call } = useWire(provider);
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1s',
    };
    const quota = { requests: { limit: 60, remaining: 0, resetMs: 1_000 } };

    it('comes with a reply', async () => {
      verifies('R6.retry-after');
      const reply = await call((wire) => sendWhole(wire, headers));

      assert.deepEqual(reply.quota, quota);
    });

    it('is left out of a reply whose headers say nothing', async () => {
      const reply = await call(sendWhole);

      assert.equal('quota' in reply, false);
    });

    it('comes with a refusal', async () => {
      const error = await failureOf(
        call((wire) => {
          wire.head(429, { ...headers, 'retry-after': '3' });
          wire.end();
        }),
      );

      assert.equal(error.code, 'MODEL_RATE_LIMITED');
      assert.deepEqual(error.details, { status: 429, retryAfterMs: 3_000, quota });
    });

    it('comes with a reply that broke off, and with one that fell silent', async () => {
      const broken = await failureOf(
        call((wire) => {
          wire.head(200, headers);
          wire.reset();
        }),
      );
      const silent = await failureOf(call((wire) => wire.head(200, headers), { idleMs: 40 }));

      assert.equal(broken.code, 'MODEL_UNAVAILABLE');
      assert.equal(silent.code, 'MODEL_UNAVAILABLE');
      assert.deepEqual(silent.details, { timeoutMs: 40, quota });
    });
  });
}
