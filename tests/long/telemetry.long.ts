import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { openTestEngine } from '../support/engine.ts';
import { SpanRecorder } from '../support/telemetry-lab.ts';
import { checkSpans, checkSums, runAtRandom } from '../support/telemetry-truth.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../support/fixtures/telemetry.config.ts', import.meta.url);
const rounds = 6;

describe('telemetry, at length', function () {
  this.timeout(1_200_000);

  it('adds up to the journal, and tells of every attempt once, over 1,000 random runs', async function () {
    verifies('R11.metrics', 'R11.tracing');
    const seed = Number(process.env.SEED ?? Date.now() % 1e9);
    console.error(`SEED=${seed}`);
    const recorder = new SpanRecorder();
    const lab = await openTestEngine(config, { spanIds: recorder.ids });
    try {
      const tenantId = await lab.host.store.tenant('lab');
      await runAtRandom(lab.engine, { tenantId, runs: 1_000, seed });

      const pool = lab.host.database.pool('tutti_engine', 1);
      console.error(await checkSums(pool, [lab.host.telemetry.metrics]));
      await checkSpans(pool, recorder.spans);
    } finally {
      await lab.close(this);
      await recorder.close();
    }
  });

  it('takes at most 2 % of the throughput when the collector does not answer', async () => {
    const silent = await openSilent();
    const best = { without: Number.POSITIVE_INFINITY, with: Number.POSITIVE_INFINITY };
    try {
      // In turns, and the best of each: what else the machine does concerns both, and only ever takes time.
      for (let round = 0; round < rounds; round += 1)
        for (const how of ['without', 'with'] as const) {
          const endpoint = how === 'with' ? silent.url : undefined;
          best[how] = Math.min(best[how], await timed(endpoint));
        }
    } finally {
      silent.close();
    }
    const loss = best.with / best.without - 1;
    console.error({ ...best, loss });
    assert.ok(loss <= 0.02, `${(loss * 100).toFixed(1)} %`);
  });
});

/** Milliseconds that some runs take. */
async function timed(endpoint: string | undefined): Promise<number> {
  if (endpoint) process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  const lab = await openTestEngine(config);
  try {
    const tenantId = await lab.host.store.tenant('lab');
    await runAtRandom(lab.engine, { tenantId, runs: 50, seed: 1 });
    const startedAt = performance.now();
    await runAtRandom(lab.engine, { tenantId, runs: 300, seed: 2 });
    return performance.now() - startedAt;
  } finally {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    await lab.close();
    for (const api of [trace, context, propagation, metrics]) api.disable();
  }
}

/** A collector that takes connections and never answers. */
async function openSilent(): Promise<{ readonly url: string; close(): void }> {
  const server: Server = createServer(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
