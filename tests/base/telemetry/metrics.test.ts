import assert from 'node:assert/strict';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import {
  type InstrumentName,
  instruments,
  prometheusName,
} from '../../../core/base/telemetry/instruments.ts';
import { metricProducer } from '../../../core/base/telemetry/metric-producer.ts';
import { Metrics } from '../../../core/base/telemetry/metrics.ts';
import { writeMetrics } from '../../../core/base/telemetry/open-metrics.ts';
import { verifies } from '../../support/verifies.ts';

function counted(): Metrics {
  const metrics = new Metrics(0);
  metrics.add('tutti.tool.calls', 2, { tool: 'a.b', outcome: 'result' });
  metrics.add('tutti.tool.calls', 1, { tool: 'say "\\\n"', outcome: 'error' });
  for (const seconds of [0.004, 0.01, 0.02, 700])
    metrics.record('tutti.attempt.duration', seconds, { module: 'lab' });
  metrics.observe((observe) => observe('tutti.lanes', 3, { state: 'ready' }));
  metrics.observe(async () => Promise.reject(new Error('away')));
  return metrics;
}

describe('metrics', () => {
  it('are declared under names that Prometheus takes, each with its own', () => {
    const names = (Object.keys(instruments) as InstrumentName[]).map(prometheusName);

    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z][a-z0-9_]*$/);
    assert.equal(prometheusName('tutti.cost.micro_usd'), 'tutti_cost_micro_usd_total');
    assert.equal(prometheusName('process.memory.usage'), 'process_memory_usage_bytes');
  });

  it('are written as Prometheus reads them, those that cannot be looked up left out', async () => {
    verifies('R11.prometheus');

    const { type, text } = writeMetrics(await counted().collect());

    assert.match(type, /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^# TYPE tutti_tool_calls_total counter$/m);
    assert.match(text, /^tutti_tool_calls_total\{tool="a\.b",outcome="result"\} 2$/m);
    assert.ok(
      text.includes('tutti_tool_calls_total{tool="say \\"\\\\\\n\\"",outcome="error"} 1\n'),
    );
    const buckets = [
      ...text.matchAll(/^tutti_attempt_duration_seconds_bucket\{.*le="(.*)"\} (\d+)$/gm),
    ];
    assert.deepEqual(
      buckets
        .map(([, le, count]) => [le, Number(count)])
        .filter((_, index) => index < 2 || index > 11),
      [
        ['0.01', 2],
        ['0.05', 3],
        ['600', 3],
        ['+Inf', 4],
      ],
    );
    assert.match(text, /^tutti_attempt_duration_seconds_sum\{module="lab"\} 700\.034$/m);
    assert.match(text, /^tutti_attempt_duration_seconds_count\{module="lab"\} 4$/m);
    assert.match(text, /^tutti_lanes\{state="ready"\} 3$/m);
    assert.ok(!text.includes('# EOF'));
  });

  it('are written as OpenMetrics for those who ask for that', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';

    const { type, text } = writeMetrics(await counted().collect(), accept);

    assert.match(type, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(text, /^# TYPE tutti_tool_calls counter$/m);
    assert.match(text, /^# UNIT tutti_attempt_duration_seconds seconds$/m);
    assert.match(text, /^tutti_tool_calls_total\{/m);
    assert.ok(text.endsWith('# EOF\n'));
  });

  it('are the same for a collector', async () => {
    const producer = metricProducer(
      counted(),
      { AggregationTemporality, DataPointType },
      { name: 'tutti', version: '1' },
    );

    const { resourceMetrics } = await producer.collect();

    const found = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
    const [calls, durations, lanes] = [
      'tutti.tool.calls',
      'tutti.attempt.duration',
      'tutti.lanes',
    ].map((name) => found.find(({ descriptor }) => descriptor.name === name));
    assert.equal(calls?.dataPointType, DataPointType.SUM);
    assert.deepEqual(calls.dataPoints[0]?.value, 2);
    assert.equal(lanes?.dataPointType, DataPointType.GAUGE);
    const value = durations?.dataPoints[0]?.value as {
      count: number;
      buckets: { counts: number[] };
    };
    assert.deepEqual([value.count, value.buckets.counts.slice(0, 2)], [4, [2, 1]]);
  });

  it('count what has too many names together', () => {
    const metrics = new Metrics();
    for (let n = 0; n < 1_500; n += 1)
      metrics.add('tutti.tool.calls', 1, { tool: `tool-${n}`, outcome: 'result' });

    assert.equal(metrics.sum('tutti.tool.calls'), 1_500);
    assert.equal(metrics.sum('tutti.tool.calls', { tool: 'other' }), 500);
  });
});
