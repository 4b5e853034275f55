import type { ModelProfile } from '../../sdk/agent.ts';
import type { Usage } from './model.ts';

/** A model call that is not made, by its sizes. */
export interface SimulatedCall {
  /** UTF-8 bytes of the request, as `requestBytes` counts them. */
  readonly inputBytes: number;
  /** UTF-8 bytes of the reply, as JSON. */
  readonly outputBytes: number;
  /** Bytes at the request's beginning that the conversation has sent before. @default 0 */
  readonly cachedBytes?: number;
  readonly profile: ModelProfile;
  /** Where the reply would be cut off. @default 4096 */
  readonly maxOutputTokens?: number;
}

/**
 * What a model of each profile takes: the milliseconds until its first token and for each token of output, and the tokens that
 * it thinks with before it answers. Round numbers amid medians that others have measured with prompts of some hundred tokens: small
 * models 0.25 to 0.6 s and 90 to 130 tokens/s, middle ones 0.4 to 1 s and 65 to 90, large ones 0.9 to 2.5 s and 38 to 55. Our
 * prompts are some thousand tokens, so the upper ends stand for the first token. How long a model thinks differs by task more than
 * by model, and no median is published: a small one is used without, the others are allowed a short and a long paragraph
 * each turn, which leaves every shipped agent within its time.
 * @see https://kickllm.com/research/ai-api-latency-comparison.html (April 2026)
 * @see https://www.getapipulse.com/blog-llm-latency.html (2026)
 */
const paces: Readonly<Record<ModelProfile, Pace>> = {
  fast: { firstTokenMs: 500, perTokenMs: 10, thinkingTokens: 0 },
  standard: { firstTokenMs: 1_000, perTokenMs: 14, thinkingTokens: 128 },
  deep: { firstTokenMs: 2_000, perTokenMs: 20, thinkingTokens: 512 },
};

interface Pace {
  readonly firstTokenMs: number;
  readonly perTokenMs: number;
  readonly thinkingTokens: number;
}

/**
 * Providers speak of 4 characters a token of English (OpenAI) and 3.5 (Anthropic); JSON of codes and numbers has about 3, which the
 * backslashes of JSON inside JSON, counted in bytes and nearly free in tokens, bring back to 3.5.
 */
const bytesPerToken = 3.5;

/** Tokens from which OpenAI and Anthropic's middle and large models keep the beginning of a prompt. */
const leastCachedTokens = 1_024;

/**
 * What a model call would about use and how long it would take. Pure: the same sizes give the same answer, and never more than the
 * bound that a budget reserves. What a conversation has sent before comes from the provider's cache, and the rest is
 * written to it; nothing is taken to be shared between conversations.
 */
export function simulateTurn(call: SimulatedCall): {
  readonly usage: Usage;
  readonly latencyMs: number;
} {
  const { inputBytes, outputBytes, cachedBytes = 0, profile, maxOutputTokens = 4_096 } = call;
  const { firstTokenMs, perTokenMs, thinkingTokens } = paces[profile];
  const input = Math.ceil(inputBytes / bytesPerToken);
  const before = Math.min(input, Math.floor(cachedBytes / bytesPerToken));
  const cachedInput = before >= leastCachedTokens ? before : 0;
  const cacheWrite = input >= leastCachedTokens ? input - cachedInput : 0;
  const reasoning = Math.min(thinkingTokens, maxOutputTokens);
  const output = Math.min(reasoning + Math.ceil(outputBytes / bytesPerToken), maxOutputTokens);
  return {
    usage: { input, cachedInput, cacheWrite, output, reasoning },
    latencyMs: firstTokenMs + output * perTokenMs,
  };
}
