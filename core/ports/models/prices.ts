import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import type { ModelRequest, Usage } from './model.ts';
import { type Price, priceTable, type Rates } from './price-table.ts';

export {
  PRICES_VERSION,
  type Price,
  priceTable,
} from './price-table.ts';

// 10,000 USD per 1M tokens: a hundred times the dearest, and small enough for exact sums.
const rate = z.int().min(0).max(10_000_000_000);
const rates = { input: rate, cachedInput: rate, cacheWrite: rate, output: rate };

/**
 * Zod schema of a price in tutti.config.ts: integer micro-USD per 1M tokens. All zero is allowed, for local models; without
 * `batch` a provider batch costs as much as direct calls.
 */
export const priceSchema = z
  .strictObject({
    ...rates,
    long: z.strictObject({ ...rates, aboveInputTokens: z.int().min(0) }).exactOptional(),
    batch: z
      .strictObject({ ...rates, long: z.strictObject(rates).exactOptional() })
      .exactOptional(),
  })
  .refine(({ long, batch }) => !batch || (batch.long === undefined) === (long === undefined), {
    path: ['batch', 'long'],
    error: 'a price has long rates for batches where it has long rates, and only there',
  });

/** The price of models that cost nothing, such as local ones. It applies only where somebody names it. */
export const freePrice: Price = Object.freeze({
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  output: 0,
});

/** Prices by model id that come before the table's. */
export type PriceOverrides = Readonly<Record<string, Price>>;

/**
 * The price of a model, from `overrides`, else from the table. A dated id such as `gpt-5-2025-08-07` costs what its undated
 * name costs; no other part of a name counts, so `gpt-5-pro` is not `gpt-5`.
 * @throws MODEL_UNKNOWN: a model without a price is not called, since no budget could hold it
 */
export function priceOf(model: string, overrides: PriceOverrides = {}): Price {
  const undated = model.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, '');
  for (const name of [model, undated]) {
    const price = Object.hasOwn(overrides, name)
      ? overrides[name]
      : priceTable.find((row) => row.model === name);
    if (price) return price;
  }
  throw new EngineError(
    'MODEL_UNKNOWN',
    `No price is known for the model ${model}; add it to \`prices\` in tutti.config.ts (0 for a local model).`,
  );
}

/**
 * The price of a model's requests when they go by a provider batch, as a price of its own: what a batched call costs and
 * at most costs is computed from it. The same price where no batch rates are known.
 */
export function batchPrice(price: Price): Price {
  const { long, batch } = price;
  if (!batch) return price;
  const { long: batchLong, ...rates } = batch;
  if (!long) return rates;
  return { ...rates, long: { ...(batchLong ?? long), aboveInputTokens: long.aboveInputTokens } };
}

/**
 * What a call cost, in micro-USD, rounded up once per call. Exact: sums run in BigInt.
 * Uncached input, cached input, cache writes and output each at their own rate; reasoning is part of the output and charged as
 * such. `usage` as the adapters validate it.
 */
export function costMicroUsd(
  usage: Usage,
  listed: Price,
  { batch = false }: { /** The call went by a provider batch. */ readonly batch?: boolean } = {},
): number {
  const price = batch ? batchPrice(listed) : listed;
  const rates = price.long && usage.input > price.long.aboveInputTokens ? price.long : price;
  const { input, cachedInput, cacheWrite, output } = usage;
  return perMillion(
    { input: input - cachedInput - cacheWrite, cachedInput, cacheWrite, output },
    rates,
  );
}

/** What is charged each at its own rate. */
const charged = ['input', 'cachedInput', 'cacheWrite', 'output'] as const satisfies (keyof Rates)[];

/** The sum of tokens at their rates, rounded up. Where a float would no longer hold it exactly it is computed in BigInt. */
function perMillion(tokens: Rates, rates: Rates): number {
  let total = 0;
  for (const kind of charged) total += tokens[kind] * rates[kind];
  if (total <= Number.MAX_SAFE_INTEGER) {
    const rest = total % 1_000_000;
    return (total - rest) / 1_000_000 + Number(rest > 0);
  }
  const exact = charged.reduce((sum, kind) => sum + BigInt(tokens[kind]) * BigInt(rates[kind]), 0n);
  return Number((exact + 999_999n) / 1_000_000n);
}

/**
 * Tokens that a provider may add to what we send: its own instructions for tool use and structured output. Anthropic has
 * listed at most 530 for tools; the rest is margin. A call that costs more than its bound is settled in full all the same.
 * @see https://platform.claude.com/docs/en/docs/tool-use-pricing-and-tokens
 */
export const requestOverheadTokens = 1_024;

/** UTF-8 bytes of everything in a request that a provider counts as input. */
export function requestBytes(request: ModelRequest): number {
  const { instructions, messages, tools, output } = request;
  return Buffer.byteLength(JSON.stringify([instructions, messages, tools, output]));
}

/**
 * The most that a call can cost, in micro-USD: a token is at least one byte, whichever tokenizer, so the input has at most
 * `bytes` plus the fixed overhead; it is charged at the dearest of the input rates, and the output in full. For a call that goes by
 * a provider batch, pass `batchPrice(price)`.
 */
export function upperBoundMicroUsd(bytes: number, maxOutputTokens: number, price: Price): number {
  const input = bytes + requestOverheadTokens;
  const long = price.long && input > price.long.aboveInputTokens ? price.long : price;
  const dearest = Math.max(dearestInput(price), dearestInput(long));
  return perMillion(
    { input, cachedInput: 0, cacheWrite: 0, output: maxOutputTokens },
    { input: dearest, cachedInput: 0, cacheWrite: 0, output: Math.max(price.output, long.output) },
  );
}

function dearestInput({ input, cachedInput, cacheWrite }: Rates): number {
  return Math.max(input, cachedInput, cacheWrite);
}
