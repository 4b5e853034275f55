import assert from 'node:assert/strict';
import type { Host } from '../../../bin/host.ts';
import { EngineError } from '../../../core/base/errors.ts';
import { upperBoundMicroUsd } from '../../../core/ports/models/prices.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { openYard, roundOf, rowCounts, stock } from '../../support/yard.ts';

const never = new AbortController().signal;

describe('Planner', () => {
  let fresh: FreshDatabase;
  let host: Host;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    host = await openYard(fresh);
    tenantId = await host.store.tenant('ours');
    await stock(fresh, tenantId, { 'c-1': 'a', 'c-2': 'b', 'c-3': 'c' });
  });
  after(async function () {
    await host.close();
    await fresh.drop(this);
  });

  it('goes through the real graph over the real records, and stores nothing', async () => {
    verifies('R7.plan');
    const before = await rowCounts(fresh);

    const plan = await host.planner.plan(roundOf(tenantId), never);

    // Three crates of two agents each, one task behind the gate, one summary; two or one rounds of calls and a last turn each.
    assert.deepEqual([plan.agents, plan.agentsByModule], [8, { yard: 8 }]);
    assert.equal(plan.calls, 3 * (2 + 3) + 2 + 1);
    assert.deepEqual(plan.models, { 'gpt-6-luna': 8, 'gpt-6.1-terra': 10 });
    // Each crate is marked by itself, and all of them once.
    assert.deepEqual(plan.writes, { 'yard.crate.mark': 4 });
    assert.ok(plan.tokens.input > plan.tokens.output && plan.tokens.output > 0);
    assert.ok(plan.costMicroUsd.expected > 0);
    assert.ok(plan.costMicroUsd.worst > plan.costMicroUsd.expected);
    assert.deepEqual(plan.unknown, { agents: {}, failed: [], skipped: 0 });
    assert.deepEqual(await rowCounts(fresh), before);
  });

  it('prints its figures first, by the names that programs read', async () => {
    const plan = await host.planner.plan(roundOf(tenantId), never);

    assert.deepEqual(Object.keys(plan).slice(0, 9), [
      'agents',
      'agentsByModule',
      'calls',
      'tokens',
      'costMicroUsd',
      'makespanMs',
      'bottleneck',
      'writes',
      'hash',
    ]);
    assert.match(plan.hash, /^[0-9a-f]{64}$/);
  });

  it('names the limit that holds the run back', async () => {
    const { bottleneck, makespanMs } = await host.planner.plan(roundOf(tenantId), never);

    // Ten calls of a model that answers four a minute.
    assert.deepEqual([bottleneck.kind, bottleneck.name], ['model_requests', 'model:gpt-6.1-terra']);
    assert.ok(bottleneck.share > 0.9 && makespanMs > 120_000, String(makespanMs));
  });

  it('comes to the same hash for the same work, and to another for other data, input, goal or date', async () => {
    const theirs = await host.store.tenant('theirs');
    await stock(fresh, theirs, { 'c-1': 'a', 'c-2': 'b' });
    const hashOf = async (request = roundOf(theirs)) =>
      (await host.planner.plan(request, never)).hash;

    const first = await hashOf();
    const again = await hashOf();
    const byInput = await hashOf(roundOf(theirs, { isDry: false }));
    const byGoal = await hashOf({ ...roundOf(theirs), goal: 'Go round.' });
    const byDate = await hashOf({ ...roundOf(theirs), businessDate: '2026-07-01' });
    await stock(fresh, theirs, { 'c-2': 'other' });
    const byRecord = await hashOf();
    await stock(fresh, theirs, { 'c-9': 'new' });
    const byItem = await hashOf();

    assert.equal(again, first);
    assert.equal(new Set([first, byInput, byGoal, byDate, byRecord, byItem]).size, 6);
  });

  it('leaves out what a closed gate keeps from running', async () => {
    const plan = await host.planner.plan(roundOf(tenantId, { isDry: false }), never);

    assert.equal(plan.agents, 7);
    assert.equal(plan.unknown.skipped, 0);
  });

  it('counts agents without a playbook as they are assumed to work, and says what it could not go through', async () => {
    const request = { ...roundOf(tenantId), workflow: 'unsure' };

    const { unknown, agents, calls, denied } = await host.planner.plan(request, never);

    assert.deepEqual(unknown.agents, { 'yard.thinker': 1 });
    assert.deepEqual(
      unknown.failed.map(({ step, code }) => [step, code]),
      [['broken', 'AGENT_FAILED']],
    );
    assert.equal(unknown.skipped, 1);
    // The thinker's two that are assumed; the poor one makes none and goes by its playbook.
    assert.deepEqual([agents, calls], [3, 2]);
    assert.deepEqual(denied, { 'yard.poor': { steps: 1, purse: 'step' } });
  });

  it('allows the worst case no more than today’s budgets do', async () => {
    const rich = await host.planner.plan(roundOf(tenantId), never);
    await fresh.database.admin((client) =>
      client.query(
        // Midnight may be now.
        `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, settled_micro_usd)
         SELECT $1, 'module:yard', (now() AT TIME ZONE 'UTC')::date + day, 100000, 20000 FROM generate_series(0, 1) day`,
        [tenantId],
      ),
    );

    const { costMicroUsd, agents, denied, calls } = await host.planner.plan(
      roundOf(tenantId),
      never,
    );

    assert.ok(rich.costMicroUsd.worst > 80_000, String(rich.costMicroUsd.worst));
    assert.equal(costMicroUsd.worst, 80_000);
    assert.deepEqual([agents, calls, denied], [rich.agents, rich.calls, {}]);
  });

  it('bounds every call as the broker does', async () => {
    const request = { ...roundOf(tenantId), workflow: 'unsure' };
    const { costMicroUsd, tokens } = await host.planner.plan(request, never);

    const price = {
      input: 1_000_000,
      cachedInput: 50_000,
      cacheWrite: 1_250_000,
      output: 5_000_000,
    };
    const least = upperBoundMicroUsd(tokens.input, 4_096, price);
    assert.ok(costMicroUsd.worst >= least, `${costMicroUsd.worst} < ${least}`);
  });

  it('expects of an agent what it cost before with its present model, once three steps say so', async () => {
    const theirs = await host.store.tenant('seasoned');
    await stock(fresh, theirs, { 'c-1': 'a' });
    const rows = new LedgerRows(fresh.database);
    const run = await rows.run(theirs, 'round', { endedAt: new Date() });
    const call = {
      tenantId: theirs,
      run,
      state: 'settled',
      bound: 1,
      tokens: null,
      at: null,
    } as const;
    const cost = async (
      id: number,
      [agent, model]: readonly [string, string],
      microUsd: number,
    ) => {
      await rows.step(theirs, run, { id, agent });
      const of = { simulated: false, batch: false, data: {} };
      // Two calls a step: what counts is what a step cost.
      for (const seq of [2 * id, 2 * id + 1])
        await rows.call({ ...call, ...of, seq, step: id, model, cost: microUsd / 2 });
    };
    const { costMicroUsd: simulated } = await host.planner.plan(roundOf(theirs), never);
    for (const id of [1, 2, 3]) await cost(id, ['yard.quick', 'gpt-6-luna'], 20_000 + id * 1_000);
    for (const id of [4, 5]) await cost(id, ['yard.looker', 'gpt-6.1-terra'], 9_000_000);
    for (const id of [6, 7, 8]) await cost(id, ['yard.teller', 'another-model'], 9_000_000);

    const { costMicroUsd, learned } = await host.planner.plan(roundOf(theirs), never);

    assert.deepEqual(learned, ['yard.quick']);
    // Two steps of it, at the 22,000 that three have cost on average.
    const others = costMicroUsd.expected - 44_000;
    assert.ok(others > 0 && others < simulated.expected, `${others} of ${simulated.expected}`);
  });

  it('ends when it is told to, and refuses what cannot run', async () => {
    const leaving = new AbortController();
    const asked = host.planner.plan(roundOf(tenantId), leaving.signal);
    leaving.abort(new EngineError('CANCELLED', 'Gone.'));

    await assert.rejects(asked, { code: 'CANCELLED' });
    await assert.rejects(host.planner.plan({ ...roundOf(tenantId), workflow: 'none' }, never), {
      code: 'WORKFLOW_UNKNOWN',
    });
    await assert.rejects(host.planner.plan(roundOf(tenantId, { isDry: 'no' }), never), {
      code: 'INPUT_INVALID',
    });
  });
});
