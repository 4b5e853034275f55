/** Prices of one model: integer micro-USD per 1,000,000 tokens. */
export interface Rates {
  readonly input: number;
  readonly cachedInput: number;
  /** Input that is written to the provider's cache; equal to `input` where writing costs nothing more. */
  readonly cacheWrite: number;
  /** Output; reasoning is output, counted in it and charged alike. */
  readonly output: number;
}

/** What a model costs; requests with more than `aboveInputTokens` of input cost the rates of `long` throughout. */
export interface Price extends Rates {
  readonly long?: Rates & { readonly aboveInputTokens: number };
  /** What requests of a provider batch cost; its `long` counts from the same `aboveInputTokens`. @default as any request */
  readonly batch?: Rates & { readonly long?: Rates };
}

/** A row of the table: where the price stands, and when it was read there. */
export interface PriceRow extends Price {
  readonly model: string;
  readonly source: string;
  /** `YYYY-MM` */
  readonly asOf: string;
}

/** Number of the table below; every change to a price raises it, and runs pin it. */
export const PRICES_VERSION = 2;

const openaiPage = 'https://developers.openai.com/api/docs/pricing';
const anthropicPage = 'https://platform.claude.com/docs/en/about-claude/pricing';

// Columns: model, then micro-USD per 1M tokens of input, cached input, cache write and output.
type Columns = readonly [string, number, number, number, number];

// Above 272,000 input tokens OpenAI charges the whole request double for input and cache, 1.5 times for output.
const openaiLong: readonly Columns[] = [
  ['gpt-6-astra', 10_000_000, 1_000_000, 12_500_000, 50_000_000],
  ['gpt-6.1-sol', 2_000_000, 100_000, 2_500_000, 10_000_000],
  ['gpt-6.1-terra', 1_000_000, 50_000, 1_250_000, 5_000_000],
  ['gpt-6-sol', 2_000_000, 200_000, 2_500_000, 10_000_000],
  ['gpt-6-luna', 100_000, 10_000, 125_000, 500_000],
  ['gpt-5.6-sol', 4_000_000, 400_000, 5_000_000, 20_000_000],
  ['gpt-5.6-terra', 2_000_000, 200_000, 2_500_000, 12_000_000],
  ['gpt-5.6-luna', 200_000, 20_000, 250_000, 1_200_000],
  ['gpt-5.5', 5_000_000, 500_000, 5_000_000, 30_000_000],
  ['gpt-5.4', 2_500_000, 250_000, 2_500_000, 15_000_000],
];

const openaiFlat: readonly Columns[] = [
  ['gpt-5.4-mini', 750_000, 75_000, 750_000, 4_500_000],
  ['gpt-5.4-nano', 200_000, 20_000, 200_000, 1_250_000],
  ['gpt-5.2', 1_750_000, 175_000, 1_750_000, 14_000_000],
  ['gpt-5.1', 1_250_000, 125_000, 1_250_000, 10_000_000],
  ['gpt-5', 1_250_000, 125_000, 1_250_000, 10_000_000],
  ['gpt-5-mini', 250_000, 25_000, 250_000, 2_000_000],
  ['gpt-5-nano', 50_000, 5_000, 50_000, 400_000],
];

// Older models: the table of batch prices shows a dash for their cached input, so a batch pays it as input.
const openaiOlder: readonly Columns[] = [
  ['gpt-4.1', 2_000_000, 500_000, 2_000_000, 8_000_000],
  ['gpt-4.1-mini', 400_000, 100_000, 400_000, 1_600_000],
  ['gpt-4.1-nano', 100_000, 25_000, 100_000, 400_000],
  ['gpt-4o', 2_500_000, 1_250_000, 2_500_000, 10_000_000],
  ['gpt-4o-mini', 150_000, 75_000, 150_000, 600_000],
  ['o3', 2_000_000, 500_000, 2_000_000, 8_000_000],
  ['o4-mini', 1_100_000, 275_000, 1_100_000, 4_400_000],
];

