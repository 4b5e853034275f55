import type { RateLimit } from '../../ports/config.ts';
import { Gate, type GateStats, type Passed } from './gate.ts';
import { isModelGate, isSimulated } from './gate-limits.ts';
import type { Demand, GateBlocker } from './gate-line.ts';
import { Pace } from './pace.ts';
import type { Tiers } from './tiers.ts';

/** Permission for one call, held at all its gates, to be settled or released once. */
export interface Permit {
  readonly demand: Demand;
  /** When it was granted, on the monotonic clock; once the call has left, when that was. */
  at: number;
  readonly passed: readonly (readonly [gate: string, Passed])[];
}

/** A gate that does not let a call pass, and why. */
export interface Blocked {
  readonly blocker: GateBlocker;
  readonly gate: string;
}

/** What permits are given by. */
export interface PermitParts {
  /** The limits of a gate by its name; `{}`: none. */
  readonly limitsOf: (name: string) => RateLimit;
  /** @default no limits an hour and a day */
  readonly tiers?: Pick<Tiers, 'of'> | null;
  /** 0 to 1, for jitter. @default Math.random */
  readonly random?: () => number;
}

/**
 * Joint admission: a call passes all of its gates, or it takes nothing. Gates are made when their names are first used, and hold
 * for everything that uses the name: model calls, tools and the ERP. Nothing here waits, and nobody is asked.
 */
export class Permits {
  readonly #gates = new Map<string, Gate>();
  readonly #parts: PermitParts;
  #part = 1;

  constructor(parts: PermitParts) {
    this.#parts = parts;
  }

  /** The first thing in a call's way, gate by gate in the order of `names`, or null. */
  blocker(names: readonly string[], demand: Demand, now: number): Blocked | null {
    for (const name of names) {
      const blocker = this.gate(name).blocker(demand, now);
      if (blocker !== null) return { blocker, gate: name };
    }
    return null;
  }

  /** Everything in a call's way. */
  blockers(names: readonly string[], demand: Demand, now: number): readonly Blocked[] {
    return names.flatMap((name) =>
      this.gate(name)
        .blockers(demand, now)
        .map((blocker) => ({ blocker, gate: name })),
    );
  }

  /** Grants a call that leaves at once; ask `blocker` first. */
  take(names: readonly string[], demand: Demand, now: number): Permit {
    const permit = this.admit(names, demand, now);
    this.sent(permit, now);
    return permit;
  }

  /** Grants a call of which is told when it leaves; ask `blocker` first. Until then its gates let nothing else pass in its place. */
  admit(names: readonly string[], demand: Demand, now: number): Permit {
    const passed: [string, Passed][] = [];
    for (const name of names) {
      const gate = this.gate(name);
      if (!gate.isFree) passed.push([name, gate.admit(demand, now)]);
    }
    return { demand, at: now, passed };
  }

  /** A call that was held leaves now; once for each. */
  sent(permit: Permit, now: number): void {
    permit.at = now;
    for (const [name, passed] of permit.passed) this.gate(name).sent(passed, now);
  }

  /** Ends a call that used so much. */
  settle(permit: Permit, used: Demand, now: number): void {
    for (const [name, passed] of permit.passed) this.gate(name).settle(passed, used, now);
  }

  /** Gives a permit back that was never used. */
  release(permit: Permit, now: number): void {
    for (const [name, passed] of permit.passed) this.gate(name).release(passed, now);
  }

  /** Milliseconds until a call may pass all its gates, as far as that is known; null when the end of something else will tell. */
  waitMs(names: readonly string[], demand: Demand, now: number): number | null {
    let longest = 0;
    for (const name of names) {
      const waitMs = this.gate(name).waitMs(demand, now);
      if (waitMs === null) return null;
      longest = Math.max(longest, waitMs);
    }
    return longest;
  }

  /** The gate of a name. */
  gate(name: string): Gate {
    return this.#gates.get(name) ?? this.#open(name);
  }

  /** The gates that engines share. */
  get shared(): readonly (readonly [name: string, gate: Gate])[] {
    return [...this.#gates].filter(([name, gate]) => !isSimulated(name) && !gate.isFree);
  }

  /** What part of limits this engine may use where it holds no share: 1 when it is alone. */
  holdPart(part: number): void {
    this.#part = part;
    for (const [name, gate] of this.#gates) if (!isSimulated(name)) gate.holdPart(part);
  }

  /** A deep copy that goes its own way, for looking ahead. */
  fork(): Permits {
    const copy = new Permits({ limitsOf: this.#parts.limitsOf, random: () => 0.5 });
    copy.#part = this.#part;
    for (const [name, gate] of this.#gates) copy.#gates.set(name, gate.fork());
    return copy;
  }

  /** How much of which limit is in use, by gate; gates without limits are left out. */
  stats(now: number): Readonly<Record<string, GateStats>> {
    const limited = [...this.#gates].filter(([, gate]) => !gate.isFree);
    return Object.fromEntries(limited.map(([name, gate]) => [name, gate.stats(now)]));
  }

  #open(name: string): Gate {
    const pace = isModelGate(name) ? new Pace(this.#parts.random) : null;
    const gate = new Gate(this.#parts.limitsOf(name), { pace, ...this.#tiersOf(name) });
    if (!isSimulated(name)) gate.holdPart(this.#part);
    this.#gates.set(name, gate);
    return gate;
  }

  #tiersOf(name: string): ReturnType<Tiers['of']> {
    const { tiers = null, limitsOf } = this.#parts;
    const none = { hour: null, day: null };
    return tiers?.of(name, limitsOf(name), !isSimulated(name)) ?? none;
  }
}
