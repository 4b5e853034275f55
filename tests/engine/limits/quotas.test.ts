import assert from 'node:assert/strict';
import fc from 'fast-check';
import { limitsOf } from '../../../core/engine/limits/gate-limits.ts';
import { type Permit, Permits } from '../../../core/engine/limits/permits.ts';
import { Quotas } from '../../../core/engine/limits/quotas.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

function aQuotas(concurrency = 1, clock = new FakeClock()): Quotas {
  const limits = limitsOf({
    erpLimit: { concurrency },
    toolLimits: { slow: { requestsPerMinute: 1 } },
  });
  return new Quotas(new Permits({ limitsOf: limits }), clock);
}

describe('Quotas', () => {
  it('grants at once what nothing keeps, and calls of a tool no more than it allows', () => {
    verifies('R5.tool-limit', 'R6.tool-level');
    const clock = new FakeClock();
    const quotas = aQuotas(9, clock);
    const granted: number[] = [];
    for (const call of [1, 2])
      quotas.request({
        names: ['tool:slow', 'erp:1'],
        priority: 5,
        grant: () => granted.push(call),
      });

    assert.deepEqual(granted, [1]);
    clock.pass(quotas.waitMs() as number);
    quotas.grantWaiting();
    assert.deepEqual(granted, [1, 2]);
    assert.equal(quotas.waitMs(), null);
  });

  it('serves by priority and age', () => {
    const clock = new FakeClock();
    const quotas = aQuotas(1, clock);
    const served: string[] = [];
    const ask = (name: string, priority: number) =>
      quotas.request({
        names: ['erp:1'],
        priority,
        grant: (permit) => {
          served.push(name);
          clock.after(10, () => quotas.release(permit));
        },
      });
    ask('holds it', 1);
    ask('old and low', 4);
    clock.pass(5);
    ask('low', 4);
    ask('high', 9);
    clock.pass(60);

    assert.deepEqual(served, ['holds it', 'high', 'old and low', 'low']);
  });

  it('lets a minute of waiting count as one step of priority', () => {
    const clock = new FakeClock();
    const quotas = aQuotas(1, clock);
    const served: string[] = [];
    const held: Permit[] = [];
    const ask = (name: string, priority: number) =>
      quotas.request({
        names: ['erp:1'],
        priority,
        grant: (permit) => {
          served.push(name);
          held.push(permit);
        },
      });
    ask('holds it', 1);
    ask('older', 4);
    clock.pass(60_001);
    ask('younger', 5);
    ask('youngest and urgent', 6);

    for (let each = 0; each < 3; each += 1) quotas.release(held.shift() as Permit);

    assert.deepEqual(served, ['holds it', 'youngest and urgent', 'older', 'younger']);
  });

  it('serves whose priority is raised while it waits before those that came earlier', () => {
    const quotas = aQuotas();
    const served: string[] = [];
    const held: Permit[] = [];
    const ask = (name: string, of: { priority: number }) =>
      quotas.request({
        names: ['erp:1'],
        get priority() {
          return of.priority;
        },
        grant: (permit) => {
          served.push(name);
          held.push(permit);
        },
      });
    const raised = { priority: 2 };
    ask('holds it', { priority: 5 });
    ask('earlier', { priority: 5 });
    ask('raised', raised);

    raised.priority = 8;
    for (let each = 0; each < 2; each += 1) quotas.release(held.shift() as Permit);

    assert.deepEqual(served, ['holds it', 'raised', 'earlier']);
  });

  it('tells nobody who took the question back, even while others are told', () => {
    const clock = new FakeClock();
    const limits = limitsOf({ erpLimit: { requestsPerMinute: 2, concurrency: 4 } });
    const quotas = new Quotas(new Permits({ limitsOf: limits }), clock);
    const told: string[] = [];
    let takeBack = () => {};
    const ask = (name: string, then = () => {}) =>
      quotas.request({
        names: ['erp:1'],
        priority: 5,
        grant: () => {
          told.push(name);
          then();
        },
      });
    ask('early');
    ask('early');
    ask('first', () => takeBack());
    takeBack = ask('second');
    clock.pass(62_000);

    quotas.grantWaiting();

    assert.deepEqual(told, ['early', 'early', 'first']);
    ask('in its place');
    assert.equal(told.at(-1), 'in its place');
  });

  it('leaves nobody waiting whom nothing keeps, grants each once, and nothing that was taken back', () => {
    const act = fc.record({
      kind: fc.constantFrom('ask', 'ask', 'release', 'cancel'),
      erp: fc.integer({ min: 1, max: 2 }),
      priority: fc.integer({ min: 1, max: 10 }),
      pick: fc.nat(50),
    });
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 80 }),
        fc.integer({ min: 1, max: 3 }),
        (acts, most) => {
          const quotas = aQuotas(most);
          const open: { erp: number; permit: Permit }[] = [];
          const asked: { erp: number; state: string; cancel: () => void }[] = [];
          for (const { kind, erp, priority, pick } of acts) {
            if (kind === 'ask') {
              const one = { erp, state: 'waits', cancel: () => {} };
              asked.push(one);
              one.cancel = quotas.request({
                names: [`erp:${erp}`],
                priority,
                grant: (permit) => {
                  assert.equal(one.state, 'waits');
                  one.state = 'granted';
                  open.push({ erp, permit });
                },
              });
            } else if (kind === 'release') {
              const [ended] = open.splice(pick % Math.max(1, open.length), 1);
              if (ended) quotas.release(ended.permit);
            } else {
              const waiting = asked.filter(({ state }) => state === 'waits');
              const one = waiting[pick % Math.max(1, waiting.length)];
              if (one) {
                one.state = 'cancelled';
                one.cancel();
              }
            }
            for (const each of [1, 2]) {
              const held = open.filter((one) => one.erp === each).length;
              const waits = asked.some((one) => one.erp === each && one.state === 'waits');
              assert.ok(held <= most && (!waits || held === most), `${held} of ${most}`);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
