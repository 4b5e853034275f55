import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  costMicroUsd,
  priceOf,
  requestOverheadTokens,
  upperBoundMicroUsd,
} from '../../../core/ports/models/prices.ts';
import { simulateTurn } from '../../../core/ports/models/simulated.ts';

describe('simulateTurn', () => {
  it('counts tokens by bytes, and takes its time by tokens', () => {
    const { usage, latencyMs } = simulateTurn({
      inputBytes: 7_001,
      outputBytes: 350,
      profile: 'fast',
    });

    assert.deepEqual(usage, {
      input: 2_001,
      cachedInput: 0,
      cacheWrite: 2_001,
      output: 100,
      reasoning: 0,
    });
    assert.equal(latencyMs, 1_500);
  });

  it('reads what the conversation has sent before from the cache, and writes the rest to it', () => {
    const { usage } = simulateTurn({
      inputBytes: 14_000,
      cachedBytes: 7_006,
      outputBytes: 0,
      profile: 'standard',
    });

    assert.equal(usage.input, 4_000);
    assert.equal(usage.cachedInput, 2_001);
    assert.equal(usage.cacheWrite, 1_999);
  });

  it('caches nothing of a prompt that providers would not keep', () => {
    const short = simulateTurn({ inputBytes: 3_500, outputBytes: 0, profile: 'fast' });
    const grown = simulateTurn({
      inputBytes: 7_000,
      cachedBytes: 3_500,
      outputBytes: 0,
      profile: 'fast',
    });

    assert.deepEqual([short.usage.cachedInput, short.usage.cacheWrite], [0, 0]);
    assert.deepEqual([grown.usage.cachedInput, grown.usage.cacheWrite], [0, 2_000]);
  });

  it('is slower and thinks longer the deeper the profile', () => {
    const [fast, standard, deep] = (['fast', 'standard', 'deep'] as const).map((profile) =>
      simulateTurn({ inputBytes: 10_000, outputBytes: 700, profile }),
    );

    assert.deepEqual(
      [fast, standard, deep].map((each) => [each?.usage.reasoning, each?.latencyMs]),
      [
        [0, 500 + 200 * 10],
        [128, 1_000 + 328 * 14],
        [512, 2_000 + 712 * 20],
      ],
    );
  });

  it('is the same for the same sizes, adds up, and never costs more than a budget reserves for it', () => {
    const bytes = fc.nat(2_000_000);
    const profiles = fc.constantFrom('fast' as const, 'standard' as const, 'deep' as const);
    const models = ['gpt-6.1-terra', 'gpt-5-mini', 'claude-opus-5-5', 'claude-haiku-5-5'];
    fc.assert(
      fc.property(
        fc.record({
          inputBytes: bytes,
          outputBytes: bytes,
          cachedBytes: bytes,
          profile: profiles,
          maxOutputTokens: fc.integer({ min: 1, max: 20_000 }),
        }),
        fc.constantFrom(...models),
        (call, model) => {
          const { usage, latencyMs } = simulateTurn(call);

          assert.deepEqual(simulateTurn({ ...call }), { usage, latencyMs });
          for (const count of [...Object.values(usage), latencyMs]) {
            assert.ok(Number.isSafeInteger(count) && count >= 0, String(count));
          }
          assert.ok(usage.cachedInput + usage.cacheWrite <= usage.input);
          assert.ok(usage.reasoning <= usage.output && usage.output <= call.maxOutputTokens);
          assert.ok(usage.input <= call.inputBytes + requestOverheadTokens);
          const price = priceOf(model);
          const bound = upperBoundMicroUsd(call.inputBytes, call.maxOutputTokens, price);
          assert.ok(costMicroUsd(usage, price) <= bound);
        },
      ),
    );
  });
});
