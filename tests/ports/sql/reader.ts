import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { asAdmin, type FreshDatabase, testServer } from '../../support/postgres.ts';

/** A database with tables of its own, and logins of several rights on the test server. */
export interface Library {
  /** The address of the database for a login. */
  url(login: string): string;
  /** Runs statements as the owner of everything. */
  admin(sql: string): Promise<pg.QueryResult>;
  close(): Promise<void>;
}

/** Makes logins `NAME` that anybody on this socket may use, and lets `statements` say what they may do. */
export async function openLibrary(
  fresh: FreshDatabase,
  logins: readonly string[],
  statements: string,
): Promise<Library> {
  const { dataFolder, server } = await testServer();
  const file = join(dataFolder, 'pg/pg_hba.conf');
  const rules = readFileSync(file, 'utf8');
  const own = logins.map((login) => `local all ${login} trust\n`).join('');
  writeFileSync(file, own + rules);
  for (const login of logins) await asAdmin(server, `CREATE ROLE ${login} LOGIN`);
  await asAdmin(server, 'SELECT pg_reload_conf()');
  const client = new pg.Client(fresh.url);
  await client.connect();
  await client.query(statements);
  return {
    url: (login) => fresh.url.replace('//tutti@', `//${login}@`),
    admin: (sql) => client.query(sql),
    async close() {
      await client.query(`DROP OWNED BY ${logins.join(', ')}`);
      await client.end();
      for (const login of logins) await asAdmin(server, `DROP ROLE ${login}`);
      writeFileSync(file, rules);
      await asAdmin(server, 'SELECT pg_reload_conf()');
    },
  };
}
