import assert from 'node:assert/strict';
import { join } from 'node:path';
import pg from 'pg';
import { restoreBackup, writeBackup } from '../../../core/ports/db/backup.ts';
import { openLogin } from '../../../core/ports/db/connection.ts';
import { type EmbeddedServer, openEmbedded } from '../../../core/ports/db/embedded.ts';
import { inSchemaTransaction } from '../../../core/ports/db/migrate.ts';
import { prepareEmbedded } from '../../../core/ports/erp/embedded.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { contentsOf, fillTables, prepare } from '../../support/backup-data.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

// The embedded server's own login is a superuser, whom row-level security does not bind; a managed server has no such login.
describe('a backup by a login that row-level security binds', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let server: EmbeddedServer;
  let admin: pg.Client;

  before(async () => {
    server = await openEmbedded({ dataFolder: join(folder.path, 'data'), transport: 'tcp' });
    admin = new pg.Client({ ...server.connection, database: 'postgres' });
    await admin.connect();
    await admin.query(`CREATE ROLE tutti_engine; CREATE ROLE tutti_tenant;
      CREATE ROLE plain LOGIN PASSWORD 'secret'; GRANT tutti_engine, tutti_tenant TO plain WITH INHERIT FALSE, SET TRUE`);
  });
  after(async () => {
    await admin.end();
    await server.leave();
    folder[Symbol.dispose]();
  });

  /** A database that belongs to the login. */
  async function anOwned(name: string) {
    await admin.query(`CREATE DATABASE ${name} OWNER plain TEMPLATE template0`);
    return {
      url: `postgresql://plain:secret@127.0.0.1:${server.connection.port}/${name}`,
      dataFolder: '',
    };
  }

  async function contents(database: string) {
    const client = await openLogin({ ...server.connection, database });
    return contentsOf(client).finally(() => client.end());
  }

  it('holds every row all the same, and is restored by such a login', async () => {
    verifies('R13.managed-database', 'R13.backup');
    const source = await anOwned('source');
    const target = await anOwned('target');
    await prepare(source.url, async () => {});
    const superuser = await openLogin({ ...server.connection, database: 'source' });
    // Made by the login, so that its tables are its own; filled by somebody who may.
    await superuser.query('SET ROLE plain');
    await prepareEmbedded(superuser, sharedEntities);
    await superuser.query('RESET ROLE');
    await inSchemaTransaction(superuser, () => fillTables(superuser));
    await superuser.end();
    const path = join(folder.path, 'plain.backup');

    await writeBackup(source, { path, isForced: false, release: '1.2.3' });
    await restoreBackup(target, path);

    const was = await contents('source');
    assert.ok(Object.values(was).every((rows) => rows.length > 0));
    // Whoever was signed in signs in again.
    assert.deepEqual(await contents('target'), { ...was, 'tutti."session"': [] });
  });

  it('is refused when nobody may read some of the rows', async () => {
    const blind = await anOwned('blind');
    await prepare(blind.url, (client) => client.query('DROP POLICY engine ON tutti.finding'));
    const path = join(folder.path, 'blind.backup');

    await assert.rejects(writeBackup(blind, { path, isForced: false, release: '1.2.3' }), {
      code: 'CONFIG_INVALID',
      message: /every row of tutti\.finding; .*GRANT SELECT ON tutti\."finding"/,
    });
  });
});
