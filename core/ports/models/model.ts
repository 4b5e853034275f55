/**
 * What a provider wants back, unread, with the part that it came with: signed or encrypted reasoning. It goes back only
 * to the same provider and model; keep it with its part and show it to nobody.
 */
export interface Echo {
  readonly provider: string;
  readonly model: string;
  readonly blocks: readonly unknown[];
}

/**
 * What one message to or from a model holds. `args` of a call is the JSON that the model wrote; where that is no JSON it
 * is the raw text as a string, which no tool's schema accepts.
 */
export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly echo?: Echo }
  | {
      readonly kind: 'call';
      readonly id: string;
      readonly name: string;
      readonly args: unknown;
      readonly echo?: Echo;
    }
  | {
      readonly kind: 'result';
      readonly id: string;
      readonly name: string;
      readonly content: string;
      readonly isError: boolean;
    };

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

/** Tokens of one call as the provider counted them. `input` includes cached and cache-written; `output` includes reasoning. */
export interface Usage {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** What a provider's headers say of one of its limits; what they do not say is left out. */
export interface QuotaLine {
  readonly limit?: number;
  readonly remaining?: number;
  /** Milliseconds until all of it is there again. */
  readonly resetMs?: number;
}

/** What a provider's headers say of the limits of an account, by what they count. */
export interface Quota {
  readonly requests?: QuotaLine;
  /** Input and output together. */
  readonly tokens?: QuotaLine;
  readonly inputTokens?: QuotaLine;
  readonly outputTokens?: QuotaLine;
}

export interface ModelReply {
  /** Calls only when `stop` is `tools`: those of a reply that was cut or refused are left out. */
  readonly parts: readonly Part[];
  readonly stop: 'end' | 'tools' | 'length' | 'refusal';
  readonly usage: Usage;
  /** The model that answered, as the provider names it. */
  readonly model: string;
  readonly providerId: string;
  /** @default unknown: the provider's headers said nothing */
  readonly quota?: Quota;
}

/**
 * Milliseconds allowed until the provider is connected, until the reply's first byte, between two chunks, and in all. The platform's
 * own `fetch` gives up connecting after 10,000, and a silence after 300,000: greater values than these are these.
 */
export interface ModelDeadlines {
  /** Name lookup, connection and TLS together; a connection that is open already takes none of it. @default 10000 */
  readonly connectMs?: number;
  /** From the call's beginning on, connecting included. @default 60000 */
  readonly firstByteMs?: number;
  /** @default 60000 */
  readonly idleMs?: number;
  /** @default 300000 */
  readonly totalMs?: number;
}

/**
 * One provider of models. Implementations stream, retry nothing (retries are the engine's), and throw only
 * MODEL_UNAVAILABLE, MODEL_RATE_LIMITED, MODEL_REFUSED, MODEL_UNKNOWN and MODEL_REPLY_INVALID, with `details.retryAfterMs`
 * and `details.quota` where the provider said; an aborted call throws the signal's reason when that is an EngineError, else CANCELLED.
 */
export interface Model {
  /** OpenTelemetry's `gen_ai.provider.name`. */
  readonly provider: string;
  /** Whether it calls `onSent`; of one that does not every call is taken to leave as soon as it is made. @default false */
  readonly tellsSent?: boolean;
  /**
   * One call. `onSent` is told once when the request leaves, as late as it may: from then on it counts in its provider's limits.
   * `onFirstChunk` is told when the first piece of the reply has come, by those who stream.
   * `onDelta` sees text as it streams, never thoughts or arguments of calls; nothing is stored from it.
   */
  call(
    request: ModelRequest,
    options: {
      readonly signal: AbortSignal;
      readonly onSent?: () => void;
      readonly onFirstChunk?: () => void;
      readonly onDelta?: (text: string) => void;
    } & ModelDeadlines,
  ): Promise<ModelReply>;
}

/** Where a profile's calls go. Keys are named by environment variable, never held. */
export interface ModelTarget {
  /** `openai`: Responses API; `openai-chat`: Chat Completions, for compatible servers; else a name in `providers`. */
  readonly provider: 'openai' | 'openai-chat' | 'anthropic' | 'scripted' | (string & {});
  /** The provider's model id. */
  readonly model: string;
  /** @default the provider's public endpoint, or `OPENAI_BASE_URL` / `ANTHROPIC_BASE_URL` */
  readonly baseUrl?: string;
  /** Environment variable with the key. @default OPENAI_API_KEY or ANTHROPIC_API_KEY */
  readonly apiKeyEnv?: string;
  /** @default 4096 */
  readonly maxOutputTokens?: number;
  /** For a model that is slower than most, or a network that is. */
  readonly deadlines?: ModelDeadlines;
}
