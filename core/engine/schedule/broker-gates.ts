import type { Clock } from '../../base/clock.ts';
import { requestOverheadTokens } from '../../ports/models/prices.ts';
import type { Breakers } from '../limits/breaker.ts';
import type { Broker, CallWish, Grant, Refusal } from '../limits/broker.ts';
import { erpBreaker } from '../loop/attempts.ts';
import type {
  CallTokens,
  ForecastLimits,
  ForecastStart,
  ForecastTask,
  Obstacle,
} from './expected-work.ts';

/** On whose behalf a task of a forecast calls models and the ERP. */
export interface Caller {
  /** Everything of its calls but their size; null: it calls no model. */
  readonly wish: Omit<CallWish, 'bytes'> | null;
  readonly usesErp: boolean;
  /** Whether its first call may be denied and it goes on without a model; later ones always may. */
  readonly goesOn: boolean;
}

/** What a start of a forecast holds beside its slot. */
export interface Held {
  readonly grant: Grant | null;
  /** Set while it finds out whether the ERP is well. */
  readonly erpProbe: number | null;
}

/** A clock that stands where a forecast puts it. */
export class ForecastClock implements Clock {
  #at: number;
  /** From the wall's clock, which is the forecast's, to the monotonic one of gates. */
  readonly #offsetMs: number;

  constructor(from: Pick<Clock, 'now' | 'monotonic'>) {
    this.#at = from.now();
    this.#offsetMs = from.monotonic() - this.#at;
  }

  now(): number {
    return this.#at;
  }

  monotonic(): number {
    return this.#at + this.#offsetMs;
  }

  after(): () => void {
    return () => {};
  }

  set(atMs: number): void {
    this.#at = atMs;
  }
}

/** What a forecast's gates are made of: copies that it may spend, over its clock. */
export interface BrokerGateParts {
  readonly broker: Broker;
  readonly breakers: Breakers;
  readonly clock: ForecastClock;
  readonly callerOf: (task: ForecastTask) => Caller;
}

/** While others decide, a refused start is looked at after this long, as in the engine. */
const longestLookMs = 1_000;
const erpObstacle = { kind: 'breaker', name: erpBreaker };
const noTokens = { inputTokens: 0, outputTokens: 0 };
/** Refusals that only time lifts, for every start alike. */
const timed: ReadonlySet<string> = new Set(['closed', 'model_requests', 'burst', 'hour', 'day']);

/** The gates and purses of a broker and the ERP's breaker, as a forecast asks them. */
export class BrokerGates implements ForecastLimits<Held> {
  readonly #parts: BrokerGateParts;
  /** By caller and bytes: a forecast asks for the same again and again. */
  readonly #wishes = new Map<Caller, Map<number, CallWish>>();

  constructor(parts: BrokerGateParts) {
    this.#parts = parts;
  }

  blocker(start: ForecastStart, atMs: number): Obstacle | null {
    this.#parts.clock.set(atMs);
    const erp = this.#erpObstacle(start);
    if (erp) return erp;
    const wish = this.#wish(start);
    const refusal = wish && this.#parts.broker.refusal(wish);
    return refusal && this.#obstacle(start, refusal);
  }

  blockers(start: ForecastStart, atMs: number): readonly Obstacle[] {
    this.#parts.clock.set(atMs);
    const erp = this.#erpObstacle(start);
    const wish = this.#wish(start);
    const refusals = wish ? this.#parts.broker.refusals(wish) : [];
    const model = refusals.map((refusal) => this.#obstacle(start, refusal));
    // Whoever goes without the model asks for nothing that its side could refuse.
    const without = model.findIndex(({ goesWithout }) => goesWithout);
    return [...(erp ? [erp] : []), ...(without < 0 ? model : model.slice(0, without))];
  }

  take(start: ForecastStart, atMs: number): Held {
    const { broker, breakers, clock } = this.#parts;
    clock.set(atMs);
    const wish = this.#wish(start);
    return {
      grant: wish && broker.grant(wish),
      erpProbe: this.#asksErp(start) ? breakers.begin(erpBreaker) : null,
    };
  }

  settle({ grant, erpProbe }: Held, use: CallTokens, atMs: number): void {
    const { broker, breakers, clock } = this.#parts;
    clock.set(atMs);
    if (erpProbe !== null) breakers.report(erpBreaker, true, erpProbe);
    const usage = { ...use, cachedInput: 0, cacheWrite: 0, reasoning: 0 };
    if (grant) broker.settle(grant, { usage, sent: true });
  }

  #wish({ task, turn }: ForecastStart): CallWish | null {
    if (!turn?.bound) return null;
    const caller = this.#parts.callerOf(task);
    if (!caller.wish) return null;
    const bytes = Math.max(0, turn.bound.input - requestOverheadTokens);
    let known = this.#wishes.get(caller);
    if (!known) {
      known = new Map();
      this.#wishes.set(caller, known);
    }
    let wish = known.get(bytes);
    if (!wish) {
      wish = { ...caller.wish, bytes };
      known.set(bytes, wish);
    }
    return wish;
  }

  #erpObstacle(start: ForecastStart): Obstacle | null {
    const refused = this.#asksErp(start) ? this.#parts.breakers.refusal(erpBreaker) : null;
    return refused && { ...erpObstacle, waitMs: refused.untilMs ?? longestLookMs };
  }

  #asksErp(start: ForecastStart): boolean {
    return isFirst(start) && this.#parts.callerOf(start.task).usesErp;
  }

  #obstacle(start: ForecastStart, { blocker, scope, never, untilMs }: Refusal): Obstacle {
    const { broker, clock, callerOf } = this.#parts;
    const isLeft = blocker === 'breaker' && (callerOf(start.task).goesOn || !isFirst(start));
    const waitMs =
      timed.has(blocker) && untilMs !== null
        ? broker.permits.waitMs([scope], noTokens, clock.monotonic())
        : null;
    return {
      kind: blocker,
      name: scope,
      waitMs: untilMs,
      ...((never || isLeft) && { goesWithout: true }),
      ...(waitMs !== null && waitMs > 0 && { timedMs: waitMs }),
    };
  }
}

/** Whether a start is the step's first, and not one of its next turns. */
function isFirst({ task, turn }: ForecastStart): boolean {
  return (
    task.service !== 'follow_up' && task.state !== 'running' && turn === (task.turns[0] ?? null)
  );
}
