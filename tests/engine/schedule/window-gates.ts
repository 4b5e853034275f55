import { Window } from '../../../core/engine/limits/window.ts';
import type {
  CallTokens,
  ForecastLimits,
  ForecastStart,
  Obstacle,
} from '../../../core/engine/schedule/expected-work.ts';

/** What one model's gate allows. */
export interface GateLimit {
  readonly requests?: number;
  readonly tokens?: number;
  readonly concurrency?: number;
}

interface Gate {
  readonly requests: Window | null;
  readonly tokens: Window | null;
  readonly concurrency: number;
  open: number;
}

/** What a call holds. */
export interface HeldPermit {
  readonly gate: Gate;
  readonly tokens: number;
  readonly quantum: number;
}

/** Gates of models on the engine's own windows, enough of them for forecasts. */
export class WindowGates implements ForecastLimits<HeldPermit> {
  readonly #gates: ReadonlyMap<string, Gate>;

  constructor(limits: Readonly<Record<string, GateLimit>>) {
    this.#gates = new Map(
      Object.entries(limits).map(([model, { requests, tokens, concurrency }]) => [
        model,
        {
          requests: requests ? new Window(requests) : null,
          tokens: tokens ? new Window(tokens) : null,
          concurrency: concurrency ?? Number.POSITIVE_INFINITY,
          open: 0,
        },
      ]),
    );
  }

  blocker(start: ForecastStart, atMs: number): Obstacle | null {
    const [first] = this.blockers(start, atMs);
    return first ? { ...first, waitMs: this.waitMs(start, atMs) } : null;
  }

  blockers({ task, turn }: ForecastStart, atMs: number): readonly Obstacle[] {
    const gate = this.#gates.get(task.model ?? '');
    if (!gate || !turn?.bound) return [];
    const name = `model:${task.model}`;
    const { requests, tokens, concurrency, open } = gate;
    return [
      ...(open >= concurrency ? [{ kind: 'model_concurrency', name }] : []),
      ...(requests && !requests.allows(1, atMs)
        ? [{ kind: 'model_requests', name, timedMs: requests.waitMs(1, atMs) ?? 0 }]
        : []),
      ...(tokens && !tokens.allows(boundOf(turn.bound), atMs)
        ? [{ kind: 'model_tokens', name }]
        : []),
    ];
  }

  take({ task, turn }: ForecastStart, atMs: number): HeldPermit {
    const gate = this.#gates.get(task.model ?? '');
    if (!gate || !turn?.bound) return { gate: unlimited(), tokens: 0, quantum: 0 };
    gate.open += 1;
    gate.requests?.take(1, atMs);
    const tokens = boundOf(turn.bound);
    return { gate, tokens, quantum: gate.tokens?.take(tokens, atMs) ?? 0 };
  }

  settle({ gate, tokens, quantum }: HeldPermit, use: CallTokens, atMs: number): void {
    gate.open -= 1;
    gate.tokens?.correct(quantum, use.input + use.output - tokens, atMs);
  }

  waitMs({ task, turn }: ForecastStart, atMs: number): number | null {
    const gate = this.#gates.get(task.model ?? '');
    if (!gate || !turn?.bound || gate.open >= gate.concurrency) return null;
    return Math.max(
      gate.requests?.waitMs(1, atMs) ?? 0,
      gate.tokens?.waitMs(boundOf(turn.bound), atMs) ?? 0,
    );
  }
}

function boundOf({ input, output }: CallTokens): number {
  return input + output;
}

function unlimited(): Gate {
  return { requests: null, tokens: null, concurrency: Number.POSITIVE_INFINITY, open: 0 };
}
