import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import type { Metrics } from '../../core/base/telemetry/metrics.ts';
import { idsOf, traceOf } from '../../core/base/telemetry/span-ids.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { requestOf } from './engine.ts';
import { aRun, type SeenSpan } from './telemetry-lab.ts';

/** Starts random runs, some at a time, and waits for their ends and those of the runs that they start. */
export async function runAtRandom(
  engine: Engine,
  of: { readonly tenantId: number; readonly runs: number; readonly seed: number },
): Promise<void> {
  const inputs = fc.sample(aRun, { numRuns: of.runs, seed: of.seed });
  const atOnce = 24;
  for (let from = 0; from < inputs.length; from += atOnce) {
    const started = inputs.slice(from, from + atOnce).map(async (input) => {
      const { id } = await engine.startRun(
        requestOf('lab.above', { tenantId: of.tenantId, input }),
      );
      return await engine.whenEnded(id);
    });
    await Promise.all(started);
  }
}

/** What the journal holds, in the terms of the metrics. */
async function journalSums(pool: pg.Pool): Promise<Readonly<Record<string, number>>> {
  const { rows } = await pool.query<Record<string, string | number>>(
    `SELECT (SELECT count(*) FROM tutti.run) AS runs, (SELECT count(*) FROM tutti.run WHERE status = 'failed') AS "failed runs",
       (SELECT count(*) FROM tutti.run WHERE status = 'partial') AS "partial runs",
       (SELECT count(*) FROM tutti.attempt) AS attempts, (SELECT count(*) FROM tutti.attempt WHERE outcome = 'failed') AS "failed attempts",
       (SELECT count(*) FROM tutti.entry WHERE kind ~ '^step\\.(succeeded|failed|skipped|cancelled)$') AS steps,
       (SELECT count(*) FROM tutti.entry WHERE kind = 'step.retrying') AS retries,
       (SELECT count(*) FROM tutti.entry WHERE kind = 'tool.called') AS "tool calls",
       (SELECT count(*) FROM tutti.entry WHERE kind = 'effect.proposed') AS proposals,
       (SELECT count(*) FROM tutti.finding) AS findings,
       (SELECT count(*) FROM tutti.ledger WHERE state <> 'reserved' AND NOT simulated) AS turns,
       coalesce(sum((tokens->>'input')::bigint), 0) AS "input tokens", coalesce(sum((tokens->>'output')::bigint), 0) AS "output tokens",
       coalesce(sum((tokens->>'reasoning')::bigint), 0) AS "reasoning tokens", coalesce(sum((tokens->>'cachedInput')::bigint), 0) AS "cached tokens",
       coalesce(sum(cost_micro_usd), 0) AS "micro-USD" FROM tutti.ledger WHERE NOT simulated`,
  );
  return Object.fromEntries(
    Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)]),
  );
}

/** What the metrics of all engines have come to. */
function metricSums(engines: readonly Metrics[]): Readonly<Record<string, number>> {
  const sum = (of: (metrics: Metrics) => number) =>
    engines.reduce((all, each) => all + of(each), 0);
  const tokens = (type: string) => sum((metrics) => metrics.sum('tutti.tokens', { type }));
  const ended = (status: string) => sum((metrics) => metrics.sum('tutti.runs.ended', { status }));
  return {
    runs: sum((metrics) => metrics.sum('tutti.runs.ended')),
    'failed runs': ended('failed'),
    'partial runs': ended('partial'),
    attempts: sum((metrics) => metrics.sum('tutti.attempts')),
    'failed attempts': sum((metrics) => metrics.sum('tutti.attempts', { outcome: 'failed' })),
    steps: sum((metrics) => metrics.sum('tutti.steps.ended')),
    retries: sum((metrics) => metrics.sum('tutti.retries')),
    'tool calls': sum((metrics) => metrics.sum('tutti.tool.calls')),
    proposals: sum((metrics) => metrics.sum('tutti.effects', { state: 'proposed' })),
    findings: sum((metrics) => metrics.sum('tutti.findings')),
    turns: sum((metrics) => metrics.sum('tutti.turns')),
    'input tokens': tokens('input'),
    'output tokens': tokens('output'),
    'reasoning tokens': tokens('reasoning'),
    'cached tokens': tokens('cached_input'),
    'micro-USD': sum((metrics) => metrics.sum('tutti.cost.micro_usd')),
  };
}

