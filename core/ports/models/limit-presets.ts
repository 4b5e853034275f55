import type { RateLimit } from '../config.ts';
import { priceTable } from './price-table.ts';

type Limits = Readonly<Record<string, RateLimit>>;

/** Limits by model id that `modelLimits` in tutti.config.ts takes as they are, or spread with rows of one's own. */
export interface LimitPresets {
  /** Ours, for every model of the price table: a loop that runs away is slow, and within the smallest account of any provider. */
  readonly development: Limits;
  /** OpenAI's usage tiers. Models whose page could not be read are left out, and limited by the provider alone. */
  readonly openai: Readonly<Record<'build' | 'launch' | 'grow', Limits>>;
  /** Anthropic's usage tiers. Models that share one limit have it each: who uses two of them at once divides it. */
  readonly anthropic: Readonly<Record<'start' | 'build' | 'scale', Limits>>;
}

// Read in 2026-10 at https://developers.openai.com/api/docs/models/gpt-6.1-sol and …/gpt-6.1-terra; tokens are input and output.
const openaiModels = ['gpt-6.1-sol', 'gpt-6.1-terra'];
const openai = (requestsPerMinute: number, tokensPerMinute: number): Limits =>
  rows(openaiModels, { requestsPerMinute, tokensPerMinute });

// Read in 2026-10 at https://platform.claude.com/docs/en/api/rate-limits. Shared limits: Fable 5 and 5.1; Mythos 5 and 5.1; Opus
// 4.5 to 4.8; Sonnet 4.5 and 4.6. Tokens that are read from the cache do not count as input there.
const fables = ['claude-fable-5', 'claude-fable-5-1', 'claude-mythos-5', 'claude-mythos-5-1'];
const claudes = [
  'claude-opus-5-5',
  'claude-opus-5',
  'claude-opus-4-8',
  'claude-opus-4-7',
  'claude-opus-4-6',
  'claude-opus-4-5',
  'claude-sonnet-5-5',
  'claude-sonnet-5',
  'claude-sonnet-4-6',
  'claude-sonnet-4-5',
  'claude-haiku-5-5',
  'claude-haiku-4-5',
];

type Columns = readonly [requests: number, input: number, output: number];
const anthropic = (fable: Columns, claude: Columns): Limits => ({
  ...rows(fables, toLimit(fable)),
  ...rows(claudes, toLimit(claude)),
});

function toLimit([
  requestsPerMinute,
  inputTokensPerMinute,
  outputTokensPerMinute,
]: Columns): RateLimit {
  return { requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute };
}

function rows(models: readonly string[], limit: RateLimit): Limits {
  return Object.freeze(Object.fromEntries(models.map((model) => [model, limit])));
}

/**
 * Ready rows for `modelLimits`: `modelLimits: limitPresets.anthropic.start`. Which tier an account is in, its provider's console
 * tells; limits that were agreed with the provider are rows of one's own.
 */
export const limitPresets: LimitPresets = Object.freeze({
  development: rows(
    priceTable.map(({ model }) => model),
    { requestsPerMinute: 30, tokensPerMinute: 200_000, concurrency: 4, burst: 2 },
  ),
  openai: Object.freeze({
    build: openai(5_000, 1_000_000),
    launch: openai(10_000, 4_000_000),
    grow: openai(15_000, 40_000_000),
  }),
  anthropic: Object.freeze({
    start: anthropic([1_000, 500_000, 100_000], [1_000, 2_000_000, 400_000]),
    build: anthropic([2_000, 1_500_000, 300_000], [5_000, 5_000_000, 1_000_000]),
    scale: anthropic([4_000, 4_000_000, 800_000], [10_000, 10_000_000, 2_000_000]),
  }),
});
