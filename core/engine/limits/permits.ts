import type { ModelLimit } from '../../ports/config.ts';
import { Window } from './window.ts';

/** A granted model call, to be settled with what it really used. */
export interface Permit {
  readonly model: string;
  readonly tokens: number;
  readonly requestQuantum: number;
  readonly tokenQuantum: number;
}

/** Why a model call has to wait. */
export type ModelBlocker = 'model_requests' | 'model_tokens' | 'model_concurrency';

interface Gate {
  readonly requests: Window | null;
  readonly tokens: Window | null;
  readonly concurrency: number;
  open: number;
}

/** Permission to call models: requests and tokens in any sliding minute, and calls at once, per model. */
export class Permits {
  readonly #gates = new Map<string, Gate>();
  readonly #limits: Readonly<Record<string, ModelLimit>>;

  constructor(limits: Readonly<Record<string, ModelLimit>>) {
    this.#limits = limits;
  }

  /** What stands in the way of a call of `tokens`, or null. */
  blocker(model: string, tokens: number, nowMs: number): ModelBlocker | null {
    const gate = this.#gate(model);
    if (gate.open >= gate.concurrency) return 'model_concurrency';
    if (gate.requests && !gate.requests.allows(1, nowMs)) return 'model_requests';
    if (gate.tokens && !gate.tokens.allows(tokens, nowMs)) return 'model_tokens';
    return null;
  }

  /** Grants a call; ask `blocker` first. */
  take(model: string, tokens: number, nowMs: number): Permit {
    const gate = this.#gate(model);
    gate.open += 1;
    return {
      model,
      tokens,
      requestQuantum: gate.requests?.take(1, nowMs) ?? 0,
      tokenQuantum: gate.tokens?.take(tokens, nowMs) ?? 0,
    };
  }

  /** Ends a call that used `tokens`. */
  settle(permit: Permit, tokens: number, nowMs: number): void {
    const gate = this.#gate(permit.model);
    gate.open -= 1;
    gate.tokens?.correct(permit.tokenQuantum, tokens - permit.tokens, nowMs);
  }

  /** Gives a permit back that was never used. */
  release(permit: Permit, nowMs: number): void {
    this.settle(permit, 0, nowMs);
    this.#gate(permit.model).requests?.correct(permit.requestQuantum, -1, nowMs);
  }

  /** Milliseconds until a call may fit as far as the windows tell; null when it waits for another call's end. */
  waitMs(model: string, tokens: number, nowMs: number): number | null {
    const gate = this.#gate(model);
    if (gate.open >= gate.concurrency) return null;
    return Math.max(gate.requests?.waitMs(1, nowMs) ?? 0, gate.tokens?.waitMs(tokens, nowMs) ?? 0);
  }

  #gate(model: string): Gate {
    let gate = this.#gates.get(model);
    if (!gate) {
      const limit = this.#limits[model] ?? {};
      gate = {
        requests: limit.requestsPerMinute ? new Window(limit.requestsPerMinute) : null,
        tokens: limit.tokensPerMinute ? new Window(limit.tokensPerMinute) : null,
        concurrency: limit.concurrency ?? Number.POSITIVE_INFINITY,
        open: 0,
      };
      this.#gates.set(model, gate);
    }
    return gate;
  }
}
