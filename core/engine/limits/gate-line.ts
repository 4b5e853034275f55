import type { Quota } from '../../ports/models/model.ts';
import { Window } from './window.ts';

/** What one call may use at most: one request, and tokens. Calls of tools and of an ERP have none. */
export interface Demand {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Whether it leaves a gate's head-room to others. @default false */
  readonly leavesHeadroom?: boolean;
}

/** Why a call has to wait at a gate, in the order in which they are looked at. */
export type GateBlocker =
  | 'closed'
  | 'headroom'
  | 'model_concurrency'
  | 'model_requests'
  | 'model_tokens'
  | 'burst'
  | 'hour'
  | 'day';

/**
 * Later than this after its permit no call reaches its provider, as a rule: a minute's window is longer by it, so that calls
 * which took their time do not meet those that did not. It costs 1.6 % of the limit.
 */
const arrivalSlackMs = 1_000;
const minuteMs = 60_000 + arrivalSlackMs;
/** A limit that the provider has not repeated for so long no longer counts. */
const saidMs = 600_000;

const kinds = [
  { kind: 'requestsPerMinute', blocker: 'model_requests', spanMs: minuteMs, quanta: 240 },
  { kind: 'inputTokensPerMinute', blocker: 'model_tokens', spanMs: minuteMs, quanta: 240 },
  { kind: 'outputTokensPerMinute', blocker: 'model_tokens', spanMs: minuteMs, quanta: 240 },
  { kind: 'tokensPerMinute', blocker: 'model_tokens', spanMs: minuteMs, quanta: 240 },
  { kind: 'burst', blocker: 'burst', spanMs: 1_000, quanta: 50 },
] as const;

/** A limit that is counted in a window. */
export type LineKind = (typeof kinds)[number]['kind'];

/** All of them, in the order in which they are looked at. */
export const lineKinds: readonly LineKind[] = kinds.map(({ kind }) => kind);

/** Where a provider's headers speak of which limit. */
export const quotaNames: readonly (readonly [LineKind, keyof Quota])[] = [
  ['requestsPerMinute', 'requests'],
  ['inputTokensPerMinute', 'inputTokens'],
  ['outputTokensPerMinute', 'outputTokens'],
  ['tokensPerMinute', 'tokens'],
];

/** What an engine may use of a limit that nobody has shared out to it yet: all of it when it is alone. */
export function unsharedOf(whole: number, part: number): number {
  return part === 1 ? whole : Math.floor(whole * part);
}

/** What changes a limit for the moment. */
interface Tuning {
  readonly factor: number;
  readonly part: number;
  /** @default 0 */
  readonly headroom?: number;
}

/** What is left of a limit beside its head-room: one call at least. */
export function withoutHeadroom(limit: number, headroom: number): number {
  if (headroom === 0 || limit === Number.POSITIVE_INFINITY) return limit;
  return Math.max(Math.min(1, limit), Math.floor(limit * (1 - headroom)));
}

/** One limit of a gate over a sliding window, with what configuration, provider and other engines leave of it. */
export class GateLine {
  readonly kind: LineKind;
  /** Its place among the bits that say which windows have counted a call. */
  readonly bit: number;
  readonly blocker: GateBlocker;
  readonly spanMs: number;
  readonly window: Window;
  /** null: only the provider's word limits it. */
  configured: number | null = null;
  /** This engine's share; null: none was set. */
  held: number | null = null;
  /** Whether a call had to wait for it, and the largest call, since the shares were last looked at. */
  isWanted = false;
  unit = 1;
  #said: { readonly limit: number; readonly until: number } | null = null;

  constructor(kind: LineKind, window?: Window) {
    const index = lineKinds.indexOf(kind);
    const { blocker, spanMs, quanta } = kinds[index] as (typeof kinds)[number];
    this.kind = kind;
    this.bit = 1 << index;
    this.blocker = blocker;
    this.spanMs = spanMs;
    this.window = window ?? new Window(0, spanMs, quanta);
  }

  /** Whether it counts a minute and not a second: those follow refusals. */
  get isMinute(): boolean {
    return this.spanMs === minuteMs;
  }

  /** The limit that all engines have together; infinite when nobody says one. */
  whole(now: number): number {
    const own = this.configured ?? Number.POSITIVE_INFINITY;
    if (this.#said === null) return own;
    if (now < this.#said.until) return Math.min(own, this.#said.limit);
    this.#said = null;
    return own;
  }

  /** The provider has named a limit. */
  say(limit: number, now: number): void {
    this.#said = { limit, until: now + saidMs };
  }

  amountOf({ inputTokens, outputTokens }: Demand): number {
    switch (this.kind) {
      case 'inputTokensPerMinute':
        return inputTokens;
      case 'outputTokensPerMinute':
        return outputTokens;
      case 'tokensPerMinute':
        return inputTokens + outputTokens;
      default:
        return 1;
    }
  }

  /** Its window, set to what it may grant now. `factor`: of the gate's pace; `part`: of what is not shared out; `headroom`: what is left free. */
  tuned(now: number, { factor, part, headroom = 0 }: Tuning): Window {
    const { window } = this;
    const whole = this.whole(now);
    const held = Math.min(this.held ?? unsharedOf(whole, part), whole);
    const isCut = factor < 1 && this.isMinute;
    const limit = isCut ? Math.max(Math.min(1, held), Math.floor(held * factor)) : held;
    window.limit = withoutHeadroom(limit, headroom);
    // What is larger than the whole limit goes alone, where the whole is held; what a cut leaves no room for goes alone, too.
    window.alone = held >= whole && whole > 0 ? Number.POSITIVE_INFINITY : held;
    return window;
  }

  fork(): GateLine {
    const copy = new GateLine(this.kind, this.window.fork());
    copy.configured = this.configured;
    copy.held = this.held;
    copy.#said = this.#said;
    return copy;
  }
}
