import assert from 'node:assert/strict';
import { purseName } from '../../../core/engine/limits/purse.ts';
import { type PurseState, Warnings, warningEntry } from '../../../core/engine/limits/warnings.ts';

const period = '2026-06-30';
const name = (scope: string, day = period) => purseName({ tenantId: 1, scope, period: day });
const purse = (used: number, limitMicroUsd = 100): PurseState => ({
  limitMicroUsd,
  reservedMicroUsd: 30,
  settledMicroUsd: used - 30,
});

describe('the warning about a budget', () => {
  const purses = new Map<string, PurseState>();
  const stateOf = (each: string) => purses.get(each) ?? null;
  beforeEach(() => purses.clear());

  it('comes when settled and reserved reach the mark, and once', () => {
    const warnings = new Warnings(0.8);
    purses.set(name('tenant'), purse(79));
    assert.deepEqual(warnings.passed([name('tenant')], stateOf), []);

    purses.set(name('tenant'), purse(80));
    const [warning, ...others] = warnings.passed([name('tenant')], stateOf);

    assert.deepEqual(others, []);
    assert.deepEqual(warning, {
      tenantId: 1,
      scope: 'tenant',
      period,
      limitMicroUsd: 100,
      share: 0.8,
    });
    assert.deepEqual(warningEntry(warning as never), {
      kind: 'budget.warned',
      data: { scope: 'tenant', share: 0.8, limitMicroUsd: 100 },
    });
    purses.set(name('tenant'), purse(90));
    assert.deepEqual(warnings.passed([name('tenant')], stateOf), []);
  });

  it('comes again the next day, and of each scope', () => {
    const warnings = new Warnings(0.5);
    for (const each of [name('tenant'), name('module:a'), name('tenant', '2026-07-01')])
      purses.set(each, purse(60));

    const scopes = (names: readonly string[]) =>
      warnings.passed(names, stateOf).map((each) => `${each.period} ${each.scope}`);

    assert.deepEqual(scopes([name('tenant'), name('module:a')]), [
      '2026-06-30 tenant',
      '2026-06-30 module:a',
    ]);
    assert.deepEqual(scopes([name('tenant', '2026-07-01')]), ['2026-07-01 tenant']);
    assert.deepEqual(scopes([name('tenant', '2026-07-01')]), []);
  });

  it('comes again when telling of it has failed, and not when somebody else has told', () => {
    const warnings = new Warnings();
    const tenant = { tenantId: 1, scope: 'tenant', period };
    purses.set(name('tenant'), purse(90));

    warnings.notice(tenant);
    assert.deepEqual(warnings.passed([name('tenant')], stateOf), []);
    warnings.forget(tenant);
    assert.equal(warnings.passed([name('tenant')], stateOf).length, 1);
  });

  it('is about shared purses that are known, and not about one that nothing was spent of', () => {
    const warnings = new Warnings();
    purses.set('run:1', purse(100));
    purses.set(name('module:a'), { limitMicroUsd: 0, reservedMicroUsd: 0, settledMicroUsd: 0 });

    assert.deepEqual(warnings.passed(['run:1', name('module:a'), name('gone')], stateOf), []);
  });

  it('is about 80 % where nothing else is configured, and about all of a budget when that is', () => {
    purses.set(name('tenant'), purse(80));
    assert.equal(new Warnings().passed([name('tenant')], stateOf).length, 1);
    assert.equal(new Warnings(1).passed([name('tenant')], stateOf).length, 0);
    purses.set(name('tenant'), purse(100));
    assert.equal(new Warnings(1).passed([name('tenant')], stateOf).length, 1);
  });
});
