import assert from 'node:assert/strict';
import fc from 'fast-check';
import { limitsOf } from '../../../core/engine/limits/gate-limits.ts';
import { type Permit, Permits } from '../../../core/engine/limits/permits.ts';
import { verifies } from '../../support/verifies.ts';

const call = (inputTokens = 0, outputTokens = 0) => ({ inputTokens, outputTokens });

function permitsOf(config: Parameters<typeof limitsOf>[0]): Permits {
  return new Permits({ limitsOf: limitsOf(config) });
}

describe('Permits', () => {
  it('bounds the calls at the same time, and each model has its own bound', () => {
    verifies('R6.concurrent', 'R6.per-model');
    const permits = permitsOf({
      modelLimits: { large: { concurrency: 2 }, small: { concurrency: 1 } },
    });
    const large = ['model:large', 'tenant:1', 'module:finance'];
    const small = ['model:small', 'tenant:1', 'module:finance'];
    const first = permits.take(large, call(10), 0);
    permits.take(large, call(10), 0);

    assert.deepEqual(permits.blocker(large, call(10), 0), {
      blocker: 'model_concurrency',
      gate: 'model:large',
    });
    assert.equal(permits.waitMs(large, call(10), 0), null);
    assert.equal(permits.blocker(small, call(10), 0), null);
    permits.settle(first, call(10), 5);
    assert.equal(permits.blocker(large, call(10), 5), null);
  });

  it('finds each side’s own limits, those of an account of its own, and the same ones for rehearsals', () => {
    const limits = limitsOf({
      modelLimits: { 'gpt-5': { burst: 1 }, 'gpt-5@azure.example': { burst: 2 } },
      tenantLimit: { burst: 3 },
      moduleLimits: { finance: { burst: 4 } },
      toolLimits: { 'finance.hold.place': { requestsPerMinute: 5 } },
      erpLimit: { requestsPerMinute: 6 },
    });

    assert.deepEqual(
      ['model:gpt-5', 'model:gpt-5@other', 'model:gpt-5@azure.example'].map(limits),
      [{ burst: 1 }, { burst: 1 }, { burst: 2 }],
    );
    assert.deepEqual(limits('tenant:7'), { burst: 3 });
    assert.deepEqual(limits('simulated module:finance'), { burst: 4 });
    assert.deepEqual(limits('tool:finance.hold.place'), { requestsPerMinute: 5 });
    assert.deepEqual(limits('erp:7'), { requestsPerMinute: 6 });
    assert.deepEqual(limits('module:hr'), {});
  });

  it('lets a call pass all of its gates, or takes nothing', () => {
    verifies('R6.tiers');
    const names = ['model:large', 'tenant:1', 'module:finance'];
    const concurrency = fc.integer({ min: 1, max: 4 });
    const acts = fc.array(
      fc.record({ names: fc.subarray(names, { minLength: 1 }), ends: fc.nat(8) }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(fc.tuple(concurrency, concurrency, concurrency), acts, (most, calls) => {
        const [large, tenant, module] = most;
        const permits = permitsOf({
          modelLimits: { large: { concurrency: large } },
          tenantLimit: { concurrency: tenant },
          moduleLimits: { finance: { concurrency: module } },
        });
        let open: { permit: Permit; names: readonly string[]; ends: number }[] = [];
        calls.forEach((each, at) => {
          for (const { permit } of open.filter(({ ends }) => ends <= at))
            permits.settle(permit, call(), at);
          open = open.filter(({ ends }) => ends > at);
          const held = (name: string) => open.filter((one) => one.names.includes(name)).length;
          const full = each.names.find(
            (name) => held(name) >= (most[names.indexOf(name)] as number),
          );

          const blocked = permits.blocker(each.names, call(), at);

          assert.equal(blocked?.gate, full);
          if (blocked) return;
          const permit = permits.take(each.names, call(), at);
          open.push({ permit, names: each.names, ends: at + 1 + each.ends });
        });
      }),
      { numRuns: 200 },
    );
  });

  it('keeps rehearsals apart from what is real', () => {
    const permits = permitsOf({ modelLimits: { large: { requestsPerMinute: 1 } } });
    permits.take(['model:large'], call(), 0);

    assert.equal(permits.blocker(['simulated model:large'], call(), 0), null);
    permits.take(['simulated model:large'], call(), 0);
    assert.equal(permits.blocker(['simulated model:large'], call(), 0)?.blocker, 'model_requests');
    assert.deepEqual(
      permits.shared.map(([name]) => name),
      ['model:large'],
    );
  });

  it('leaves a model without limits to its provider', () => {
    const permits = permitsOf({});
    const names = ['model:any', 'tenant:1', 'module:hr'];
    for (let each = 0; each < 1_000; each += 1) permits.take(names, call(1_000_000), 0);

    assert.equal(permits.blocker(names, call(1_000_000), 0), null);
  });

  it('forks into a copy whose calls nobody else sees', () => {
    const permits = permitsOf({ tenantLimit: { requestsPerMinute: 2 } });
    permits.take(['tenant:1'], call(), 0);

    const copy = permits.fork();
    copy.take(['tenant:1'], call(), 0);
    copy.take(['tenant:2'], call(), 0);

    assert.equal(copy.blocker(['tenant:1'], call(), 0)?.blocker, 'model_requests');
    assert.equal(permits.blocker(['tenant:1'], call(), 0), null);
    assert.deepEqual(Object.keys(permits.stats(0)), ['tenant:1']);
  });
});
