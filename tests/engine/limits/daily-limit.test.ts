import assert from 'node:assert/strict';
import {
  dailyLimit,
  dailyLimitMicroUsd,
  readUsd,
} from '../../../core/engine/limits/daily-limit.ts';

const unset = () => undefined;
const setOf = (limits: Readonly<Record<string, number>>) => (scope: string) => limits[scope];

describe('the daily limit of a scope', () => {
  it('is what was set, else what is configured, else the tenant’s, else 50 USD', () => {
    const budgets = { tenantDailyMicroUsd: 900, moduleDailyMicroUsd: { hr: 300 } };
    const cases: readonly (readonly [string, object, Record<string, number>, number, string])[] = [
      ['tenant', {}, {}, 50_000_000, 'default'],
      ['tenant', budgets, {}, 900, 'configuration'],
      ['tenant', budgets, { tenant: 5 }, 5, 'setting'],
      ['module:hr', budgets, {}, 300, 'configuration'],
      ['module:hr', budgets, { 'module:hr': 0 }, 0, 'setting'],
      ['module:finance', budgets, {}, 900, 'tenant'],
      ['module:finance', budgets, { tenant: 5 }, 5, 'tenant'],
      ['workflow:hr', budgets, {}, 900, 'tenant'],
      ['module:constructor', budgets, {}, 900, 'tenant'],
      ['workflow:lab.ask', { workflowDailyMicroUsd: { 'lab.ask': 7 } }, {}, 7, 'configuration'],
    ];
    for (const [scope, configured, set, microUsd, source] of cases)
      assert.deepEqual(dailyLimit(scope, configured, setOf(set)), { microUsd, source }, scope);
  });

  it('is the same for a rehearsal', () => {
    const budgets = { moduleDailyMicroUsd: { hr: 300 } };
    assert.equal(dailyLimitMicroUsd('simulated module:hr', budgets, unset), 300);
    assert.equal(dailyLimitMicroUsd('simulated tenant', {}, setOf({ tenant: 4 })), 4);
  });
});

describe('an amount of USD', () => {
  it('is read as exact micro-USD', () => {
    const amounts: readonly (readonly [string, number])[] = [
      ['0', 0],
      ['12.5', 12_500_000],
      ['0.000001', 1],
      ['4.35', 4_350_000],
      ['1000000000', 1_000_000_000_000_000],
      ['999999999.999999', 999_999_999_999_999],
    ];
    for (const [text, microUsd] of amounts) assert.equal(readUsd(text), microUsd, text);
  });

  it('is refused when it is none, is finer than a micro-USD or larger than any budget', () => {
    for (const text of [
      '',
      '-1',
      '1e3',
      '1.',
      '.5',
      '1,5',
      '$1',
      '0.0000001',
      '1000000000.1',
      '9'.repeat(30),
    ])
      assert.throws(() => readUsd(text), { code: 'INPUT_INVALID' }, text);
  });
});
