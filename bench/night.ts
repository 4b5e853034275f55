/** The night itself with playbooks, in a process of its own: `night.ts SCALE FOLDER`, answers in JSON. */
import { configUrl } from '../bin/configuration.ts';
import { openHost } from '../bin/host.ts';
import { peakMemoryMb } from './meter.ts';

const [scale = '1', dataFolder = ''] = process.argv.slice(2);
const config = new URL('../tutti.config.ts', import.meta.url).pathname;
// No environment: playbooks run, whatever keys this shell holds.
const host = await openHost({ configUrl: configUrl(config), dataFolder, env: {} });
const { tenantId, sample } = await host.sampleTenant(Number(scale));
const engine = await host.startEngine((error) => {
  console.error(error);
  process.exit(1);
});
const from = performance.now();
const { id } = await engine.startRun({
  tenantId,
  workflow: 'nightly',
  input: {},
  businessDate: sample.asOf,
  timeZone: 'Europe/Berlin',
  attended: false,
  actor: { kind: 'person', id: 'bench' },
});
const status = await engine.whenEnded(id);
const seconds = (performance.now() - from) / 1_000;
const { rows } = await host.database
  .pool('tutti_engine', 1)
  .query<{ agents: number; calls: number }>(
    `SELECT (SELECT count(*) FROM tutti.step WHERE run_id = $1 AND kind IN ('task', 'reduce') AND attempt > 0)::int AS agents,
     (SELECT count(*) FROM tutti.entry WHERE run_id = $1 AND kind = 'tool.called')::int AS calls`,
    [id],
  );
console.log(
  JSON.stringify({ scale: Number(scale), status, seconds, peakMb: peakMemoryMb(), ...rows[0] }),
);
await host.close();