// Cache writes are those of the 5-minute cache, the only one that we ask for.
const anthropicFlat: readonly Columns[] = [
  ['claude-fable-5-2', 8_000_000, 200_000, 10_000_000, 40_000_000],
  ['claude-fable-5-1', 10_000_000, 250_000, 12_500_000, 50_000_000],
  ['claude-mythos-5-1', 10_000_000, 250_000, 12_500_000, 50_000_000],
  ['claude-fable-5', 10_000_000, 1_000_000, 12_500_000, 50_000_000],
  ['claude-mythos-5', 10_000_000, 1_000_000, 12_500_000, 50_000_000],
  ['claude-opus-5-5', 4_000_000, 200_000, 5_000_000, 20_000_000],
  ['claude-opus-5', 5_000_000, 500_000, 6_250_000, 25_000_000],
  ['claude-opus-4-8', 5_000_000, 500_000, 6_250_000, 25_000_000],
  ['claude-opus-4-7', 5_000_000, 500_000, 6_250_000, 25_000_000],
  ['claude-opus-4-6', 5_000_000, 500_000, 6_250_000, 25_000_000],
  ['claude-opus-4-5', 5_000_000, 500_000, 6_250_000, 25_000_000],
  ['claude-sonnet-5-5', 2_000_000, 100_000, 2_500_000, 10_000_000],
  ['claude-sonnet-5', 2_000_000, 200_000, 2_500_000, 10_000_000],
  ['claude-sonnet-4-6', 3_000_000, 300_000, 3_750_000, 15_000_000],
  ['claude-sonnet-4-5', 3_000_000, 300_000, 3_750_000, 15_000_000],
  ['claude-haiku-4-5', 1_000_000, 100_000, 1_250_000, 5_000_000],
];

const haiku = toRow(
  ['claude-haiku-5-5', 100_000, 10_000, 125_000, 500_000],
  anthropicPage,
  '2026-11',
);
const haikuLong: Rates = {
  input: 500_000,
  cachedInput: 50_000,
  cacheWrite: 625_000,
  output: 2_500_000,
};

/**
 * List prices of OpenAI's and Anthropic's standard tier, as their pricing pages showed them in the month of each row, without
 * surcharges for speed or region; `batch` is half of them, cached input and cache writes included, as both pages have it.
 * `prices` in tutti.config.ts overrides and extends the table.
 * @see https://platform.claude.com/docs/en/build-with-claude/batch-processing (2026-11): discounts of batches and caching stack
 */
export const priceTable: readonly PriceRow[] = Object.freeze([
  ...openaiLong.map(toLongRow),
  ...openaiFlat.map((columns) => toRow(columns, openaiPage, '2026-06')),
  ...openaiOlder.map((columns) => toOlderRow(toRow(columns, openaiPage, '2026-06'))),
  ...anthropicFlat.map((columns) => toRow(columns, anthropicPage, '2026-11')),
  withLong(haiku, 100_000, haikuLong),
  toRow(['scripted', 0, 0, 0, 0], 'tests', '2026-11'),
]);

function toRow(columns: Columns, source: string, asOf: string): PriceRow {
  const [model, input, cachedInput, cacheWrite, output] = columns;
  const rates = { input, cachedInput, cacheWrite, output };
  return { model, ...rates, batch: halve(rates), source, asOf };
}

function toLongRow(columns: Columns): PriceRow {
  const row = toRow(columns, openaiPage, '2026-11');
  return withLong(row, 272_000, {
    input: row.input * 2,
    cachedInput: row.cachedInput * 2,
    cacheWrite: row.cacheWrite * 2,
    output: (row.output * 3) / 2,
  });
}

function toOlderRow(row: PriceRow): PriceRow {
  const { input, cacheWrite, output } = halve(row);
  return { ...row, batch: { input, cachedInput: input, cacheWrite, output } };
}

function withLong(row: PriceRow, aboveInputTokens: number, rates: Rates): PriceRow {
  const batch = { ...halve(row), long: halve(rates) };
  return { ...row, long: { ...rates, aboveInputTokens }, batch };
}

// Every rate of the table is an even number, so halves are exact.
function halve({ input, cachedInput, cacheWrite, output }: Rates): Rates {
  return {
    input: input / 2,
    cachedInput: cachedInput / 2,
    cacheWrite: cacheWrite / 2,
    output: output / 2,
  };
}
