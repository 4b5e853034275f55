import type { Clock } from '../../base/clock.ts';
import { requestOverheadTokens } from '../../ports/models/prices.ts';
import type { Breakers } from '../limits/breaker.ts';
import type { Broker, CallWish, Grant, Refusal } from '../limits/broker.ts';
import type { Permits } from '../limits/permits.ts';
import { erpBreaker } from '../run/attempts.ts';
import type {
  CallTokens,
  ForecastLimits,
  ForecastStart,
  ForecastTask,
  Obstacle,
} from '../schedule/expected-work.ts';

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

/** While others decide, a refused start is looked at after this long, as in the engine. */
const longestLookMs = 1_000;
const noTokens = { inputTokens: 0, outputTokens: 0 };
/** Refusals that only time lifts, for every start alike. */
const timed: ReadonlySet<string> = new Set(['closed', 'model_requests', 'burst', 'hour', 'day']);

/** The gates, purses and breakers of an engine as they are now, on a fork that a forecast spends: the engine's stay as they are. */
export class BrokerGates implements ForecastLimits<Held> {
  readonly #broker: Broker;
  readonly #permits: Permits;
  readonly #erp: Breakers;
  readonly #callerOf: (task: ForecastTask) => Caller;
  /** From the forecast's clock, which is the wall's, to the monotonic one of gates. */
  readonly #offsetMs: number;
  #at: number;

  constructor(
    {
      broker,
      breakers,
      clock,
    }: { readonly broker: Broker; readonly breakers: Breakers; readonly clock: Clock },
    callerOf: (task: ForecastTask) => Caller,
  ) {
    this.#at = clock.now();
    this.#offsetMs = clock.monotonic() - this.#at;
    this.#callerOf = callerOf;
    const virtual: Clock = {
      now: () => this.#at,
      monotonic: () => this.#at + this.#offsetMs,
      after: () => () => {},
    };
    this.#broker = broker.fork(virtual);
    this.#permits = this.#broker.permits;
    this.#erp = breakers.fork(virtual);
  }

  blocker(start: ForecastStart, atMs: number): Obstacle | null {
    this.#at = atMs;
    if (this.#erpRefusal(start)) return { kind: 'breaker', name: erpBreaker };
    const wish = this.#wish(start);
    const refusal = wish && this.#broker.refusal(wish);
    return refusal && this.#obstacle(start, refusal);
  }

  blockers(start: ForecastStart, atMs: number): readonly Obstacle[] {
    this.#at = atMs;
    const wish = this.#wish(start);
    const refusals = wish ? this.#broker.refusals(wish) : [];
    const model = refusals.map((refusal) => this.#obstacle(start, refusal));
    // Whoever goes without the model asks for nothing that its side could refuse.
    const without = model.findIndex(({ goesWithout }) => goesWithout);
    return [
      ...(this.#erpRefusal(start) ? [{ kind: 'breaker', name: erpBreaker }] : []),
      ...(without < 0 ? model : model.slice(0, without)),
    ];
  }

  take(start: ForecastStart, atMs: number): Held {
    this.#at = atMs;
    const wish = this.#wish(start);
    const isFirst = this.#asksErp(start);
    return {
      grant: wish && this.#broker.grant(wish),
      erpProbe: isFirst ? this.#erp.begin(erpBreaker) : null,
    };
  }

  settle({ grant, erpProbe }: Held, { input, output }: CallTokens, atMs: number): void {
    this.#at = atMs;
    if (erpProbe !== null) this.#erp.report(erpBreaker, true, erpProbe);
    const usage = { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
    if (grant) this.#broker.settle(grant, { usage, sent: true });
  }

  waitMs(start: ForecastStart, atMs: number): number | null {
    this.#at = atMs;
    const erp = this.#erpRefusal(start);
    if (erp) return erp.untilMs ?? longestLookMs;
    const wish = this.#wish(start);
    return wish ? this.#broker.waitMs(wish) : 0;
  }

  #wish({ task, turn }: ForecastStart): CallWish | null {
    const { wish } = this.#callerOf(task);
    if (!wish || !turn) return null;
    return { ...wish, bytes: Math.max(0, turn.bound.input - requestOverheadTokens) };
  }

  #erpRefusal(start: ForecastStart): { readonly untilMs: number | null } | null {
    return this.#asksErp(start) ? this.#erp.refusal(erpBreaker) : null;
  }

  #asksErp(start: ForecastStart): boolean {
    return isFirst(start) && this.#callerOf(start.task).usesErp;
  }

  #obstacle(start: ForecastStart, { blocker, scope, never, untilMs }: Refusal): Obstacle {
    const { goesOn } = this.#callerOf(start.task);
    const isLeft = blocker === 'breaker' && (goesOn || !isFirst(start));
    const waitMs =
      timed.has(blocker) && untilMs !== null
        ? this.#permits.waitMs([scope], noTokens, this.#at + this.#offsetMs)
        : null;
    return {
      kind: blocker,
      name: scope,
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
