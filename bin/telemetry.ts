/**
 * Starts OpenTelemetry's Node SDK when the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`, or its `_TRACES_` form);
 * everything else is configured by OpenTelemetry's own variables. Returns how to flush and end it. Loaded only when asked for.
 * @see https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/
 */
export async function startTelemetry(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
    return async () => {};
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: env.OTEL_SERVICE_NAME ?? 'tutti',
    traceExporter: new OTLPTraceExporter(),
  });
  sdk.start();
  // A collector that is down must not keep the process from ending.
  return () => sdk.shutdown().catch(() => {});
}
