import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openTestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const minutes = Number(process.env.SOAK_MINUTES ?? '10');
const items = Array.from({ length: 40 }, (_, index) => ({ id: `q${index}` }));
const sampleEveryMs = 2_000;
/** What the heap may have grown by over the measured time, MB; a leak of 1 kB a step is ten times that within ten minutes. */
const mostGrowthMb = 3;

describe('an engine that runs for a long time', function () {
  this.timeout(minutes * 60_000 + 120_000);

  it('keeps its heap and its handles flat', async () => {
    verifies('R9.pooling');
    const config = new URL('../support/fixtures/lab.config.ts', import.meta.url);
    const lab = await openTestEngine(config);
    try {
      const tenantId = await lab.host.store.tenant('lab');
      const began = performance.now();
      const warmMs = minutes * 60_000 * 0.2;
      const samples: { readonly atMs: number; readonly mb: number; readonly handles: number }[] =
        [];
      for (let atMs = 0; atMs < minutes * 60_000; atMs = performance.now() - began) {
        const { status } = await lab.run('lab.quick', { tenantId, input: { items } });
        assert.equal(status, 'succeeded');
        if (atMs < warmMs || atMs - (samples.at(-1)?.atMs ?? -sampleEveryMs) < sampleEveryMs)
          continue;
        collect();
        const mb = process.memoryUsage().heapUsed / 2 ** 20;
        samples.push({ atMs, mb, handles: process.getActiveResourcesInfo().length });
      }

      const growth = slope(samples) * ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0));
      const handles = samples.map((sample) => sample.handles);
      assert.ok(samples.length >= 10, `${samples.length} samples`);
      assert.ok(growth < mostGrowthMb, `the heap grew by ${growth.toFixed(2)} MB`);
      assert.ok((handles.at(-1) ?? 0) <= (handles[0] ?? 0) + 5, `handles: ${handles.join(' ')}`);
    } finally {
      await lab.close();
    }
  });
});

/** Least squares: MB a millisecond. */
function slope(samples: readonly { readonly atMs: number; readonly mb: number }[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = mean(samples.map(({ atMs }) => atMs));
  const mb = mean(samples.map((sample) => sample.mb));
  const above = samples.reduce((sum, each) => sum + (each.atMs - at) * (each.mb - mb), 0);
  const below = samples.reduce((sum, each) => sum + (each.atMs - at) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
