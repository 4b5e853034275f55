import { openHost } from '../../bin/host.ts';
import { openDatabase } from '../../core/ports/db/database.ts';
import { prepareEmbedded } from '../../core/ports/erp/embedded/prepare.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { cloneOf, type FreshDatabase, templateDatabase } from './postgres.ts';

const [books, template] = ['books', 'company'];
const configUrl = new URL('../../tutti.config.ts', import.meta.url).href;
let bound: Promise<void> | undefined;
let made: Promise<void> | undefined;

/**
 * A database of one test file with the tables of the embedded ERP that every host makes at its first start, empty: thirty of them cost more than
 * the rest of the database. They are made once a test process.
 */
export async function booksDatabase(): Promise<FreshDatabase> {
  bound ??= templateDatabase(books, async (url) => {
    const database = await openDatabase({ url, dataFolder: '/nonexistent' });
    await database.admin((client) => prepareEmbedded(client, sharedEntities));
    await database.close();
  });
  await bound;
  return await cloneOf(books);
}

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
