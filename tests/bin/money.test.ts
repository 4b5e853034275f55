import assert from 'node:assert/strict';
import type { CostView } from '../../core/engine/costs/costs.ts';
import type { SavingView } from '../../core/engine/costs/savings.ts';
import type { BudgetsView, BudgetView } from '../../core/engine/limits/budgets.ts';
import type { LimitsView } from '../../core/engine/limits/limits-view.ts';
import { periodOf } from '../../core/engine/limits/purse.ts';
import { LedgerRows } from '../support/ledger.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('the commands on money', function () {
  this.timeout(180_000);
  const lab = useCli(fixtureConfig('model'));
  const { tutti } = lab;
  let day: string;
  /** Midnight may come in the middle of a test. */
  let next: string;

  before(async () => {
    const rows = new LedgerRows(lab.fresh.database);
    const tenantId = await rows.tenant('ours');
    const run = await rows.run(tenantId, 'lab.ask');
    await rows.step(tenantId, run, { id: 1, agent: 'lab.asker', wait: 'budget' });
    const call = { tenantId, run, step: 1, model: 'house', bound: 40_000, data: {} };
    const tokens = { input: 1_200, cachedInput: 1_000, cacheWrite: 0, output: 30, reasoning: 7 };
    const at = new Date();
    [day, next] = [periodOf(at.getTime()), periodOf(at.getTime() + 86_400_000)];
    const real = { ...call, at, tokens, simulated: false, batch: false };
    await rows.call({ ...real, seq: 1, state: 'settled', cost: 20_000 });
    await rows.call({ ...real, seq: 2, state: 'settled', cost: 30_000, batch: true });
    await rows.call({ ...real, seq: 3, state: 'estimated', cost: 40_000, tokens: null });
    await rows.call({ ...real, seq: 4, state: 'reserved', cost: null, tokens: null });
    await rows.call({ ...real, seq: 5, state: 'settled', cost: 70_000, simulated: true });
    const purse = { tenantId, scope: 'tenant', limit: 100_000, reserved: 5_000, settled: 90_000 };
    for (const period of [day, next]) await rows.purse({ ...purse, period });
  });

  it('say by agent where a cheaper model would have done', async () => {
    verifies('R7.saving');
    const [shown, printed, wrong] = await Promise.all([
      tutti('costs', '--saving'),
      tutti('costs', '--saving', '--days', '2', '--json'),
      tutti('costs', '--saving', '--by', 'day'),
    ]);

    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^No agent has asked a model in the last 30 days\.$/m);
    assert.equal((JSON.parse(printed.stdout) as SavingView).days, 2);
    assert.match(wrong.stderr, /^INPUT_INVALID: tutti costs --saving goes by agent/m);
  });

  it('add up what models cost, with what is estimated, under way, in batches and simulated apart', async () => {
    verifies('R7.per-run', 'R7.trend');
    const [shown, byDay, printed, simulated] = await Promise.all([
      tutti('costs'),
      tutti('costs', '--by', 'day', '--days', '2'),
      tutti('costs', '--by', 'agent', '--json'),
      tutti('costs', '--simulated'),
    ]);

    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^3 model calls in the last 7 days \(UTC\): \$0\.09\.\n/);
    assert.match(
      shown.stdout,
      /^ {2}\$0\.04 of it is taken at the upper bound: the usage of 1 call/m,
    );
    assert.match(shown.stdout, /^ {2}\$0\.03 of it for 1 call in batches\.$/m);
    assert.match(shown.stdout, /^ {2}Not in it: \$0\.04 reserved for 1 call under way\.$/m);
    assert.match(shown.stdout, /^ {2}Not in it: 1 simulated call of rehearsals for \$0\.07;/m);
    assert.match(shown.stdout, /^house +3 +2,400 +2,000 +0 +60 +14 +\$0\.09$/m);
    assert.match(shown.stdout, /^all +3 +2,400 /m);
    assert.match(byDay.stdout, new RegExp(`^${day} .* \\$0\\.09 +\\+\\$0\\.09$`, 'm'));
    const view = JSON.parse(printed.stdout) as CostView;
    assert.deepEqual(
      [view.by, view.rows[0]?.name, view.total.costMicroUsd],
      ['agent', 'lab.asker', 90_000],
    );
    assert.match(
      simulated.stdout,
      /^1 simulated model call in .*: \$0\.07\.\n {2}Not in it: 3 real calls/,
    );
  });

  it('show, set and take back budgets, and who waits for money', async () => {
    verifies('R7.budget', 'R7.on-budget');
    const listed = await tutti('budgets');
    const set = await tutti('budgets', 'set', 'tenant', '0.5');
    const settings = await tutti('settings');
    const printed = await tutti('budgets', '--json');
    const unset = await tutti('budgets', 'unset', 'tenant', '--json');

    assert.equal(listed.code, 0, listed.stderr);
    assert.match(
      listed.stdout,
      new RegExp(`^Budgets of (${day}|${next}) \\(UTC\\); a warning is recorded at 80 %`),
    );
    assert.match(
      listed.stdout,
      /^tenant +\$0\.10 +configuration +\$0\.005 +\$0\.09 +\$0\.005 +95 % +1$/m,
    );
    assert.match(
      listed.stdout,
      /^module:lab +\$0\.10 +as tenant +\$0\.00 +\$0\.00 +\$0\.10 +0 % +1$/m,
    );
    assert.match(
      listed.stdout,
      /^1 step waits for money; raise .*: tutti budgets set SCOPE USD_PER_DAY\n {2}\S+ {2}node1 {2}lab\.asker$/m,
    );
    assert.equal(set.stdout, 'tenant: $0.50 a day (setting), $0.405 of it left today.\n');
    assert.match(settings.stdout, /^budget:tenant +set by cli:.* 500000$/m);
    const { items } = JSON.parse(printed.stdout) as BudgetsView;
    assert.deepEqual(
      items.map((each) => each.limitMicroUsd),
      [500_000, 500_000, 500_000],
    );
    const back = JSON.parse(unset.stdout) as BudgetView;
    assert.deepEqual([back.limitMicroUsd, back.source], [100_000, 'configuration']);
  });

  it('show limits beside what the ledger says is used, and say so', async () => {
    verifies('R11.limit-status');
    const [shown, printed] = await Promise.all([tutti('limits'), tutti('limits', '--json')]);

    assert.match(shown.stdout, /^From the ledger, over all engines: /);
    assert.match(shown.stdout, /^house +\d +4 +4 +\S+ +\S+ +\S+ +1 of 3 +\d$/m);
    assert.match(shown.stdout, /^4 calls and 2,460 tokens in the last 24 hours: \$0\.09\.$/m);
    const { source, models } = JSON.parse(printed.stdout) as LimitsView;
    assert.deepEqual([source, models[0]?.rpdUsed, models[0]?.concurrencyLimit], ['ledger', 4, 3]);
  });

  it('refuse what is wrong in one line, and end with 2', async () => {
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [
        /^INPUT_INVALID: tutti costs adds up by model, .* not by 'colour'/,
        ['costs', '--by', 'colour'],
      ],
      [/^INPUT_INVALID: .*whole number from 1 to 365/, ['costs', '--days', '0']],
      [/^INPUT_INVALID: 'much' is no amount of USD/, ['budgets', 'set', 'tenant', 'much']],
      [/^INPUT_INVALID: tutti budgets takes nothing/, ['budgets', 'set', 'tenant']],
      [/^INPUT_INVALID: tutti budgets takes nothing/, ['budgets', 'unset', 'tenant', '1']],
      [/^INPUT_INVALID: tutti budgets takes nothing/, ['budgets', 'raise', 'tenant', '1']],
      [
        /^SETTING_UNKNOWN: There is no budget 'module:x'; see: tutti budgets/,
        ['budgets', 'unset', 'module:x'],
      ],
    ];
    const ends = await Promise.all(wrong.map(([, args]) => tutti(...args)));
    ends.forEach(({ code, stdout, stderr }, index) => {
      assert.match(stderr, wrong[index]?.[0] as RegExp);
      assert.deepEqual([code, stdout], [2, '']);
    });
  });
});
