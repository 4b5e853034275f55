import type { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { systemClock } from '../core/base/clock.ts';
import { metricProducer } from '../core/base/telemetry/metric-producer.ts';
import type { Metrics } from '../core/base/telemetry/metrics.ts';
import type { Scrubber } from '../core/base/telemetry/scrub.ts';
import type { SpanIds } from '../core/base/telemetry/span-ids.ts';

/** What a process tells a collector from. */
export interface Told {
  readonly metrics: Metrics;
  readonly spanIds: SpanIds;
  readonly scrubber: Scrubber;
  readonly version: string;
}

/** What a collector gets to take the last spans and metrics. */
const lastExportMs = 3_000;

/**
 * Starts OpenTelemetry's Node SDK when the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`, or its `_TRACES_` and `_METRICS_`
 * forms, unless `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` is `none`); everything else is configured by OpenTelemetry's own
 * variables. Returns how to flush and end it. Nothing of it is loaded where there is no collector. Spans wait in a queue of at most 2,048
 * (`OTEL_BSP_MAX_QUEUE_SIZE`); beyond that they are dropped, and nothing else waits for the collector.
 * @see https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/ (2026-11)
 */
export async function startTelemetry(
  env: NodeJS.ProcessEnv,
  told: Told,
): Promise<() => Promise<void>> {
  const traces = isTold(env, 'TRACES');
  const metrics = isTold(env, 'METRICS');
  if (!traces && !metrics) return async () => {};
  const [{ NodeSDK }, traceExporter, reader] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    traces ? openTraceExporter(told.scrubber) : null,
    metrics ? openReader(env, told) : null,
  ]);
  const sdk = new NodeSDK({
    serviceName: env.OTEL_SERVICE_NAME ?? 'tutti',
    idGenerator: told.spanIds,
    logRecordProcessors: [],
    metricReaders: reader ? [reader] : [],
    ...(traceExporter ? { traceExporter } : { spanProcessors: [] }),
  });
  sdk.start();
  // A collector that is down must not keep the process from ending.
  return async () => {
    const late = Promise.withResolvers<void>();
    const cancel = systemClock.after(lastExportMs, late.resolve);
    await Promise.race([sdk.shutdown().catch(() => {}), late.promise]);
    cancel();
  };
}

function isTold(env: NodeJS.ProcessEnv, what: 'TRACES' | 'METRICS'): boolean {
  const endpoint =
    env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${what}_ENDPOINT`] || '';
  return endpoint !== '' && env[`OTEL_${what}_EXPORTER`] !== 'none';
}

async function openReader(env: NodeJS.ProcessEnv, { metrics, version }: Told) {
  const [sdk, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
  ]);
  const everyMs = Number(env.OTEL_METRIC_EXPORT_INTERVAL) || 60_000;
  return new sdk.PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: everyMs,
    exportTimeoutMillis: Math.min(everyMs, Number(env.OTEL_METRIC_EXPORT_TIMEOUT) || 30_000),
    metricProducers: [metricProducer(metrics, sdk, { name: 'tutti', version })],
  });
}

async function openTraceExporter(scrubber: Scrubber): Promise<OTLPTraceExporter> {
  const { OTLPTraceExporter: Exporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  return scrubbed(new Exporter(), scrubber);
}

/** Takes secrets out of what leaves: names and attributes of spans, of their links and events. */
function scrubbed<E extends Pick<OTLPTraceExporter, 'export'>>(exporter: E, scrubber: Scrubber): E {
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    send(
      spans.map((span) => cleanSpan(span, scrubber)),
      done,
    );
  return exporter;
}

type Span = Parameters<OTLPTraceExporter['export']>[0][number];

function cleanSpan(span: Span, scrubber: Scrubber): Span {
  const clean = <T>(data: T): { readonly value: T } => ({ value: scrubber.data(data, 'text') });
  // What is not named here is the span's own.
  return Object.create(span, {
    name: clean(span.name),
    attributes: clean(span.attributes),
    status: clean(span.status),
    events: { value: span.events.map((event) => ({ ...event, ...asData(event, scrubber) })) },
    links: { value: span.links.map((link) => ({ ...link, ...asData(link, scrubber) })) },
  }) as Span;
}

function asData({ attributes }: { readonly attributes?: unknown }, scrubber: Scrubber) {
  return attributes === undefined ? {} : { attributes: scrubber.data(attributes, 'text') as never };
}
