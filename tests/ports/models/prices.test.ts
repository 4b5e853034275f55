import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ModelRequest, Usage } from '../../../core/ports/models/model.ts';
import type { Rates } from '../../../core/ports/models/price-table.ts';
import {
  batchPrice,
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
import { anyText } from '../../support/any-text.ts';
import { verifies } from '../../support/verifies.ts';

function aUsage(changes: Partial<Usage> = {}): Usage {
  return { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0, ...changes };
}

const rate = fc.integer({ min: 0, max: 100_000_000 });
const rates = { input: rate, cachedInput: rate, cacheWrite: rate, output: rate };
const aboveInputTokens = fc.integer({ min: 0, max: 300_000 });
const long = fc.record({ ...rates, aboveInputTokens });
const direct: fc.Arbitrary<Price> = fc.oneof(fc.record(rates), fc.record({ ...rates, long }));
const prices: fc.Arbitrary<Price> = fc.oneof(
  direct,
  fc.record({ ...rates, batch: fc.record(rates) }),
  fc.record({ ...rates, long, batch: fc.record({ ...rates, long: fc.record(rates) }) }),
);

/** Usages that a request of `bytes` and `maxOutputTokens` can have. */
function usagesWithin(bytes: number, maxOutputTokens: number): fc.Arbitrary<Usage> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  return fc
    .tuple(share, share, share, share, share)
    .map(([sent, cached, written, said, thought]) => {
      const input = Math.floor((bytes + requestOverheadTokens) * sent);
      const cachedInput = Math.floor(input * cached);
      const cacheWrite = Math.floor((input - cachedInput) * written);
      const output = Math.floor(maxOutputTokens * said);
      return { input, cachedInput, cacheWrite, output, reasoning: Math.floor(output * thought) };
    });
}

