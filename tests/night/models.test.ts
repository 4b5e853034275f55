import assert from 'node:assert/strict';
import type { Usage } from '../../core/ports/models/model.ts';
import { costMicroUsd, priceOf } from '../../core/ports/models/prices.ts';
import shipped from '../../tutti.config.ts';
import { companyDatabase } from '../support/company.ts';
import { competentModel } from '../support/competent-model.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { markAll } from '../support/finding-mark.ts';
import { type ModelApi, type ModelServer, startModelServer } from '../support/model-server.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';
import { shortNightInput, unitAgents, usualUnits } from './fixtures/short-night.ts';

const fixture = new URL('./fixtures/wire.config.ts', import.meta.url);
const input = shortNightInput(usualUnits);
const key = { TUTTI_TEST_KEY: 'a-key-of-the-tests' };
const models = {
  openai: 'gpt-6-luna',
  'openai-chat': 'gpt-5-mini',
  anthropic: 'claude-haiku-5-5',
} as const satisfies Record<ModelApi, string>;

describe('a night on models', () => {
  let fresh: FreshDatabase;
  let server: ModelServer;
  let tenantId: number;
  let expected: readonly string[];

  before(async () => {
    Object.assign(process.env, key);
    fresh = await companyDatabase();
    server = await startModelServer(
      competentModel(shipped.modules.flatMap(({ agents }) => agents)),
    );
    const tutti = await openTestEngine(fixture, { fresh });
    ({ tenantId } = await tutti.host.sampleTenant(1));
    const short = await tutti.run('short_night', { tenantId, input });
    await assertTelling(tutti, short.id);
    expected = markAll(await tutti.history.findings(tenantId, { runId: short.id }));
    await tutti.close();
  });
  after(async function () {
    delete process.env.TUTTI_TEST_KEY;
    await server.close();
    await fresh.drop(this);
  });

  for (const [api, model] of Object.entries(models) as [ModelApi, string][]) {
    describe(`of ${api}`, () => {
      let tutti: TestEngine;

      before(async () => {
        const url = new URL(fixture);
        url.search = String(new URLSearchParams({ api, model, baseUrl: server.baseUrl(api) }));
        tutti = await openTestEngine(url, { fresh, env: key });
      });
      after(() => tutti.close());

      it('finds what the playbooks find, by tool calls over HTTP, and books every call at its price', async () => {
        verifies(api === 'anthropic' ? 'R4.anthropic' : 'R4.openai', 'R4.tool-calls');
        verifies('R7.cost', 'R7.reserve', 'R7.per-run');
        if (api === 'openai-chat') verifies('R4.compatible-endpoint');
        const callsBefore = server.calls.length;

        const run = await tutti.run('short_night', { tenantId, input });

        const found = await tutti.history.findings(tenantId, { runId: run.id });
        const summary = await tutti.history.summary(tenantId, run.id);
        const calls = server.calls.slice(callsBefore);
        const failures = (await tutti.history.steps(tenantId, run.id)).filter(({ error }) => error);
        assert.deepEqual(
          failures.map(({ node, itemKey, error }) => [node, itemKey, error]),
          [],
        );
        assert.equal(run.status, 'succeeded');
        assert.deepEqual(markAll(found), expected);
        assert.ok(calls.every((call) => call.api === api));
        assert.ok(calls.every((call) => call.body.stream === true));
        assert.deepEqual(await playbooksOf(tutti, run.id), []);
        assert.equal(summary.steps.degraded, 0);
        await assertBooked(tutti, run.id, { model, calls: calls.length });
      });
    });
  }

  async function assertBooked(
    tutti: TestEngine,
    runId: string,
    { model, calls }: { readonly model: string; readonly calls: number },
  ): Promise<void> {
    const ledger = await queryAll<LedgerRow>(
      tutti.host.database,
      'SELECT model, state, cost_micro_usd AS cost, reserved_micro_usd AS bound, tokens FROM tutti.ledger WHERE run_id = $1',
      [runId],
    );
    assert.equal(ledger.length, calls);
    for (const row of ledger) {
      assert.deepEqual([row.model, row.state], [model, 'settled']);
      assert.equal(row.cost, costMicroUsd(row.tokens, priceOf(model)));
      assert.ok(row.cost <= row.bound, `${row.cost} of ${row.bound} micro-USD`);
    }
    const { tokens, costMicroUsd: cost } = await tutti.history.summary(tenantId, runId);
    const sum = (of: (row: LedgerRow) => number) => ledger.reduce((all, row) => all + of(row), 0);
    assert.equal(
      cost,
      sum((row) => row.cost),
    );
    assert.ok(cost > 0);
    assert.deepEqual(tokens, {
      input: sum((row) => row.tokens.input),
      output: sum((row) => row.tokens.output),
    });
    const purses = await queryAll<{ scope: string; reserved: number; settled: number }>(
      tutti.host.database,
      'SELECT scope, reserved_micro_usd AS reserved, settled_micro_usd AS settled FROM tutti.budget WHERE tenant_id = $1',
      [tenantId],
    );
    assert.ok(purses.length > 0);
    for (const purse of purses) assert.equal(purse.reserved, 0, purse.scope);
    const all = await queryAll<{ cost: number }>(
      tutti.host.database,
      'SELECT sum(cost_micro_usd)::bigint AS cost FROM tutti.ledger WHERE tenant_id = $1',
      [tenantId],
    );
    // A night may pay from two days' purses.
    const paid = purses.filter(({ scope }) => scope === 'tenant');
    assert.equal(
      paid.reduce((sum, purse) => sum + purse.settled, 0),
      all[0]?.cost,
    );
  }
});

interface LedgerRow {
  readonly model: string;
  readonly state: string;
  readonly cost: number;
  readonly bound: number;
  readonly tokens: Usage;
}

async function playbooksOf(tutti: TestEngine, runId: string): Promise<readonly unknown[]> {
  return await queryAll(
    tutti.host.database,
    `SELECT step, data FROM tutti.entry WHERE run_id = $1 AND kind = 'playbook.started'`,
    [runId],
  );
}

/** Every agent works on a unit in which it finds something, and on one in which it does not, where there is any. */
async function assertTelling(tutti: TestEngine, runId: string): Promise<void> {
  const rows = await queryAll<{ agent: string; unit: string; finds: boolean }>(
    tutti.host.database,
    `SELECT agent, item_key AS unit, EXISTS (SELECT FROM tutti.finding f
         WHERE f.tenant_id = s.tenant_id AND f.run_id = s.run_id AND f.step = s.id) AS finds
       FROM tutti.step s WHERE run_id = $1 AND kind = 'task' ORDER BY agent, item_key`,
    [runId],
  );
  const wanted = unitAgents.flatMap(({ name }) =>
    (usualUnits.get(name) ?? []).map((unit, at) => ({ agent: name, unit, finds: at === 0 })),
  );
  const told = (all: typeof wanted) =>
    all.map(({ agent, unit, finds }) => `${agent} ${unit} ${finds}`).sort();
  assert.deepEqual(told([...rows]), told(wanted));
  assert.equal(new Set(wanted.map(({ agent }) => agent)).size, unitAgents.length);
}
