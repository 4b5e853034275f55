import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { AnyEntity } from '../../sdk/entity.ts';
import type { Sample } from '../../sdk/sample.ts';
import { translateDbError } from '../db/db-error.ts';
import { tenantSetting } from '../db/transaction.ts';
import { insertRows } from './embedded/insert.ts';
import { tableOf } from './embedded/table.ts';
import { defaultAsOf, generateSample } from './sample.ts';

/** What a tenant's sample company is. */
export interface LoadedSample {
  /** False when it was there already. */
  readonly isNew: boolean;
  readonly rows: number;
  /** SHA-256 over its rows, in hex. */
  readonly digest: string;
  readonly asOf: string;
}

/** Which company, and whose. */
export interface LoadSampleOptions {
  /** Runs work in one transaction as the login user: `Database.admin`. */
  readonly admin: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;
  readonly tenantId: number;
  readonly entities: readonly AnyEntity[];
  /** Of the modules; loaded where the company is not there yet. */
  readonly samples: readonly (() => Promise<Sample>)[];
  /** @default 1 */
  readonly seed?: number;
  /** @default 1 */
  readonly scale?: number;
  /** @default 2026-06-30 */
  readonly asOf?: string;
}

/**
 * Writes the sample company into the tables of `prepareEmbedded`, in one transaction: it is there as a whole or not at
 * all. Where it is there already nothing happens. Its truth stays out of the database.
 * @throws INPUT_INVALID when the tenant holds another company
 */
export async function loadSample(options: LoadSampleOptions): Promise<LoadedSample> {
  return await options.admin(async (client) => {
    try {
      await client.query(`SET LOCAL ROLE tutti_tenant; ${tenantSetting(options.tenantId)}`);
      return (await findSample(client, options)) ?? (await writeSample(client, options));
    } catch (error) {
      throw translateDbError(error);
    }
  });
}

interface SampleRow {
  readonly seed: string;
  readonly scale: number;
  readonly as_of: string;
  readonly row_count: number;
  readonly digest: string;
}

async function findSample(
  client: pg.Client,
  options: LoadSampleOptions,
): Promise<LoadedSample | null> {
  const { rows } = await client.query<SampleRow>(
    `SELECT seed::text AS seed, scale, as_of::text AS as_of, row_count, encode(digest, 'hex') AS digest
       FROM erp.company_sample WHERE tenant_id = $1`,
    [options.tenantId],
  );
  const [found] = rows;
  if (!found) return null;
  const wanted = `seed ${options.seed ?? 1}, scale ${options.scale ?? 1}, as of ${options.asOf ?? defaultAsOf}`;
  const held = `seed ${found.seed}, scale ${found.scale}, as of ${found.as_of}`;
  if (held === wanted) {
    return { isNew: false, rows: found.row_count, digest: found.digest, asOf: found.as_of };
  }
  throw new EngineError(
    'INPUT_INVALID',
    `Tenant ${options.tenantId} holds the sample company with ${held}, not ${wanted}; load that one into a tenant of its own.`,
  );
}

async function writeSample(client: pg.Client, options: LoadSampleOptions): Promise<LoadedSample> {
  const { tenantId, entities, seed = 1, scale = 1 } = options;
  const samples = await Promise.all(options.samples.map((load) => load()));
  const { rows, asOf } = generateSample({ ...options, samples });
  const inserted = await insertRows(client, { tenantId, entities, rows });
  await client.query(
    `INSERT INTO erp.company_sample (tenant_id, seed, scale, as_of, row_count, digest)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [tenantId, seed, scale, asOf, inserted.rows, inserted.sha256],
  );
  // A fresh table has no statistics, and plans for one are slow until the server's own analysis comes round.
  const written = entities.filter((entity) => rows.has(entity.name)).map(tableOf);
  await client.query(
    `SET LOCAL ROLE NONE; ANALYZE ${written.map((table) => table.name).join(', ')}`,
  );
  return { isNew: true, rows: inserted.rows, digest: inserted.sha256.toString('hex'), asOf };
}
