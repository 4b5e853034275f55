import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { type Host, openHost } from '../bin/host.ts';
import type { Engine } from '../core/engine/engine.ts';
import type { Handed } from './call.ts';
import { benchGraphs, type GraphName } from './graph.ts';

/** Where the bench keeps its databases: a folder on disk, since a commit costs what its disk costs. */
export const benchFolder = fileURLToPath(new URL('../.tutti/bench', import.meta.url));

/** Removes it, with the databases that lie elsewhere: where root runs the bench below a folder that only root may enter, `pg.location` says where. */
export async function removeBenchFolder(): Promise<void> {
  const files = await readdir(benchFolder, { recursive: true }).catch(() => []);
  for (const file of files.filter((each) => basename(each) === 'pg.location')) {
    const home = await readFile(join(benchFolder, file), 'utf8');
    await rm(home.trim(), { recursive: true, force: true });
  }
  await rm(benchFolder, { recursive: true, force: true });
}

/** An engine of the product on the bench's modules. */
export interface Stand {
  readonly host: Host;
  readonly engine: Engine;
  readonly tenantId: number;
  /** For the bench's own questions. */
  readonly pool: pg.Pool;
}

/** One run of the engine. `ms` begins when the run is adopted; `submitMs` is what came before: compile, publish, store, claim. */
export interface EngineRun {
  readonly id: string;
  readonly ms: number;
  readonly submitMs: number;
}

/** Opens the real thing: embedded PostgreSQL in `folder`, the real engine and its threads. */
export async function openStand(options: {
  readonly folder: string;
  readonly graphs: readonly GraphName[];
  readonly mock: string;
}): Promise<Stand> {
  const config = new URL('./config.ts', import.meta.url);
  config.searchParams.set('graphs', options.graphs.join(','));
  config.searchParams.set('mock', options.mock);
  const host = await openHost({ configUrl: config.href, dataFolder: options.folder });
  const engine = await host.startEngine((error) => {
    console.error(error);
    process.exit(1);
  });
  const pool = host.database.pool('tutti_engine', 1);
  return { host, engine, pool, tenantId: await host.store.tenant('bench') };
}

/** Runs one graph to its end; `base` is the latency that factors multiply, negative for no call. */
export async function runEngine(
  { pool, engine, tenantId }: Stand,
  graph: GraphName,
  base: number,
): Promise<EngineRun> {
  const from = Date.now();
  const { id } = await engine.startRun({
    tenantId,
    workflow: graph,
    input: { base },
    businessDate: '2026-06-30',
    timeZone: 'UTC',
    attended: false,
    actor: { kind: 'person', id: 'bench' },
  });
  const status = await engine.whenEnded(id);
  const ended = Date.now();
  const { rows } = await pool.query<{ adopted: number; done: number }>(
    `SELECT (extract(epoch FROM min(ready_at)) * 1000)::float8 AS adopted, count(*) FILTER (WHERE status = 'succeeded' AND NOT degraded)::int AS done
     FROM tutti.step WHERE tenant_id = $1 AND run_id = $2`,
    [tenantId, id],
  );
  const { adopted, done } = rows[0] as { adopted: number; done: number };
  const wanted = benchGraphs[graph]().nodes.length;
  if (status !== 'succeeded' || done !== wanted)
    throw new Error(`The run of ${graph} ended '${status}' with ${done} of ${wanted} agents.`);
  return { id, ms: ended - adopted, submitMs: adopted - from };
}

/** What the agents of a run handed in, from its payloads. */
export async function readHanded(
  { pool, tenantId }: Stand,
  runId: string,
): Promise<readonly Handed[]> {
  const { rows } = await pool.query<{ handed: Handed }>(
    `SELECT convert_from(body, 'UTF8')::jsonb AS handed FROM tutti.payload WHERE tenant_id = $1 AND run_id = $2 AND class = 'output'`,
    [tenantId, runId],
  );
  return rows.map((row) => row.handed);
}
