import { openHost } from '../../bin/host.ts';
import { cloneOf, type FreshDatabase, templateDatabase } from './postgres.ts';

const template = 'company';
const configUrl = new URL('../../tutti.config.ts', import.meta.url).href;
let made: Promise<void> | undefined;

/**
 * A database of one test file that has the sample company of scale 1 in it, as the shipped modules know it. It is loaded once a test
 * process, and copied; `sampleTenant(1)` finds it there.
 */
export async function companyDatabase(): Promise<FreshDatabase> {
  made ??= templateDatabase(template, async (databaseUrl) => {
    const host = await openHost({ configUrl, databaseUrl, dataFolder: '/nonexistent', env: {} });
    await host.sampleTenant(1);
    await host.close();
  });
  await made;
  return await cloneOf(template);
}
