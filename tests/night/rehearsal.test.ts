import assert from 'node:assert/strict';
import type { RunSummary } from '../../core/engine/history/views.ts';
import type { Plan } from '../../core/engine/plan/plan.ts';
import { readRecord } from '../../core/service/batch/record.ts';
import { renderReport } from '../../core/service/batch/report/page.ts';
import { summarise } from '../../core/service/batch/summary.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';
import { firstUnits } from './fixtures/short-night.ts';

const narrow = new URL('./fixtures/narrow.config.ts', import.meta.url);
const terra = 'model:gpt-6.1-terra';
/** Tools and the journal keep their own pace: on two busy cores they add 4 % at 8, 15 % at 20; tests/long/rehearsal.long.ts is slower. */
const speed = 20;

// A whole night is for tests/long/rehearsal.long.ts.
describe('a night in rehearsal, and its plan', function () {
  this.timeout(300_000);
  let tutti: TestEngine;
  let tenantId: number;
  let plan: Plan;
  let summary: RunSummary;

  before(async () => {
    // Each thread loads all modules, and nothing here is about several.
    tutti = await openTestEngine(narrow, { hasCompany: true, env: { TUTTI_THREADS: '1' } });
    ({ tenantId } = await tutti.host.sampleTenant(1));
    const request = {
      ...requestOf('short_night', { tenantId, input: firstUnits }),
      rehearsal: true,
      speed,
    };
    plan = await tutti.host.planner.plan(request, new AbortController().signal);
    const { id } = await tutti.engine.startRun(request);
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    summary = await tutti.history.summary(tenantId, id);
  });
  after(function () {
    return tutti.close(this);
  });

  const rows = async (from: string): Promise<number> => {
    const text = `SELECT count(*)::int AS count FROM tutti.${from}`;
    const [row] = await queryAll<{ count: number }>(tutti.fresh.database, text);
    return row?.count ?? -1;
  };

  it('has exactly the agents, calls, tokens, costs and writes that the plan says', async () => {
    verifies('R7.plan');
    const writes = Object.values(plan.writes).reduce((sum, of) => sum + of, 0);

    assert.deepEqual(
      [summary.agents, await rows('ledger WHERE simulated'), summary.tokens],
      [plan.agents, plan.calls, plan.tokens],
    );
    assert.deepEqual(
      [summary.costMicroUsd, summary.observed],
      [plan.costMicroUsd.expected, writes],
    );
    assert.ok(plan.agents >= 100 && writes >= 50, `${plan.agents} agents, ${writes} writes`);
  });

  it('denies no step by its own purse', () => {
    assert.deepEqual(plan.denied, {});
    assert.deepEqual(plan.unknown, { agents: {}, failed: [], skipped: 0 });
    assert.equal(summary.steps.degraded, 0);
  });

  // How much more it takes is the machine's affair: tests/long/rehearsal.long.ts.
  it('takes no less than the plan says', () => {
    const { makespanMs, bottleneck } = plan;

    assert.ok(
      summary.durationMs > 0.9 * makespanMs,
      `${summary.durationMs} ms instead of ${makespanMs}`,
    );
    assert.deepEqual([bottleneck.kind, bottleneck.name], ['model_concurrency', terra]);
  });

  it('writes nothing and proposes nothing, spends of no real purse, and is no news', async () => {
    const real = "scope NOT LIKE 'simulated %' AND settled_micro_usd + reserved_micro_usd > 0";

    assert.ok(summary.findings > 30);
    assert.deepEqual(
      await Promise.all([
        rows('effect'),
        rows('triage'),
        rows('finding WHERE NOT simulated'),
        rows('ledger WHERE NOT simulated'),
        rows(`budget WHERE ${real}`),
        rows("entry WHERE kind IN ('effect.proposed', 'effect.started')"),
      ]),
      [0, 0, 0, 0, 0, 0],
    );
    const turns = "kind IN ('turn.started', 'turn.ended')";
    assert.equal(await rows(`entry WHERE ${turns} AND (data->>'simulated') IS NULL`), 0);
  });

  it('says that it was one, to whoever reads of it', async () => {
    const record = await readRecord(tutti.history, {
      tenantId,
      runId: summary.runId,
      group: 'Meridian',
    });
    const page = renderReport(record);
    const lines = summarise(record).flatMap((part) => ('text' in part ? [part.text] : []));

    assert.deepEqual([summary.rehearsal, record.head.rehearsal], [true, true]);
    assert.ok(record.findings.every(({ simulated }) => simulated));
    assert.match(
      lines.join('\n'),
      /rehearsal of short_night succeeded\nA rehearsal: model calls, /,
    );
    assert.match(lines.join('\n'), /\$\d+\.\d+ \(simulated\) for [\d,]+ tokens in/);
    assert.match(page, /<title>Rehearsal: Meridian/);
    assert.match(page, /data-rehearsal="true"/);
    assert.match(page, /Nobody is billed\./);
  });
});
