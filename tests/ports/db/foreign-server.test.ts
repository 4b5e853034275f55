import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import { openDatabase } from '../../../core/ports/db/database.ts';
import { type EmbeddedServer, openEmbedded } from '../../../core/ports/db/embedded.ts';
import { verifies } from '../../support/verifies.ts';

// A server over TCP with passwords, as an administrator would run one: the embedded server in its Windows manner.
describe('a server of somebody else', function () {
  this.timeout(180_000);
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'tutti-foreign-'));
  let server: EmbeddedServer;
  let admin: pg.Client;

  before(async () => {
    server = await openEmbedded({ dataFolder, transport: 'tcp' });
    admin = new pg.Client({ ...server.connection, database: 'postgres' });
    await admin.connect();
  });
  after(async () => {
    await admin.end();
    await server.leave();
    rmSync(dataFolder, { recursive: true });
  });

  function urlFor(user: string, database: string, password = 'secret'): string {
    return `postgresql://${user}:${password}@127.0.0.1:${server.connection.port}/${database}`;
  }

  async function aLogin(user: string, rights: string): Promise<void> {
    await admin.query(`CREATE ROLE ${user} LOGIN ${rights} PASSWORD 'secret'`);
    await admin.query(`CREATE DATABASE ${user}`);
  }

  it('is refused with the commands to run when the login lacks rights, and used after them', async () => {
    verifies('R9.own-database', 'R13.managed-database');
    await aLogin('plain', '');
    const url = urlFor('plain', 'plain');
    const error = await openDatabase({ url, dataFolder }).catch(
      (thrown: Error & { code: string }) => thrown,
    );
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'CONFIG_INVALID');

    const commands = error.message.slice(error.message.indexOf('CREATE ROLE'));
    await admin.query(commands);
    const database = await openDatabase({ url, dataFolder });

    await database.asTenant(1, async (transaction) => {
      const setting = { tenantId: 1, name: 'a', value: '1', actor: '{}', at: new Date() };
      await transaction.insertInto('setting').values(setting).execute();
    });
    const seen = await database.asTenant(2, (transaction) =>
      transaction.selectFrom('setting').selectAll().execute(),
    );
    assert.deepEqual(seen, []);
    await database.close();
  });

  it('serves a login that may create roles in a database of its own', async () => {
    verifies('R13.managed-database');
    await aLogin('maker', 'CREATEROLE');
    await admin.query('ALTER DATABASE maker OWNER TO maker');
    await admin.query('GRANT tutti_engine, tutti_tenant TO maker WITH ADMIN OPTION');

    const database = await openDatabase({ url: urlFor('maker', 'maker'), dataFolder });

    const meta = await database.kysely('tutti_tenant').selectFrom('meta').selectAll().execute();
    assert.equal(meta.length, 1);
    await database.close();
  });

  it('is refused when the tenant role could see every row', async () => {
    await admin.query('CREATE DATABASE unsafe');
    await admin.query('ALTER ROLE tutti_tenant BYPASSRLS');

    const opened = openDatabase({ url: superuser('unsafe'), dataFolder });

    await assert.rejects(opened, {
      code: 'CONFIG_INVALID',
      message: /ALTER ROLE tutti_tenant NOSUPERUSER NOBYPASSRLS/,
    });
    // Also one that was safe when its tables were made.
    await assert.rejects(openDatabase({ url: urlFor('maker', 'maker'), dataFolder }), {
      code: 'CONFIG_INVALID',
      message: /Tenants would not be kept apart .* ALTER ROLE tutti_tenant NOSUPERUSER NOBYPASSRLS/,
    });
    await admin.query('ALTER ROLE tutti_tenant NOBYPASSRLS');
  });

  it('is refused when its database cannot hold every character', async () => {
    await admin.query(
      `CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`,
    );

    const opened = openDatabase({ url: superuser('latin'), dataFolder });

    await assert.rejects(opened, { code: 'DB_VERSION', message: /encoding LATIN1/ });
  });

  it('names what is wrong with a password, a database or an address', async () => {
    const open = (url: string) => openDatabase({ url, dataFolder });

    const wrongPassword = open(urlFor('tutti', 'tutti', 'hunter2'));
    await assert.rejects(wrongPassword, (error: Error & { code: string }) => {
      assert.equal(error.code, 'DB_UNAVAILABLE');
      assert.match(error.message, /password/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    await assert.rejects(open(superuser('absent')), {
      code: 'DB_UNAVAILABLE',
      message: /does not exist; create it/,
    });
    await assert.rejects(open('postgresql://tutti@127.0.0.1:1/tutti'), {
      code: 'DB_UNAVAILABLE',
      message: /at 127\.0\.0\.1:1 does not answer \(ECONNREFUSED\)/,
    });
    await assert.rejects(open('postgresql://tutti@localhost/tutti?host=/tmp/nowhere'), {
      code: 'DB_UNAVAILABLE',
      message: /does not answer \(ENOENT\)/,
    });
  });

  function superuser(database: string): string {
    return urlFor('tutti', database, String(server.connection.password));
  }
});
