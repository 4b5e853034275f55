/** What one message to or from a model holds. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly id: string; readonly name: string; readonly args: unknown }
  | { readonly kind: 'result'; readonly id: string; readonly name: string; readonly content: string; readonly isError: boolean };

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly parts: readonly Part[];
}

/** A tool as a model sees it: names with dots are mapped to what the provider allows, and back, inside the adapter. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema, draft 2020-12. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ModelRequest {
  /** The provider's model id, for example `gpt-5-mini`. */
  readonly model: string;
  readonly instructions: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSpec[];
  /** JSON Schema of the final answer; the adapter asks for it in the provider's own way. */
  readonly output: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
  readonly maxOutputTokens: number;
}

/** Tokens of one call as the provider counted them. `input` includes cached; `output` includes reasoning. */
export interface Usage {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

export interface ModelReply {
  readonly parts: readonly Part[];
  readonly stop: 'end' | 'tools' | 'length' | 'refusal';
  readonly usage: Usage;
  /** The model that answered, as the provider names it. */
  readonly model: string;
  readonly providerId: string;
}

/** Milliseconds allowed until the reply's first byte, between two chunks, and in all. */
export interface ModelDeadlines {
  /** @default 60000 */
  readonly firstByteMs?: number;
  /** @default 60000 */
  readonly idleMs?: number;
  /** @default 300000 */
  readonly totalMs?: number;
}

/**
 * One provider of models. Implementations stream, retry nothing (retries are the engine's), and throw only
 * MODEL_UNAVAILABLE, MODEL_RATE_LIMITED, MODEL_REFUSED and MODEL_REPLY_INVALID; `details.retryAfterMs` where the provider said.
 */
export interface Model {
  /** OpenTelemetry's `gen_ai.provider.name`. */
  readonly provider: string;
  /** One call. `onDelta` sees text as it streams; nothing is stored from it. */
  call(request: ModelRequest, options: { readonly signal: AbortSignal; readonly onDelta?: (text: string) => void } & ModelDeadlines): Promise<ModelReply>;
}

/** Where a profile's calls go. `model` is the provider's id; keys are named by environment variable, never held. */
export interface ModelTarget {
  readonly provider: 'openai' | 'openai-chat' | 'anthropic' | 'scripted';
  readonly model: string;
  /** @default the provider's public endpoint; `OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL` override it */
  readonly baseUrl?: string;
  /** Environment variable with the key. @default OPENAI_API_KEY or ANTHROPIC_API_KEY */
  readonly apiKeyEnv?: string;
  readonly maxOutputTokens?: number;
}

