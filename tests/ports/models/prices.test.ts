import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ModelRequest, Usage } from '../../../core/ports/models/model.ts';
import {
  costMicroUsd,
  freePrice,
  PRICES_VERSION,
  type Price,
  priceOf,
  priceSchema,
  priceTable,
  requestBytes,
  requestOverheadTokens,
  upperBoundMicroUsd,
} from '../../../core/ports/models/prices.ts';
import { verifies } from '../../support/verifies.ts';

function aUsage(changes: Partial<Usage> = {}): Usage {
  return { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0, ...changes };
}

const rate = fc.integer({ min: 0, max: 100_000_000 });
const rates = { input: rate, cachedInput: rate, cacheWrite: rate, output: rate };
const prices: fc.Arbitrary<Price> = fc.oneof(
  fc.record(rates),
  fc.record({
    ...rates,
    long: fc.record({ ...rates, aboveInputTokens: fc.integer({ min: 0, max: 300_000 }) }),
  }),
);

describe('priceOf', () => {
  it('prices dated ids as their model, and no other name that begins alike', () => {
    assert.equal(priceOf('gpt-5-mini-2025-08-07'), priceOf('gpt-5-mini'));
    assert.equal(priceOf('claude-haiku-4-5-20251001'), priceOf('claude-haiku-4-5'));
    assert.notEqual(priceOf('claude-opus-5-5'), priceOf('claude-opus-5'));
    assert.throws(() => priceOf('gpt-5-pro'), /gpt-5-pro.*tutti\.config\.ts/);
  });

  it('lets the configuration set a price, free models included', () => {
    verifies('R7.own-prices');
    const overrides = { 'llama-local': freePrice, 'gpt-5': { ...freePrice, output: 1 } };

    assert.equal(
      costMicroUsd(aUsage({ input: 9_999, output: 9_999 }), priceOf('llama-local', overrides)),
      0,
    );
    assert.equal(priceOf('gpt-5-2025-08-07', overrides).output, 1);
  });

  it('takes no name from the prototype of an object', () => {
    assert.throws(() => priceOf('constructor', {}), /No price/);
  });

  it('has whole, plausible rows with a source and a month, no model twice', () => {
    assert.ok(Number.isInteger(PRICES_VERSION));
    assert.equal(new Set(priceTable.map(({ model }) => model)).size, priceTable.length);
    for (const { model, source, asOf, ...price } of priceTable) {
      assert.ok(priceSchema.safeParse(price).success, model);
      assert.ok(price.cachedInput <= price.input && price.input <= price.cacheWrite, model);
      assert.ok(price.input <= price.output, model);
      assert.match(asOf, /^\d{4}-\d{2}$/);
      assert.notEqual(source, '');
    }
  });
});

describe('costMicroUsd', () => {
  it('charges each kind of token at its own rate and rounds up once', () => {
    verifies('R7.cost');
    const price = {
      input: 2_000_000,
      cachedInput: 200_000,
      cacheWrite: 2_500_000,
      output: 10_000_000,
    };

    const usage = aUsage({
      input: 1_001,
      cachedInput: 600,
      cacheWrite: 100,
      output: 50,
      reasoning: 40,
    });

    // 301 × 2 + 600 × 0.2 + 100 × 2.5 + 50 × 10 = 602 + 120 + 250 + 500
    assert.equal(costMicroUsd(usage, price), 1_472);
    assert.equal(costMicroUsd(aUsage({ input: 1 }), { ...freePrice, input: 1 }), 1);
    assert.equal(costMicroUsd(aUsage(), price), 0);
  });

  it('charges a long request at the long rates throughout', () => {
    const price = priceOf('gpt-6-sol');

    assert.equal(costMicroUsd(aUsage({ input: 272_000 }), price), 544_000);
    assert.equal(
      costMicroUsd(aUsage({ input: 272_001, output: 1_000 }), price),
      1_088_004 + 15_000,
    );
  });

  it('is exact where floats are not', () => {
    const usage = aUsage({ input: 1_000_000_000, output: 999_999_999 });

    assert.equal(
      costMicroUsd(usage, { ...freePrice, input: 75_000_001, output: 75_000_001 }),
      Number((1_999_999_999n * 75_000_001n + 999_999n) / 1_000_000n),
    );
  });
});

describe('upperBoundMicroUsd', () => {
  it('is never below the cost of a call that it was reserved for', () => {
    verifies('R7.reserve');
    fc.assert(
      fc.property(
        prices,
        fc.tuple(fc.nat(500_000), fc.nat(128_000)),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (price, [bytes, maxOutputTokens], shares) => {
          const [sent = 0, cached = 0, written = 0, said = 0] = shares;
          const input = Math.floor((bytes + requestOverheadTokens) * sent);
          const cachedInput = Math.floor(input * cached);
          const cacheWrite = Math.floor((input - cachedInput) * written);
          const output = Math.floor(maxOutputTokens * said);
          const actual = costMicroUsd(aUsage({ input, cachedInput, cacheWrite, output }), price);

          assert.ok(actual <= upperBoundMicroUsd(bytes, maxOutputTokens, price));
        },
      ),
    );
  });

  it('never falls when the request grows', () => {
    fc.assert(
      fc.property(prices, fc.nat(400_000), fc.nat(100_000), (price, bytes, more) => {
        assert.ok(
          upperBoundMicroUsd(bytes, 10, price) <= upperBoundMicroUsd(bytes + more, 10, price),
        );
      }),
    );
  });
});

describe('requestBytes', () => {
  it('counts everything that goes over the wire, in UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (said, told) => {
        const request: ModelRequest = {
          model: 'm',
          instructions: told,
          messages: [{ role: 'user', parts: [{ kind: 'text', text: said }] }],
          tools: [],
          output: { name: 'o', schema: {} },
          maxOutputTokens: 1,
        };
        assert.ok(requestBytes(request) >= Buffer.byteLength(said) + Buffer.byteLength(told));
      }),
    );
  });
});
