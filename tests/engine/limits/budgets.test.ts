import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { Budget } from '../../../core/engine/limits/budget.ts';
import { Budgets } from '../../../core/engine/limits/budgets.ts';
import { periodOf, purseName } from '../../../core/engine/limits/purse.ts';
import { PurseLimits } from '../../../core/engine/limits/purse-limits.ts';
import { claimPassed, claimWarning } from '../../../core/engine/limits/purse-rows.ts';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { Settings } from '../../../core/engine/recovery/settings.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const clerk = defineAgent({
  name: 'clerk',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
});
const nightly = defineWorkflow({
  name: 'nightly',
  input: z.object({}),
  graph({ task }) {
    task({ id: 'work', agent: clerk, input: {} });
  },
});
const lab = defineModule({ name: 'lab', version: '1.0.0', agents: [clerk], workflows: [nightly] });
const registry = loadRegistry({ modules: [lab] }, []);
const parts = { registry, config: { budgets: { tenantDailyMicroUsd: 1_000_000 } } };
const actor = { kind: 'person', id: 'anna' } as const;

describe('budgets', () => {
  let fresh: FreshDatabase;
  let rows: LedgerRows;
  let budgets: Budgets;
  /** Midnight may come in the middle of a test: what is about today itself is told when that is. */
  const now = new Date();
  const [today, tomorrow, later] = [0, 1, 2].map((days) =>
    periodOf(now.getTime() + days * 86_400_000),
  ) as [string, string, string];

  before(async () => {
    fresh = await freshDatabase();
    rows = new LedgerRows(fresh.database);
    budgets = new Budgets(fresh.database, parts);
  });
  after(function () {
    return fresh.drop(this);
  });

  const engine = () => fresh.database.kysely('tutti_engine');

  it('list the purses of the day with what is left, those that nothing was spent of, too', async () => {
    verifies('R7.budget');
    const tenantId = await rows.tenant('list');
    const mine = { tenantId, period: today, limit: 1_000_000 };
    await rows.purse({ ...mine, scope: 'tenant', reserved: 100_000, settled: 700_000 });
    await rows.purse({ ...mine, scope: 'module:gone', settled: 1_500_000 });
    await rows.purse({ ...mine, scope: 'simulated tenant', settled: 9 });
    await rows.purse({ ...mine, scope: 'module:lab', period: '2026-01-01', settled: 9 });
    await rows.purse({ ...mine, tenantId: await rows.tenant('other'), scope: 'module:other' });

    const { items, period, warnAt } = await budgets.list(tenantId, { now });
    const simulated = await budgets.list(tenantId, { simulated: true, now });

    assert.deepEqual([period, warnAt], [today, 0.8]);
    assert.deepEqual(
      items.map((each) => [each.scope, each.source, each.freeMicroUsd, each.share]),
      [
        ['tenant', 'configuration', 200_000, 0.8],
        ['module:lab', 'tenant', 1_000_000, 0],
        ['workflow:nightly', 'tenant', 1_000_000, 0],
        ['module:gone', 'tenant', 0, 1.5],
      ],
    );
    assert.equal(simulated.items[0]?.settledMicroUsd, 9);
  });

  it('name the steps that wait for money, and the purses that they wait for', async () => {
    verifies('R7.on-budget');
    const tenantId = await rows.tenant('waiting');
    const run = await rows.run(tenantId, 'nightly');
    await rows.step(tenantId, run, { id: 1, agent: 'lab.clerk', wait: 'budget' });
    await rows.step(tenantId, run, { id: 2, agent: 'lab.clerk' });
    const ended = await rows.run(tenantId, 'nightly', { endedAt: new Date() });
    await rows.step(tenantId, ended, { id: 1, agent: 'lab.clerk', wait: 'budget' });

    const { items, waiting } = await budgets.list(tenantId);

    assert.deepEqual(waiting, [
      { runId: run, workflow: 'nightly', step: 'node1', module: 'lab', agent: 'lab.clerk' },
    ]);
    assert.deepEqual(
      items.map((each) => each.waiting),
      [1, 1, 1],
    );
  });

  it('are set and taken back in the table at once, for today and the days after', async () => {
    const tenantId = await rows.tenant('set');
    for (const period of ['2026-01-01', today, tomorrow, later])
      for (const scope of ['tenant', 'module:lab'])
        await rows.purse({ tenantId, scope, period, limit: 1_000_000, settled: 400_000 });

    const set = await budgets.set(tenantId, 'tenant', { microUsd: 300_000, actor });

    assert.deepEqual(
      [set.limitMicroUsd, set.source, set.settledMicroUsd, set.freeMicroUsd],
      [300_000, 'setting', 400_000, 0],
    );
    const limits = await rows.limits(tenantId);
    assert.deepEqual(
      ['2026-01-01', tomorrow, later].map((period) => limits.get(`tenant ${period}`)),
      [1_000_000, 300_000, 300_000],
    );
    // It has no limit of its own.
    assert.equal(limits.get(`module:lab ${tomorrow}`), 300_000);
    const unset = await budgets.unset(tenantId, 'tenant', actor);
    assert.deepEqual([unset.limitMicroUsd, unset.source], [1_000_000, 'configuration']);
    assert.equal((await rows.limits(tenantId)).get(`module:lab ${tomorrow}`), 1_000_000);
  });

  it('refuse scopes and amounts that there are not, here and as settings', async () => {
    const tenantId = await rows.tenant('refused');
    const one = { microUsd: 1, actor };
    for (const scope of ['module:gone', 'tenants', '', 'run:1', 'simulated tenant'])
      await assert.rejects(budgets.set(tenantId, scope, one), {
        code: 'SETTING_UNKNOWN',
        message: /see: tutti budgets/,
      });
    const settings = new SettingStore(fresh.database, parts);
    for (const value of [-1, 1.5, '5', null, 1e16])
      await assert.rejects(settings.put(tenantId, 'budget:module:lab', { value, actor }), {
        code: 'INPUT_INVALID',
      });
    const { value, source } = await settings.get(tenantId, 'budget:module:lab');
    assert.deepEqual([value, source], [null, 'default']);
  });

  it('that are changed move in the memory of an engine that runs, and break no reservation', async () => {
    const tenantId = await rows.tenant('engine');
    const settings = new Settings(fresh.database, parts);
    const budget = new Budget();
    const limits = new PurseLimits({
      ...{ database: fresh.database, budget, settings },
      budgets: parts.config.budgets,
    });
    await settings.refresh();
    await limits.follow(now.getTime());
    const purse = purseName({ tenantId, scope: 'module:lab', period: tomorrow });
    await rows.purse({ tenantId, scope: 'module:lab', period: tomorrow, limit: 1_000_000 });
    budget.open(purse, limits.of(tenantId, 'module:lab'));
    const held = budget.reserve([purse], 600_000);

    await budgets.set(tenantId, 'module:lab', { microUsd: 500_000, actor });
    assert.equal(budget.left(purse), 400_000);
    await settings.refresh();
    assert.equal(await limits.follow(now.getTime()), true);

    assert.equal(budget.left(purse), -100_000);
    assert.deepEqual(budget.blocker([purse], 1), { scope: purse, never: false });
    budget.settle(held, 200_000);
    assert.equal(budget.left(purse), 300_000);
    assert.equal(limits.of(tenantId, 'module:lab'), 500_000);
    assert.equal(await limits.follow(now.getTime()), false);
    // Not open here: adoption will, with what has been spent.
    assert.equal(budget.left(purseName({ tenantId, scope: 'tenant', period: tomorrow })), null);
  });

  it('warn once, whoever claims it', async () => {
    const tenantId = await rows.tenant('warned');
    const purse = { tenantId, scope: 'tenant', period: today };
    await rows.purse({ ...purse, limit: 1_000, settled: 900 });

    const claims = await Promise.all([1, 2, 3].map(() => claimWarning(engine(), purse)));

    assert.deepEqual(claims.sort(), [false, false, true]);
    const { items } = await budgets.list(tenantId, { now });
    assert.ok(items[0]?.warnedAt instanceof Date);
    assert.equal(await claimWarning(engine(), { ...purse, scope: 'gone' }), false);
  });

  it('warn of what several engines spent together, and none alone has seen', async () => {
    const tenantId = await rows.tenant('together');
    const purse = (scope: string) => ({ tenantId, scope, period: today });
    await rows.purse({ ...purse('tenant'), limit: 1_000, settled: 500, reserved: 300 });
    await rows.purse({ ...purse('module:lab'), limit: 1_000, settled: 799 });
    await rows.purse({ ...purse('workflow:nightly'), limit: 0 });
    const asked = [purse('tenant'), purse('module:lab'), purse('workflow:nightly')];

    const passed = await claimPassed(engine(), asked, 0.8);

    assert.deepEqual(passed, [{ ...purse('tenant'), limitMicroUsd: 1_000, share: 0.8 }]);
    assert.deepEqual(await claimPassed(engine(), asked, 0.8), []);
    assert.equal(await claimWarning(engine(), purse('tenant')), false);
    assert.deepEqual(await claimPassed(engine(), [], 0.8), []);
  });
});
