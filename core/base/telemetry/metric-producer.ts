import type { MetricData, MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Family, Metrics, Point } from './metrics.ts';

/** What of OpenTelemetry's SDK is needed, which is loaded only where a collector is told. */
type Sdk = Pick<
  typeof import('@opentelemetry/sdk-metrics'),
  'AggregationTemporality' | 'DataPointType'
>;

/** The metrics of a process as the SDK's readers take them: the numbers that `/metrics` shows, cumulative. */
export function metricProducer(
  metrics: Metrics,
  sdk: Sdk,
  scope: { readonly name: string; readonly version: string },
): MetricProducer {
  return {
    async collect() {
      const families = await metrics.collect();
      const span = [timeOf(metrics.startedAt), timeOf(Date.now())] as const;
      const data = families.map((family) => dataOf(family, sdk, span));
      const scopeMetrics = [{ scope, metrics: data }];
      // The resource is the reader's own.
      return { resourceMetrics: { scopeMetrics } as unknown as ResourceMetrics, errors: [] };
    },
  };
}

type Time = [seconds: number, nanoseconds: number];

function dataOf(
  { name, instrument, points }: Family,
  { AggregationTemporality, DataPointType }: Sdk,
  span: readonly [Time, Time],
): MetricData {
  const { kind, unit, about, buckets = [] } = instrument;
  const common = {
    // `valueType: 1`: a double.
    descriptor: { name, description: about, unit, valueType: 1 },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints: points.map((point) => pointOf(point, buckets, span)),
  };
  const type = {
    counter: { dataPointType: DataPointType.SUM, isMonotonic: true },
    gauge: { dataPointType: DataPointType.GAUGE },
    histogram: { dataPointType: DataPointType.HISTOGRAM },
  } as const;
  return { ...common, ...type[kind] } as MetricData;
}

function pointOf(
  { labels, value }: Point,
  boundaries: readonly number[],
  [startTime, endTime]: readonly [Time, Time],
) {
  const attributes = Object.fromEntries(Object.entries(labels).filter(([, each]) => each !== ''));
  if (typeof value === 'number') return { startTime, endTime, attributes, value };
  const { counts, count, sum } = value;
  return { startTime, endTime, attributes, value: { buckets: { boundaries, counts }, count, sum } };
}

function timeOf(ms: number): Time {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}
