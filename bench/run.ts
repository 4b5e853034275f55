/**
 * `npm run bench [-- --rounds N] [--quick]`: the engine against the floor in the same process, rounds interleaved, medians; then memory of
 * the engine alone and the night itself. Informative: the exit code says only whether everything ran. See docs/performance.md.
 */
import { mkdir } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { askChild, startChild } from './child.ts';
import { Figures, goalsOf, type Memory } from './goals.ts';
import { benchGraphs, countEdges, criticalPath, type GraphName } from './graph.ts';
import { Bench, cases, type Sample, type Who } from './measure.ts';
import { benchFolder, removeBenchFolder } from './stand.ts';
import { median } from './stats.ts';
import { table } from './table.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const rounds = values.quick ? 2 : Number(values.rounds);
const threads = Math.min(4, availableParallelism());
const chosen = cases.filter((each) => !values.only || each.name.includes(values.only));

await removeBenchFolder();
await mkdir(benchFolder, { recursive: true });
const { line: port, child: mock } = await startChild('./mock.ts');
const mockUrl = `http://127.0.0.1:${port}`;
try {
  const { samples, serverVersion } = await measureRounds();
  printMachine(serverVersion);
  const ideals = Object.fromEntries(
    cases.map((each) => [
      each.name,
      criticalPath(benchGraphs[each.graph]()) * Math.max(each.base, 0),
    ]),
  );
  const figures = new Figures(samples, ideals);
  printCases(figures);
  if (!values.only) {
    printGoals(figures, await measureMemory());
    printNight(await askChild<Night>('./night.ts', ['1', `${benchFolder}/night`]));
  }
} finally {
  mock.kill();
  await removeBenchFolder();
}

async function measureRounds(): Promise<{
  readonly samples: readonly Sample[];
  readonly serverVersion: string;
}> {
  const bench = await Bench.open({ folder: `${benchFolder}/rounds`, mock: mockUrl, threads });
  const samples: Sample[] = [];
  try {
    // Round 0 warms both up and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const order: readonly Who[] = round % 2 === 0 ? ['engine', 'floor'] : ['floor', 'engine'];
      for (const each of chosen) {
        for (const who of order) samples.push(await bench.measure(who, each, round));
      }
      console.error(round === 0 ? 'warm' : `round ${round} of ${rounds}`);
    }
    return {
      samples: samples.filter((each) => each.round > 0),
      serverVersion: await bench.serverVersion(),
    };
  } finally {
    await bench.close();
  }
}

interface Alone {
  readonly peakMb: number;
}
interface Night {
  readonly scale: number;
  readonly status: string;
  readonly seconds: number;
  readonly peakMb: number;
  readonly agents: number;
  readonly calls: number;
}

/** Peaks differ by a sixth from start to start: the median of as many starts as there are rounds. */
async function measureMemory(): Promise<Memory> {
  const peakOf = async (graph: GraphName, base: string): Promise<number> => {
    const peaks: number[] = [];
    for (let start = 0; start < rounds; start += 1) {
      const folder = `${benchFolder}/alone-${graph}-${start}`;
      const { peakMb } = await askChild<Alone>('./alone.ts', [graph, base, mockUrl, folder]);
      peaks.push(peakMb);
    }
    return median(peaks);
  };
  return { w500Mb: await peakOf('w500', '200'), w10kMb: await peakOf('w10k', '-1') };
}

function printMachine(serverVersion: string): void {
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(' ');
  console.log(
    `\n${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB · ${platform()} ${release()} ${arch()} · load ${load}`,
  );
  console.log(
    `Node ${process.versions.node} · PostgreSQL ${serverVersion}, embedded, fsync on · ${rounds} rounds · ${new Date().toISOString().slice(0, 10)}`,
  );
  for (const make of Object.values(benchGraphs)) {
    const graph = make();
    const { all, foreign } = countEdges(graph);
    console.log(
      `${graph.name}: ${graph.nodes.length} agents, ${all} edges (${((100 * foreign) / all).toFixed(1)} % across modules), critical path ${criticalPath(graph).toFixed(2)} L`,
    );
  }
}

function printCases(figures: Figures): void {
  const rows = chosen.flatMap(({ name, base }) =>
    (['engine', 'floor'] as const).map((who) => {
      const samples = figures.of(who, name);
      const all = samples.map((each) => each.ms);
      const agents = samples[0]?.agents ?? 0;
      return [
        name,
        who,
        `${figures.ms(who, name).toFixed(0)} (${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)})`,
        base > 0 ? figures.overIdeal(who, name).toFixed(3) : '',
        who === 'engine' ? figures.overFloor(name).toFixed(2) : '',
        ((agents / figures.ms(who, name)) * 1_000).toFixed(0),
        `${figures.delay(who, name, 0.5).toFixed(1)}/${figures.delay(who, name, 0.99).toFixed(1)}`,
        `${figures.perAgent(who, name, (each) => each.processMs).toFixed(3)} + ${figures.perAgent(who, name, (each) => each.serverMs).toFixed(3)}`,
        who === 'engine' ? Math.max(...samples.map((each) => each.submitMs)).toFixed(0) : '',
      ];
    }),
  );
  console.log(
    `\n${table(['case', 'who', 'ms (range)', '× ideal', '× floor', 'agents/s', 'delay p50/p99 ms', 'CPU ms/agent process + server', 'submit ms, most'], rows)}`,
  );
}

function printGoals(figures: Figures, memory: Memory): void {
  const show = (figure: number | null) => (figure === null ? '–' : figure.toPrecision(3));
  const rows = goalsOf(figures, memory).map((goal) => [
    goal.id,
    goal.what,
    goal.limit,
    show(goal.measured),
    show(goal.floor),
    show(goal.overFloor),
    goal.passed ? 'met' : 'MISSED',
  ]);
  console.log(`\n${table(['goal', 'what', 'limit', 'engine', 'floor', '× floor', ''], rows)}`);
}

function printNight({ scale, status, seconds, peakMb, agents, calls }: Night): void {
  console.log(
    `\nThe night at scale ${scale} with playbooks: ${status}, ${agents} agents, ${calls} tool calls, ${seconds.toFixed(1)} s, peak ${peakMb.toFixed(0)} MB.`,
  );
}
