import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const scheduler = 'tests/engine/schedule/scheduler.test.ts';
const others = 'tests/engine/limits/budget-others.test.ts';

/** Bugs of what may start: scheduler, permits, budgets. */
export const admission: readonly Mutant[] = [
  {
    id: 'one-too-many-of-a-module',
    file: 'core/engine/schedule/scheduler.ts',
    find: `>= this.#limits.perModule) return 'module'`,
    replace: `> this.#limits.perModule) return 'module'`,
    tests: [world, scheduler],
  },
  {
    id: 'one-too-many-of-a-run',
    file: 'core/engine/schedule/scheduler.ts',
    find: `>= runLimit) return 'run'`,
    replace: `> runLimit) return 'run'`,
    tests: [world, scheduler],
  },
  {
    id: 'a-runs-own-limit-forgotten',
    file: 'core/engine/schedule/scheduler.ts',
    find: 'this.#runLimits.set(run, limit);',
    replace: '',
    tests: [world],
  },
  {
    id: 'age-does-not-count',
    file: 'core/engine/schedule/heads.ts',
    find: 'Math.floor(agedPriority(item) + this.#now / ageStepMs);',
    replace: 'item.priority + 0 * agedPriority(item) + 0 * (this.#now / ageStepMs);',
    tests: [world, scheduler],
  },
  {
    id: 'lowest-first-in-the-heap',
    file: 'core/engine/schedule/ready.ts',
    find: 'return difference === 0 ? a.order < b.order : difference > 0;',
    replace: 'return difference === 0 ? a.order < b.order : difference < 0;',
    tests: [world, scheduler],
  },
  {
    id: 'most-served-module-first',
    file: 'core/engine/schedule/heads.ts',
    find: 'if (a.served !== b.served) return a.served < b.served;',
    replace: 'if (a.served !== b.served) return a.served > b.served;',
    tests: [scheduler],
  },
  {
    id: 'passed-over-for-nobody',
    file: 'core/engine/schedule/keepers.ts',
    find: 'isMissed ||= this.#missed.has(name);',
    replace: '',
    tests: ['tests/engine/schedule/blockers.test.ts', 'tests/engine/schedule/forecast.test.ts'],
  },
  {
    id: 'window-forgets-a-quantum-early',
    file: 'core/engine/limits/window.ts',
    find: 'new Array<number>(quanta + 1).fill(0)',
    replace: 'new Array<number>(quanta).fill(0)',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'window-below-its-limit',
    file: 'core/engine/limits/window.ts',
    find: 'return sum + amount <= this.limit ||',
    replace: 'return sum + amount < this.limit ||',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'refund-to-the-wrong-quantum',
    file: 'core/engine/limits/window.ts',
    find: 'if (now - quantum < this.#counts.length) this.#add(Math.min(quantum, now), amount);',
    replace: 'if (now - quantum < this.#counts.length) this.#add(now, amount);',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'refund-to-a-quantum-that-is-gone',
    file: 'core/engine/limits/window.ts',
    find: 'if (now - quantum < this.#counts.length) this.#add(Math.min(quantum, now), amount);',
    replace: 'this.#add(Math.min(quantum, now), amount);',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'permit-not-given-back',
    file: 'core/engine/limits/gate.ts',
    find: 'this.#open -= 1;\n    if (passed.isHeld) this.#count',
    replace: 'if (passed.isHeld) this.#count',
    tests: [world],
  },
  {
    id: 'tokens-not-asked-for',
    file: 'core/engine/limits/gate.ts',
    find: 'if (line.tuned(now, factor, this.#part).allows(amount, now)) continue;',
    replace: `if (line.blocker === 'model_tokens' || line.tuned(now, factor, this.#part).allows(amount, now)) continue;`,
    tests: [world, 'tests/engine/limits/permits.test.ts'],
  },
  {
    id: 'settled-money-not-counted',
    file: 'core/engine/limits/budget.ts',
    find: 'purse.due.settledMicroUsd += microUsd;',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'reservation-not-given-back',
    file: 'core/engine/limits/budget.ts',
    find: 'purse.due.reservedMicroUsd -= reservation.microUsd;',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'waits-for-money-that-never-comes',
    file: 'core/engine/limits/budget.ts',
    find: 'if (left < 0) return { scope, never: true };',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'what-others-reserve-counts-as-spent',
    file: 'core/engine/limits/budget.ts',
    find: 'const row = { reservedMicroUsd, settledMicroUsd };',
    replace:
      'const row = { reservedMicroUsd: 0, settledMicroUsd: reservedMicroUsd + settledMicroUsd };',
    tests: [others, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'what-others-hold-is-not-looked-at',
    file: 'core/engine/run/purse-looks.ts',
    find: 'this.#look(run, name);',
    replace: '',
    tests: [others],
  },
  {
    id: 'what-others-hold-is-looked-at-all-the-time',
    file: 'core/engine/run/purse-looks.ts',
    find: 'this.#next.set(name, clock.monotonic() + lookMs);',
    replace: 'this.#next.set(name, clock.monotonic());',
    tests: [others],
  },
  {
    id: 'waiting-call-dropped',
    file: 'core/engine/run/turns.ts',
    find: 'if (delayMs === 0) return this.#offer(item);',
    replace: 'if (delayMs === 0) return;',
    tests: [world],
  },
  {
    id: 'lost-call-not-settled',
    file: 'core/engine/run/turns.ts',
    find: "if (call.phase === 'durable')\n      return this.#settle(",
    replace: "if (call.phase !== 'durable')\n      return this.#settle(",
    tests: [world],
  },
];
