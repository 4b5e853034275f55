import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import type { ConnectionConfig } from '../../core/ports/db/connection.ts';
import { type Database, openDatabase } from '../../core/ports/db/database.ts';
import { openEmbedded } from '../../core/ports/db/embedded.ts';
import { putCluster } from './made-cluster.ts';
import { asAdmin, urlOf } from './postgres.ts';
import { scratchFolder } from './scratch.ts';

/** A PostgreSQL that a test may crash; Tutti itself starts it again. */
export interface OwnServer extends AsyncDisposable {
  readonly database: Database;
  readonly url: string;
  readonly connection: ConnectionConfig;
  /** Runs one statement as the superuser, from another database of this server. */
  admin(statement: string): Promise<pg.QueryResult>;
  /** Ends it at once, without a checkpoint, as `pg_ctl stop -m immediate` does. */
  crash(): void;
}

/** Starts a server in a folder of its own, or one that the caller removes, with the schema in it. */
export async function ownServer(given?: string): Promise<OwnServer> {
  const folder = given === undefined ? scratchFolder({}) : { path: given, [Symbol.dispose]() {} };
  if (given === undefined) await putCluster(folder.path, 'socket');
  const server = await openEmbedded({ dataFolder: folder.path });
  const url = urlOf(server, 'tutti');
  const database = await openDatabase({ url, dataFolder: folder.path });
  return {
    database,
    url,
    connection: server.connection,
    admin: (statement) => asAdmin(server, statement),
    crash() {
      const pid = readFileSync(join(folder.path, 'pg/postmaster.pid'), 'utf8');
      process.kill(Number.parseInt(pid, 10), 'SIGQUIT');
    },
    async [Symbol.asyncDispose]() {
      await database.close();
      await server.leave();
      folder[Symbol.dispose]();
    },
  };
}
