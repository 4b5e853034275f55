import assert from 'node:assert/strict';
import { readLedgerLimits, withEngineLimits } from '../../../core/engine/limits/limits-view.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

describe('the limits that the ledger tells of', () => {
  let fresh: FreshDatabase;
  let rows: LedgerRows;
  const now = new Date('2026-06-30T12:00:00Z');

  before(async () => {
    fresh = await freshDatabase();
    rows = new LedgerRows(fresh.database);
  });
  after(function () {
    return fresh.drop(this);
  });

  it('are counted by model over all tenants, in the second, minute, hour and day that end now', async () => {
    verifies('R11.limit-status');
    const tokens = { input: 100, output: 10 };
    let seq = 0;
    for (const slug of ['one', 'two']) {
      const tenantId = await rows.tenant(slug);
      const run = await rows.run(tenantId, 'nightly');
      const call = { tenantId, run, step: 1, model: 'gpt-5', bound: 9, batch: false, data: {} };
      for (const secondsAgo of [0.5, 30, 61, 3_601, 86_401])
        await rows.call({
          ...{ ...call, seq: ++seq, state: 'settled', cost: 3, tokens, simulated: false },
          at: new Date(now.getTime() - secondsAgo * 1_000),
        });
      await rows.call({
        ...{ ...call, seq: ++seq, state: 'reserved', cost: null, tokens: null, simulated: false },
        at: new Date(now.getTime() - 10_000),
      });
      for (const state of ['settled', 'released'] as const)
        await rows.call({
          ...{ ...call, seq: ++seq, state, cost: 0, tokens, simulated: state === 'settled' },
          at: now,
        });
    }
    const limits = {
      'gpt-5': { requestsPerMinute: 500, tokensPerMinute: 9_000, concurrency: 8 },
      quiet: { requestsPerDay: 7 },
    };

    const view = await readLedgerLimits(fresh.database, limits, { now });

    const [used, quiet, ...others] = view.models;
    assert.deepEqual([view.source, others], ['ledger', []]);
    assert.deepEqual(used, {
      ...{ model: 'gpt-5', burstUsed: 2, burstLimit: null },
      ...{ rpmUsed: 6, rpmLimit: 500, rphUsed: 8, rphLimit: null, rpdUsed: 10, rpdLimit: null },
      ...{ tpmUsed: 440, tpmLimit: 9_000, inputTpmUsed: 400, inputTpmLimit: null },
      ...{ outputTpmUsed: 40, outputTpmLimit: null, concurrencyUsed: 2, concurrencyLimit: 8 },
      ...{ closedMs: null, factor: null },
    });
    assert.deepEqual([quiet?.model, quiet?.rpdUsed, quiet?.rpdLimit], ['quiet', 0, 7]);
    assert.deepEqual(view.rateLimiting, { totalRequests: 10, totalTokens: 880, avgWaitMs: null });
    assert.deepEqual(view.costTracking, { totalCostMicroUsd: 24, totalTokens: 880 });
    const tenantId = await rows.tenant('two');
    const own = await readLedgerLimits(fresh.database, limits, { now, tenantId });
    assert.deepEqual(own.models, view.models);
    assert.deepEqual(own.costTracking, { totalCostMicroUsd: 12, totalTokens: 440 });
  });

  it('give way to what an engine has counted itself, for its models and its own tenant', async () => {
    verifies('R11.limit-status', 'R11.system-status');
    const gate = { open: 1, closedMs: 0, factor: 1 };
    const stats = {
      gates: {
        'model:gpt-5': {
          limits: {
            requestsPerMinute: { used: 7, limit: 250 },
            concurrency: { used: 1, limit: 8 },
          },
          ...{ open: 1, closedMs: 900, factor: 0.5 },
        },
        'model:new': { limits: { burst: { used: 2, limit: 3 } }, ...gate },
        'tenant:1': { limits: { requestsPerDay: { used: 9, limit: 90 } }, ...gate },
        'tenant:12': { limits: {}, ...gate },
        'erp:1': { limits: {}, ...gate },
        'erp:12': { limits: {}, ...gate },
        'module:finance': { limits: {}, ...gate },
        'simulated model:gpt-5': { limits: {}, ...gate },
      },
      totals: { requests: 20, tokens: 300, waits: { averageMs: 12.5, maxMs: 90 } },
    };

    const ledger = await readLedgerLimits(fresh.database, { 'gpt-5': {}, quiet: {} }, { now });
    const view = withEngineLimits(ledger, stats, 1);

    const [used, quiet, unseen, ...others] = view.models;
    assert.deepEqual([view.source, others], ['engine', []]);
    assert.deepEqual(
      [used?.rpmUsed, used?.rpmLimit, used?.rpdUsed, used?.closedMs, used?.factor],
      [7, 250, null, 900, 0.5],
    );
    assert.deepEqual([quiet?.model, quiet?.rpmUsed], ['quiet', 0]);
    assert.deepEqual([unseen?.model, unseen?.burstUsed, unseen?.burstLimit], ['new', 2, 3]);
    assert.deepEqual(
      view.gates.map((each) => [each.gate, each.rpdUsed]),
      [
        ['tenant:1', 9],
        ['erp:1', null],
        ['module:finance', null],
      ],
    );
    assert.deepEqual(view.rateLimiting, {
      ...{ totalRequests: 20, totalTokens: 300, avgWaitMs: 12.5 },
    });
    assert.deepEqual(view.costTracking, ledger.costTracking);
  });
});
