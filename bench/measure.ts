import type pg from 'pg';
import { compile } from '../core/engine/graph/compile.ts';
import type { Graph } from '../core/engine/graph/compiled.ts';
import { journalSettings } from '../core/engine/journal/journal-connection.ts';
import type { Handed } from './call.ts';
import { Floor } from './floor.ts';
import { type BenchGraph, benchGraphs, type GraphName, moduleCount } from './graph.ts';
import { meterCpu, readDisk, serverPids } from './meter.ts';
import { openStand, readHanded, runEngine, type Stand } from './stand.ts';

/** What is measured: a graph and the latency of its model calls, ms; negative for no call at all. */
export const cases = [
  { name: 'W500 null', graph: 'w500', base: -1 },
  { name: 'W500 L=50', graph: 'w500', base: 50 },
  { name: 'W500 L=200', graph: 'w500', base: 200 },
  { name: 'W500j L=50', graph: 'w500j', base: 50 },
  { name: 'W10k null', graph: 'w10k', base: -1 },
] as const satisfies readonly {
  readonly name: string;
  readonly graph: GraphName;
  readonly base: number;
}[];

export type Case = (typeof cases)[number];
export type Who = 'engine' | 'floor';

/** One run of one of the two. Bytes and CPU are those of the run alone. */
export interface Sample {
  readonly who: Who;
  readonly round: number;
  readonly case: Case['name'];
  readonly ms: number;
  readonly submitMs: number;
  readonly agents: number;
  /** From the end of the last dependency's call to the start of the dependent's, ms, by agent. */
  readonly delays: readonly number[];
  readonly processMs: number;
  readonly serverMs: number;
  readonly tableBytes: number;
  readonly walBytes: number;
}

/** Engine and floor side by side in one process, on one server. */
export class Bench {
  readonly #stand: Stand;
  readonly #floor: Floor;
  readonly #pool: pg.Pool;
  readonly #graphs = new Map<GraphName, { readonly bench: BenchGraph; readonly graph: Graph }>();

  private constructor(stand: Stand, floor: Floor) {
    this.#stand = stand;
    this.#floor = floor;
    this.#pool = stand.pool;
    const { registry } = stand.host;
    for (const name of Object.keys(benchGraphs) as GraphName[]) {
      const data = registry.workflows.get(name)?.data;
      if (data)
        this.#graphs.set(name, {
          bench: benchGraphs[name](),
          graph: compile(data, registry.agents),
        });
    }
  }

  static async open(options: {
    readonly folder: string;
    readonly mock: string;
    readonly threads: number;
  }): Promise<Bench> {
    const stand = await openStand({ ...options, graphs: Object.keys(benchGraphs) as GraphName[] });
    const { database } = stand.host;
    const client = await database.connect('tutti_engine');
    await client.query(journalSettings);
    // A tenant of its own: the two never write the same budget rows.
    const tenantId = await stand.host.store.tenant('floor');
    const floor = new Floor({
      ...options,
      client,
      pool: database.pool('tutti_engine', 1),
      tenantId,
    });
    const modules = Array.from({ length: moduleCount }, (_, index) => `module:m${index}`);
    await floor.open([
      'tenant',
      ...modules,
      ...Object.keys(benchGraphs).map((name) => `workflow:${name}`),
    ]);
    return new Bench(stand, floor);
  }

  /** The server's version. */
  async serverVersion(): Promise<string> {
    const { rows } = await this.#pool.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? '';
  }

  /** Measures one case once. */
  async measure(who: Who, { name, graph, base }: Case, round: number): Promise<Sample> {
    const { bench } = this.#graph(graph);
    const before = await readDisk(this.#pool);
    const stop = meterCpu(await serverPids(this.#pool));
    const ran =
      who === 'engine'
        ? await runEngine(this.#stand, graph, base)
        : await this.#runFloor(graph, base);
    const cpu = stop();
    const after = await readDisk(this.#pool);
    const handed = 'id' in ran ? await readHanded(this.#stand, ran.id) : ran.handed;
    return {
      who,
      round,
      case: name,
      ms: ran.ms,
      submitMs: ran.submitMs,
      agents: bench.nodes.length,
      delays: delaysOf(bench, handed),
      ...cpu,
      tableBytes: after.tableBytes - before.tableBytes,
      walBytes: after.walBytes - before.walBytes,
    };
  }

  async close(): Promise<void> {
    await this.#floor.close();
    await this.#stand.host.close();
  }

  async #runFloor(
    name: GraphName,
    base: number,
  ): Promise<{
    readonly ms: number;
    readonly submitMs: number;
    readonly handed: readonly Handed[];
  }> {
    const { bench, graph } = this.#graph(name);
    return { submitMs: 0, ...(await this.#floor.run(bench, graph, base)) };
  }

  #graph(name: GraphName): { readonly bench: BenchGraph; readonly graph: Graph } {
    return this.#graphs.get(name) as { readonly bench: BenchGraph; readonly graph: Graph };
  }
}

function delaysOf({ nodes }: BenchGraph, handed: readonly Handed[]): readonly number[] {
  const byIndex = new Map(handed.map((each) => [each.index, each]));
  const followers = nodes.filter((node) => node.deps.length > 0);
  return followers.map(({ index, deps }) => {
    const freeAt = Math.max(...deps.map((dep) => byIndex.get(dep)?.to ?? Number.NaN));
    return (byIndex.get(index)?.from ?? Number.NaN) - freeAt;
  });
}
