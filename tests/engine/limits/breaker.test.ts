import assert from 'node:assert/strict';
import fc from 'fast-check';
import { errorCodes } from '../../../core/base/errors.ts';
import { type BreakerState, Breakers, healthOf } from '../../../core/engine/limits/breaker.ts';
import type { BreakerLimits } from '../../../core/ports/config.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const name = 'model:m';

function lab(limits: BreakerLimits = {}) {
  const clock = new FakeClock();
  const changes: string[] = [];
  let now = limits;
  const breakers = new Breakers({
    clock,
    limits: () => now,
    onChange: (each, state) => changes.push(`${each} ${state}`),
  });
  return {
    clock,
    changes,
    breakers,
    set: (next: BreakerLimits) => {
      now = next;
    },
    fail: (times: number) => {
      for (let time = 0; time < times; time += 1) breakers.report(name, false);
    },
    /** One call, if it is let through. */
    call(isWell: boolean | null): 'refused' | 'called' {
      if (breakers.refusal(name)) return 'refused';
      breakers.report(name, isWell, breakers.begin(name));
      return 'called';
    },
  };
}

describe('a breaker', () => {
  it('opens after five failures in a row, is probed after a minute, and closes after three successes', () => {
    verifies('R8.breaker');
    const { breakers, changes, clock, call } = lab();

    for (const isWell of [false, false, false, false, true]) call(isWell);
    for (let failure = 0; failure < 4; failure += 1) call(false);
    assert.equal(breakers.refusal(name), null);
    call(false);
    assert.deepEqual(breakers.refusal(name), { untilMs: 60_000 });
    clock.pass(59_999);
    assert.equal(call(true), 'refused');
    clock.pass(1);
    assert.deepEqual([call(true), call(true)], ['called', 'called']);
    assert.deepEqual(breakers.open, [{ name, state: 'half_open' }]);
    call(true);

    assert.deepEqual(breakers.open, []);
    assert.deepEqual(changes, [`${name} open`, `${name} half_open`, `${name} closed`]);
  });

  it('lets one probe through at a time, and opens again when it fails', () => {
    const { breakers, changes, clock, fail } = lab();
    fail(5);
    clock.pass(60_000);

    const probe = breakers.begin(name);
    assert.deepEqual(breakers.refusal(name), { untilMs: null });
    breakers.report(name, false, probe);

    assert.deepEqual(breakers.refusal(name), { untilMs: 60_000 });
    assert.deepEqual(changes, [`${name} open`, `${name} half_open`, `${name} open`]);
  });

  it('needs its successes in a row: a failed probe takes back those before', () => {
    const { breakers, clock, call, fail } = lab();
    fail(5);
    for (const isWell of [true, true, false]) {
      clock.pass(60_000);
      call(isWell);
    }
    clock.pass(60_000);
    call(true);
    call(true);

    assert.equal(breakers.open[0]?.state, 'half_open');
    call(true);
    assert.deepEqual(breakers.open, []);
  });

  it('is not moved by calls that began before it opened', () => {
    const { breakers, clock, fail } = lab();
    fail(5);
    clock.pass(30_000);
    breakers.report(name, true);
    breakers.report(name, false);
    assert.deepEqual(breakers.refusal(name), { untilMs: 30_000 });
    clock.pass(30_000);
    const probe = breakers.begin(name);
    for (let late = 0; late < 3; late += 1) breakers.report(name, true);
    breakers.report(name, false);
    breakers.report(name, true, probe);
    breakers.report(name, true, probe);

    assert.deepEqual(breakers.open, [{ name, state: 'half_open' }]);
  });

  it('lets the next probe go when one says nothing, or is never heard of again', () => {
    const { breakers, clock, call, fail } = lab();
    fail(5);
    clock.pass(60_000);
    assert.equal(call(null), 'called');
    assert.equal(breakers.refusal(name), null);
    breakers.begin(name);
    clock.pass(599_999);
    assert.deepEqual(breakers.refusal(name), { untilMs: null });
    clock.pass(1);

    assert.equal(breakers.refusal(name), null);
  });

  it('follows limits that change while it runs', () => {
    verifies('R8.strategy-change');
    const { breakers, clock, fail, set } = lab({ failures: 10 });
    fail(4);
    set({ failures: 5, probeMs: 1_000 });
    fail(1);
    assert.deepEqual(breakers.refusal(name), { untilMs: 1_000 });
    set({ failures: 5, probeMs: 5_000 });
    assert.deepEqual(breakers.refusal(name), { untilMs: 5_000 });
    set({ failures: 0 });
    assert.equal(breakers.refusal(name), null);
    assert.equal(breakers.begin(name), null);
    set({});
    clock.pass(59_000);

    assert.deepEqual(breakers.refusal(name), { untilMs: 1_000 });
  });

  it('never opens where it is switched off', () => {
    const { breakers, fail } = lab({ failures: 0 });
    fail(100);

    assert.equal(breakers.refusal(name), null);
  });

  it('concerns nobody but its own name', () => {
    const { breakers, fail } = lab();
    fail(5);

    assert.equal(breakers.refusal('erp'), null);
  });

  it('moves as its states say, for every order of calls, ends and pauses', () => {
    verifies('R8.breaker');
    const acts = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('begin' as const) }),
        fc.record({ kind: fc.constant('end' as const), isWell: fc.boolean() }),
        fc.record({ kind: fc.constant('silent' as const) }),
        fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(90_000) }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(acts, (list) => {
        const clock = new FakeClock();
        let state: BreakerState = 'closed';
        let openedAt = 0;
        let failures = 0;
        let successes = 0;
        const breakers = new Breakers({
          clock,
          limits: () => ({}),
          onChange: (_name, next) => {
            const from: BreakerState = state;
            if (from === 'closed') assert.deepEqual([next, failures], ['open', 5]);
            else if (from === 'open') {
              assert.equal(next, 'half_open');
              assert.ok(clock.monotonic() - openedAt >= 60_000);
            } else if (next === 'closed') assert.equal(successes, 3);
            if (next === 'open') openedAt = clock.monotonic();
            if (next === 'closed') failures = 0;
            if (next !== 'half_open') successes = 0;
            state = next;
          },
        });
        const calls: (number | null)[] = [];
        let last = { probe: -1, at: 0 };
        for (const act of list) {
          if (act.kind === 'pass') clock.pass(act.ms);
          else if (act.kind === 'begin') {
            if (breakers.refusal(name)) continue;
            const probes = calls.filter((probe) => probe !== null).length;
            const probe = breakers.begin(name);
            assert.equal(probe === null, state === 'closed');
            if (probe !== null) {
              const isAlone = probes === 0 || !calls.includes(last.probe);
              assert.ok(isAlone || clock.monotonic() - last.at >= 600_000);
              last = { probe, at: clock.monotonic() };
            }
            calls.push(probe);
          } else {
            const probe = calls.shift();
            if (probe === undefined) continue;
            const isWell = act.kind === 'silent' ? null : act.isWell;
            if (state === 'closed' && isWell !== null) failures = isWell ? 0 : failures + 1;
            if (probe === last.probe && isWell) successes += 1;
            breakers.report(name, isWell, probe);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the end of a call', () => {
  it('says that the other side is ill only when it did not answer', () => {
    const ill = errorCodes.filter((code) => healthOf({ code }) === false);

    assert.deepEqual(ill.sort(), ['ERP_UNAVAILABLE', 'ERP_UNCERTAIN', 'MODEL_UNAVAILABLE']);
    assert.equal(healthOf(null), true);
    for (const code of ['MODEL_REFUSED', 'MODEL_REPLY_INVALID', 'ERP_REJECTED'] as const)
      assert.equal(healthOf({ code }), true, code);
    for (const code of ['MODEL_RATE_LIMITED', 'CANCELLED', 'LANE_LOST', 'AGENT_TIMEOUT'] as const)
      assert.equal(healthOf({ code }), null, code);
  });
});