/** Every rate of a price cut by a factor of its own: what a discount for batches may be. */
const discounted: fc.Arbitrary<Price> = fc
  .tuple(
    direct,
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
  )
  .map(([price, factors]) => {
    const cut = (from: Rates, offset: number): Rates => ({
      input: Math.floor(from.input * (factors[offset] ?? 1)),
      cachedInput: Math.floor(from.cachedInput * (factors[offset + 1] ?? 1)),
      cacheWrite: Math.floor(from.cacheWrite * (factors[offset + 2] ?? 1)),
      output: Math.floor(from.output * (factors[offset + 3] ?? 1)),
    });
    const batch = { ...cut(price, 0), ...(price.long && { long: cut(price.long, 4) }) };
    return { ...price, batch };
  });

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
    const calls = fc
      .tuple(fc.nat(500_000), fc.nat(128_000))
      .chain(([bytes, most]) =>
        fc.tuple(fc.constant(bytes), fc.constant(most), usagesWithin(bytes, most)),
      );
    fc.assert(
      fc.property(prices, calls, (price, [bytes, maxOutputTokens, usage]) => {
        assert.ok(costMicroUsd(usage, price) <= upperBoundMicroUsd(bytes, maxOutputTokens, price));
        assert.ok(
          costMicroUsd(usage, price, { batch: true }) <=
            upperBoundMicroUsd(bytes, maxOutputTokens, batchPrice(price)),
        );
      }),
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

describe('the price of a batch', () => {
  const half = (price: Rates, key: keyof Rates) => price[key] / 2;

  it('is half of the table, cached input, cache writes and long requests included', () => {
    verifies('R7.cost');
    for (const row of priceTable) {
      const { batch } = row;
      assert.ok(batch, row.model);
      assert.equal(batch.input, half(row, 'input'), row.model);
      assert.equal(batch.cacheWrite, half(row, 'cacheWrite'), row.model);
      assert.equal(batch.output, half(row, 'output'), row.model);
      assert.equal(batch.long?.input, row.long && half(row.long, 'input'), row.model);
      assert.equal(batch.long?.cachedInput, row.long && half(row.long, 'cachedInput'), row.model);
      assert.equal(batch.long?.output, row.long && half(row.long, 'output'), row.model);
      const isDashed = /^(gpt-4|o3|o4)/.test(row.model);
      assert.equal(batch.cachedInput, isDashed ? batch.input : half(row, 'cachedInput'), row.model);
    }
  });

  it('has an example of every kind of token', () => {
    const usage = aUsage({
      input: 10_000,
      cachedInput: 6_000,
      cacheWrite: 1_000,
      output: 2_000,
      reasoning: 1_500,
    });

    // Direct: 3,000 × 2 + 6,000 × 0.1 + 1,000 × 2.5 + 2,000 × 10, in micro-USD; reasoning is among the 2,000.
    assert.equal(costMicroUsd(usage, priceOf('claude-sonnet-5-5')), 29_100);
    assert.equal(costMicroUsd(usage, priceOf('claude-sonnet-5-5'), { batch: true }), 14_550);
    // 9,000 × 1 + 1,000 × 1 + 2,000 × 4: no discount for what came from the cache.
    assert.equal(costMicroUsd(usage, priceOf('gpt-4.1'), { batch: true }), 18_000);
  });

  it('turns long where a direct call does', () => {
    const price = priceOf('gpt-5.6-luna');
    const cost = (input: number) => costMicroUsd(aUsage({ input }), price, { batch: true });

    assert.equal(cost(272_000), 27_200);
    assert.equal(cost(272_001), 54_401);
  });

  it('never exceeds the direct one where every rate is discounted', () => {
    const usages = usagesWithin(500_000, 128_000);
    fc.assert(
      fc.property(discounted, usages, fc.nat(500_000), (price, usage, bytes) => {
        assert.ok(costMicroUsd(usage, price, { batch: true }) <= costMicroUsd(usage, price));
        assert.ok(
          upperBoundMicroUsd(bytes, 1_000, batchPrice(price)) <=
            upperBoundMicroUsd(bytes, 1_000, price),
        );
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...priceTable), usages, (row, usage) => {
        const isDashed = row.batch?.cachedInput === row.batch?.input;
        const counted = isDashed ? { ...usage, cachedInput: 0 } : usage;
        assert.ok(costMicroUsd(counted, row, { batch: true }) <= costMicroUsd(counted, row));
        assert.ok(
          upperBoundMicroUsd(9_999, 99, batchPrice(row)) <= upperBoundMicroUsd(9_999, 99, row),
        );
      }),
    );
  });

  it('is the direct price where none is configured, and a configured one where it is', () => {
    const own = { input: 10_000_000, cachedInput: 1_000_000, cacheWrite: 10_000_000, output: 0 };
    const usage = aUsage({ input: 1_000, cachedInput: 500 });

    assert.equal(costMicroUsd(usage, own, { batch: true }), costMicroUsd(usage, own));
    const configured = priceSchema.parse({ ...own, batch: { ...own, input: 4_000_000 } });
    assert.equal(costMicroUsd(usage, configured, { batch: true }), 2_500);
  });

  it('is refused when only one of direct and batch has rates for long requests', () => {
    const { input, cachedInput, cacheWrite, output, long: ours, batch } = priceOf('gpt-6-sol');
    const plain = { input, cachedInput, cacheWrite, output };

    assert.equal(priceSchema.safeParse({ ...plain, batch }).success, false);
    const flat = { ...batch, long: undefined };
    assert.equal(priceSchema.safeParse({ ...plain, long: ours, batch: flat }).success, false);
    assert.equal(priceSchema.safeParse({ ...plain, long: ours, batch: plain }).success, false);
    assert.equal(priceSchema.safeParse({ ...plain, long: ours, batch }).success, true);
  });
});

describe('requestBytes', () => {
  it('counts everything that goes over the wire, in UTF-8', () => {
    fc.assert(
      fc.property(anyText, anyText, (said, told) => {
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
