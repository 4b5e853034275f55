import { configUrl } from '../../bin/configuration.ts';
import { openHost } from '../../bin/host.ts';

/*
 * An engine of one release, for export.ts: `golden-engine.ts <database url> <run or 'new'>` submits a run of gold.work, or goes on
 * with one, until it has ended or CRASH_AT ends the process.
 */
const [databaseUrl = '', run = 'new'] = process.argv.slice(2);
const host = await openHost({
  configUrl: configUrl(new URL('golden.config.ts', import.meta.url).pathname),
  databaseUrl,
  dataFolder: '/nonexistent',
});
const engine = await host.startEngine((error) => {
  console.error(error);
  process.exit(1);
});
const input = { items: ['a', 'b', 'c'].map((id) => ({ id })), open: true };
const request = {
  tenantId: await host.store.tenant('gold'),
  workflow: 'gold.work',
  input,
  businessDate: '2026-06-30',
  timeZone: 'Europe/Berlin',
  attended: false,
  actor: { kind: 'person', id: 'tester' } as const,
};
const id = run === 'new' ? (await engine.startRun(request)).id : run;
await engine.whenEnded(id);
await host.close();
