import { ConsecutiveBreaker } from 'cockatiel/dist/breaker/ConsecutiveBreaker.js';
import type { Clock } from '../../base/clock.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { BreakerLimits } from '../../ports/config.ts';

/** `closed`: calls pass · `open`: none does · `half_open`: one at a time does, to find out. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** What a breaker does unless it is told otherwise. */
export const usualBreaker: Required<BreakerLimits> = { failures: 5, probeMs: 60_000, successes: 3 };

/** A probe that nobody has reported on for so long no longer keeps others away; no call of a model lasts that long. */
const lostProbeMs = 600_000;

/** Failures that say that the other side is ill: it cannot be reached, breaks off, or does not answer in time. */
const ill: ReadonlySet<ErrorCode> = new Set([
  'MODEL_UNAVAILABLE',
  'ERP_UNAVAILABLE',
  'ERP_UNCERTAIN',
]);

/**
 * Ends that say nothing about the other side: it was never asked, the asker ended first, or it is well and busy, which the
 * limits and its own `retry-after` answer to. A breaker that opened on those would make a pause out of a queue.
 */
const silent: ReadonlySet<ErrorCode> = new Set([
  'MODEL_RATE_LIMITED',
  'BREAKER_OPEN',
  'BUDGET_EXCEEDED',
  'AGENT_TIMEOUT',
  'CANCELLED',
  'LANE_LOST',
  'ENGINE_FENCED',
  'ENGINE_STOPPED',
  'DB_UNAVAILABLE',
  'DB_FULL',
]);

/** What the end of a call says about the other side: well, ill, or nothing (null). Any answer, a refusal too, says well. */
export function healthOf(error: { readonly code: ErrorCode } | null): boolean | null {
  if (!error) return true;
  if (silent.has(error.code)) return null;
  return !ill.has(error.code);
}

interface Circuit {
  state: BreakerState;
  /** The library's: failures in a row, and how many open it. */
  count: ConsecutiveBreaker;
  threshold: number;
  /** Monotonic ms. */
  openedAt: number;
  successes: number;
  probe: { readonly token: number; readonly begunAt: number } | null;
}

/** What the breakers of an engine work with. */
export interface BreakerParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** In force now; a setting may change them while breakers are open. `failures: 0` keeps them all closed. */
  readonly limits: () => BreakerLimits;
  /** Told of every change, before the call that made it returns. */
  readonly onChange?: (name: string, state: BreakerState) => void;
}

/**
 * Circuit breakers by name (`model:gpt-5`, `erp`), one set for all runs of an engine: a side that has failed several times in a
 * row is left alone, probed by one call at a time, and used again after several successes in a row.
 *
 *     closed ──failures in a row──▶ open ──probeMs──▶ half_open ──successes in a row──▶ closed
 *                                     ◀──────────a probe fails──────────┘
 *
 * What counts failures and says when to open is cockatiel's `ConsecutiveBreaker`. Its policy around it is not used: it reads the
 * wall clock, wraps the call itself, which here runs on another thread, learns of its end some microtasks late, and lets all
 * probes through at once. So clock, admission and the half-open state are ours; every method is synchronous.
 */
export class Breakers {
  readonly #parts: BreakerParts;
  readonly #circuits = new Map<string, Circuit>();
  #token = 0;

  constructor(parts: BreakerParts) {
    this.#parts = parts;
  }

