import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { context, metrics as metricsApi, propagation, trace } from '@opentelemetry/api';
import { startTelemetry } from '../../bin/telemetry.ts';
import { Metrics } from '../../core/base/telemetry/metrics.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { SpanIds } from '../../core/base/telemetry/span-ids.ts';

const names = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_BSP_SCHEDULE_DELAY'] as const;

/** A collector that keeps what it gets; it answers as long as it `answers`. */
class Collector {
  readonly got: { readonly path: string; readonly body: string }[] = [];
  answers = true;
  readonly #held: (() => void)[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request: IncomingMessage, response) => {
      void text(request).then((body) => {
        this.got.push({ path: request.url ?? '', body });
        const answer = () => void response.setHeader('content-type', 'application/json').end('{}');
        if (this.answers) answer();
        else this.#held.push(answer);
      });
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  release(): void {
    this.answers = true;
    for (const answer of this.#held.splice(0)) answer();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  spans(): readonly { readonly name: string; readonly traceId: string }[] {
    return this.got
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ body }) => JSON.parse(body).resourceSpans)
      .flatMap((resource) => resource.scopeSpans)
      .flatMap((scope) => scope.spans);
  }
}

const told = () => ({
  metrics: new Metrics(),
  spanIds: new SpanIds(),
  scrubber: new Scrubber({ SOME_KEY: 'canary-in-a-span' }),
  version: '1',
});

describe('a collector', function () {
  this.timeout(30_000);
  const collector = new Collector();

  before(async () => {
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = await collector.open();
  });

  afterEach(() => {
    for (const api of [trace, context, propagation, metricsApi]) api.disable();
    collector.got.splice(0);
  });

  after(() => {
    for (const name of names) delete process.env[name];
    collector.close();
  });

  it('is told of spans under the ids that were asked for, and of metrics, without secrets', async () => {
    const parts = told();
    const stop = await startTelemetry(process.env, parts);
    parts.metrics.add('tutti.cost.micro_usd', 1_234_567, { model: 'm', module: 'lab' });
    const ids = { traceId: '0'.repeat(31).concat('1'), spanId: '0'.repeat(15).concat('2') };
    const start = () => trace.getTracer('tutti').startSpan('execute_tool canary-in-a-span');
    const span = parts.spanIds.starting(ids, start);
    span.setAttribute('gen_ai.tool.name', 'Bearer abcdefghijklmnop').end();

    await stop();

    assert.deepEqual(
      collector.spans().map(({ name, traceId }) => [name, traceId]),
      [['execute_tool [redacted]', ids.traceId]],
    );
    const all = JSON.stringify(collector.got);
    assert.ok(all.includes('Bearer [redacted]') && !all.includes('canary'));
    const sums = collector.got.filter(({ path }) => path === '/v1/metrics').map(({ body }) => body);
    assert.match(sums.at(-1) ?? '', /tutti\.cost\.micro_usd.*"asDouble":1234567/);
  });

  it('that does not answer is left behind: what waits for it is bounded, and nothing waits', async () => {
    process.env.OTEL_BSP_SCHEDULE_DELAY = '10';
    collector.answers = false;
    const stop = await startTelemetry(process.env, told());
    const tracer = trace.getTracer('tutti');
    const made = 20_000;
    for (let n = 0; n < made; n += 1) tracer.startSpan(`span ${n}`).end();
    while (collector.got.length === 0) await new Promise(setImmediate);
    for (let n = 0; n < made; n += 1) tracer.startSpan(`span ${n}`).end();

    collector.release();
    await stop();

    const kept = collector.spans().length;
    assert.ok(kept > 0 && kept <= 2 * 2_048 + 512, `${kept} of ${2 * made} spans`);
  });

  it('that is not named costs nothing: no SDK is started', async () => {
    const stop = await startTelemetry({}, told());

    assert.equal(trace.getTracer('tutti').startSpan('nothing').isRecording(), false);
    await stop();
  });
});
