import { openHost } from '../bin/host.ts';
import { startChild } from './child.ts';
import { benchGraphs, countEdges, criticalPath } from './graph.ts';
for (const [n, g] of Object.entries(benchGraphs)) console.log(n, g().nodes.length, countEdges(g()), criticalPath(g()));
const mock = await startChild('./mock.ts');
const url = new URL(`./config.ts?graphs=w500,w500j,w10k&mock=http://127.0.0.1:${mock.line}`, import.meta.url).href;
const host = await openHost({ configUrl: url, dataFolder: '/work/main/.tutti/bench-probe' });
const engine = await host.startEngine((e) => console.error('FAIL', e));
const tenantId = await host.store.tenant('bench');
for (const [w, base] of [['w500', -1], ['w500', -1], ['w500', -1], ['w500', 50], ['w500', 200], ['w500j', 50], ['w10k', -1], ['w10k', -1]] as const) {
  const t0 = performance.now();
  const { id } = await engine.startRun({ tenantId, workflow: w, input: { base }, businessDate: '2026-11-01', timeZone: 'UTC', attended: false, actor: { kind: 'person', id: 'me' } });
  const t1 = performance.now();
  const status = await engine.whenEnded(id);
  console.log(w, base, status, 'submit', (t1 - t0).toFixed(0), 'rest', (performance.now() - t1).toFixed(0));
}
await host.close();
mock.child.kill();