  /** The breakers that are not closed. */
  get open(): readonly { readonly name: string; readonly state: BreakerState }[] {
    const all = [...this.#circuits].map(([name, { state }]) => ({ name, state }));
    return all.filter(({ state }) => state !== 'closed');
  }

  /**
   * Why a call cannot be made now, or null. `untilMs`: milliseconds until it is worth another look; null: the end of the probe
   * under way will tell.
   */
  refusal(name: string): { readonly untilMs: number | null } | null {
    const circuit = this.#circuits.get(name);
    if (!circuit || circuit.state === 'closed' || this.#areOff()) return null;
    const now = this.#parts.clock.monotonic();
    if (circuit.state === 'open') {
      const untilMs = circuit.openedAt + this.#limits().probeMs - now;
      return untilMs > 0 ? { untilMs } : null;
    }
    const { probe } = circuit;
    if (!probe || now - probe.begunAt >= lostProbeMs) return null;
    return { untilMs: null };
  }

  /** A call that was not refused begins. Returns the token that its report needs when it is a probe, else null. */
  begin(name: string): number | null {
    const circuit = this.#circuits.get(name);
    if (!circuit || circuit.state === 'closed' || this.#areOff()) return null;
    this.#token += 1;
    circuit.probe = { token: this.#token, begunAt: this.#parts.clock.monotonic() };
    if (circuit.state === 'open') {
      circuit.successes = 0;
      this.#move(name, circuit, 'half_open');
    }
    return this.#token;
  }

  /**
   * A call has ended: well, ill, or in a way that says nothing (null; a probe must be reported all the same). While a breaker
   * is open or half open only its probe counts: what began before tells how the other side was, not how it is.
   */
  report(name: string, isWell: boolean | null, probe: number | null = null): void {
    const circuit = this.#circuit(name);
    if (circuit.state === 'closed') return this.#count(name, circuit, isWell);
    if (circuit.state === 'open' || probe === null || circuit.probe?.token !== probe) return;
    circuit.probe = null;
    if (isWell === false) this.#open(name, circuit);
    else if (isWell) {
      circuit.successes += 1;
      if (circuit.successes >= this.#limits().successes) this.#close(name, circuit);
    }
  }

  /** A copy that goes its own way, on a clock that continues this one's, and tells nobody. */
  fork(clock: Pick<Clock, 'monotonic'>): Breakers {
    const copy = new Breakers({ clock, limits: this.#parts.limits });
    copy.#token = this.#token;
    for (const [name, circuit] of this.#circuits) {
      const count = new ConsecutiveBreaker(circuit.threshold);
      count.state = circuit.count.state;
      copy.#circuits.set(name, { ...circuit, count });
    }
    return copy;
  }

  #count(name: string, circuit: Circuit, isWell: boolean | null): void {
    if (isWell === null || this.#areOff()) return;
    this.#adjust(circuit);
    if (isWell) circuit.count.success();
    else if (circuit.count.failure()) this.#open(name, circuit);
  }

  /** A limit that has changed counts at once, with the failures so far. */
  #adjust(circuit: Circuit): void {
    const { failures } = this.#limits();
    if (circuit.threshold === failures) return;
    const { state } = circuit.count;
    circuit.threshold = failures;
    circuit.count = new ConsecutiveBreaker(failures);
    circuit.count.state = state;
  }

  #open(name: string, circuit: Circuit): void {
    circuit.openedAt = this.#parts.clock.monotonic();
    this.#move(name, circuit, 'open');
  }

  #close(name: string, circuit: Circuit): void {
    circuit.count.success();
    this.#move(name, circuit, 'closed');
  }

  #move(name: string, circuit: Circuit, state: BreakerState): void {
    circuit.state = state;
    this.#parts.onChange?.(name, state);
  }

  #areOff(): boolean {
    return this.#limits().failures === 0;
  }

  #limits(): Required<BreakerLimits> {
    return { ...usualBreaker, ...this.#parts.limits() };
  }

  #circuit(name: string): Circuit {
    let circuit = this.#circuits.get(name);
    if (!circuit) {
      const { failures } = this.#limits();
      const count = new ConsecutiveBreaker(failures);
      const fresh = { openedAt: 0, successes: 0, probe: null };
      circuit = { state: 'closed', count, threshold: failures, ...fresh };
      this.#circuits.set(name, circuit);
    }
    return circuit;
  }
}
