import assert from 'node:assert/strict';
import { Costs, type CostView } from '../../../core/engine/costs/costs.ts';
import { Budgets, type BudgetsView, type BudgetView } from '../../../core/engine/limits/budgets.ts';
import { type LimitsView, readLedgerLimits } from '../../../core/engine/limits/limits-view.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/model.config.ts', import.meta.url);
const scopes = ['tenant', 'module:lab', 'workflow:lab.ask'];

describe('money, over HTTP', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;
  let budgets: Budgets;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const { history, engine, host } = tutti;
    const { database, registry } = host;
    budgets = new Budgets(database, host);
    const app = createApp({
      ...{ history, engine, registry, tenantId },
      costs: new Costs(database),
      budgets,
      limits: () =>
        readLedgerLimits(database, host.config.modelLimits ?? {}, { now: new Date(), tenantId }),
    });
    server = await listen(app, { port: 0 });
    const items = [{ id: 'a' }, { id: 'b' }];
    assert.equal((await tutti.run('lab.ask', { tenantId, input: { items } })).status, 'succeeded');
    const theirs = await host.store.tenant('theirs');
    await tutti.run('lab.ask', { tenantId: theirs, input: { items: [{ id: 'c' }] } });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${server.url}${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });

  it('costs are the same in every way to add them up, the run’s summary and its purses', async () => {
    verifies('R7.per-run', 'R7.cost', 'R12.tenancy');
    const ways = ['model', 'module', 'workflow', 'agent', 'run', 'day'];
    const views = await Promise.all(
      ways.map(async (by) => json<CostView>(await ask('GET', `/v1/costs?by=${by}&days=2`))),
    );
    const { items, period } = await json<BudgetsView>(await ask('GET', '/v1/budgets'));
    // Midnight may have come since the run has spent.
    const dayBefore = await budgets.list(tenantId, { now: new Date(Date.parse(period) - 1) });
    const runId = views[4]?.rows[0]?.name ?? '';
    const summary = await tutti.history.summary(tenantId, runId);

    const spent = views[0]?.total.costMicroUsd;
    assert.ok(spent !== undefined && spent > 0);
    assert.deepEqual(
      views.map(({ total }) => total.costMicroUsd),
      ways.map(() => spent),
    );
    assert.deepEqual(
      views.slice(0, 4).map(({ rows }) => rows.map((row) => [row.name, row.calls])),
      [[['house', 4]], [['lab', 4]], [['lab.ask', 4]], [['lab.asker', 4]]],
    );
    assert.equal(summary.costMicroUsd, spent);
    assert.deepEqual(summary.tokens, {
      input: views[0]?.total.tokens.input,
      output: views[0]?.total.tokens.output,
    });
    assert.deepEqual(
      items.map(({ scope, settledMicroUsd, reservedMicroUsd }, index) => [
        scope,
        settledMicroUsd + (dayBefore.items[index]?.settledMicroUsd ?? 0),
        reservedMicroUsd,
      ]),
      scopes.map((scope) => [scope, spent, 0]),
    );
  });

  it('costs refuse what they cannot add up', async () => {
    for (const query of ['by=colour', 'days=0', 'days=366', 'by=day&x=1', 'simulated=maybe'])
      await problem(await ask('GET', `/v1/costs?${query}`), 400, 'INPUT_INVALID');
  });

  it('budgets are set in USD as text, shown in micro-USD, and taken back', async () => {
    verifies('R7.budget');
    const set = await json<BudgetView>(
      await ask('PUT', '/v1/budgets/module:lab', { usdPerDay: '0.09' }),
    );
    const listed = await json<BudgetsView>(await ask('GET', '/v1/budgets'));
    const unset = await json<BudgetView>(await ask('DELETE', '/v1/budgets/module:lab'));

    assert.deepEqual([set.scope, set.limitMicroUsd, set.source], ['module:lab', 90_000, 'setting']);
    assert.deepEqual(listed.items[1], set);
    assert.deepEqual([unset.limitMicroUsd, unset.source], [100_000, 'tenant']);
  });

  it('budgets refuse amounts and scopes that there are not', async () => {
    for (const usdPerDay of ['-1', '1e9', '0.0000001', 5, null])
      await problem(await ask('PUT', '/v1/budgets/tenant', { usdPerDay }), 400, 'INPUT_INVALID');
    const amount = { usdPerDay: '1' };
    await problem(await ask('PUT', '/v1/budgets/module:x', amount), 404, 'SETTING_UNKNOWN');
    await problem(await ask('DELETE', '/v1/budgets/run:1'), 404, 'SETTING_UNKNOWN');
    await problem(await ask('GET', '/v1/budgets?simulated=2'), 400, 'INPUT_INVALID');
  });

  it('limits say for every model what is used, beside what is allowed', async () => {
    verifies('R11.limit-status');
    const { models, rateLimiting, costTracking } = await json<LimitsView>(
      await ask('GET', '/v1/limits'),
    );

    assert.deepEqual(
      models.map((use) => [use.model, use.rpdUsed, use.concurrencyUsed, use.concurrencyLimit]),
      [['house', 6, 0, 3]],
    );
    assert.equal(rateLimiting.totalRequests, 6);
    const costs = await json<CostView>(await ask('GET', '/v1/costs'));
    assert.equal(costTracking.totalCostMicroUsd, costs.total.costMicroUsd);
    assert.ok(rateLimiting.totalTokens > costTracking.totalTokens);
  });
});