/** Fails unless the metrics' sums are the journal's, to the micro-dollar; returns them. */
export async function checkSums(
  pool: pg.Pool,
  engines: readonly Metrics[],
): Promise<Readonly<Record<string, number>>> {
  const sums = await journalSums(pool);
  assert.deepEqual(metricSums(engines), sums);
  assert.equal(
    engines.reduce((all, each) => all + each.sum('tutti.runs.started'), 0),
    sums.runs,
  );
  return sums;
}

/** Fails unless every attempt of the journal has exactly one span, at its place in its run's one trace. */
export async function checkSpans(pool: pg.Pool, spans: readonly SeenSpan[]): Promise<void> {
  const runs = await pool.query<{ id: string; parent: string | null }>(
    'SELECT id, parent_run_id AS parent FROM tutti.run',
  );
  const byName = Map.groupBy(spans, (span) => span.name.split(' ', 1)[0]);
  const runSpans = byName.get('invoke_workflow') ?? [];
  assert.equal(runSpans.length, runs.rows.length);
  const bySpanId = new Map(spans.map((span) => [span.spanId, span]));
  assert.equal(bySpanId.size, spans.length, 'no span is told of twice');
  for (const { id, parent } of runs.rows) {
    const span = bySpanId.get(idsOf(id).spanId);
    assert.equal(span?.traceId, traceOf(id));
    assert.equal(span.parentId, null);
    assert.deepEqual(span.links, parent === null ? [] : [{ ...idsOf(parent), how: 'child' }]);
  }
  await checkAttempts(pool, { attempts: byName.get('invoke_agent') ?? [], bySpanId });
  const calls = await pool.query<{ kind: string; n: number }>(
    `SELECT kind, count(*)::int AS n FROM tutti.entry WHERE kind IN ('turn.ended', 'tool.called') GROUP BY 1`,
  );
  const counts = new Map(calls.rows.map(({ kind, n }) => [kind, n]));
  for (const [name, kind] of [
    ['chat', 'turn.ended'],
    ['execute_tool', 'tool.called'],
  ] as const) {
    const told = byName.get(name) ?? [];
    assert.equal(told.length, counts.get(kind) ?? 0, name);
    for (const { parentId, traceId, startMs, endMs } of told) {
      const around = bySpanId.get(parentId ?? '');
      assert.match(around?.name ?? '', /^invoke_agent /);
      assert.equal(around?.traceId, traceId);
      assert.ok(startMs <= endMs);
    }
  }
}

async function checkAttempts(
  pool: pg.Pool,
  of: { readonly attempts: readonly SeenSpan[]; readonly bySpanId: ReadonlyMap<string, SeenSpan> },
): Promise<void> {
  const { rows } = await pool.query<{
    readonly run: string;
    readonly step: number;
    readonly no: number;
    readonly span: string | null;
    readonly outcome: string;
    readonly started: number;
    readonly ended: number;
  }>(
    `SELECT run_id AS run, step, no, encode(span_id, 'hex') AS span, outcome, extract(epoch FROM started_at)::float8 * 1000 AS started,
       extract(epoch FROM ended_at)::float8 * 1000 AS ended FROM tutti.attempt`,
  );
  assert.equal(of.attempts.length, rows.length, 'one span an attempt');
  for (const { run, step, no, span: spanId, outcome, started, ended } of rows) {
    assert.equal(spanId, idsOf(run, { step, no }).spanId);
    const span = of.bySpanId.get(spanId);
    assert.equal(span?.parentId, idsOf(run).spanId);
    assert.equal(span.traceId, traceOf(run));
    assert.equal(span.attributes['erp.step.outcome'], outcome);
    assert.ok(Math.abs(span.startMs - started) < 1.5 && Math.abs(span.endMs - ended) < 1.5);
  }
}
