/** Peak memory of a process that runs the engine alone: `alone.ts GRAPH BASE MOCK FOLDER`, answers in JSON. */
import type { GraphName } from './graph.ts';
import { peakMemoryMb } from './meter.ts';
import { openStand, runEngine } from './stand.ts';

const [graph, base, mock, folder] = process.argv.slice(2) as [GraphName, string, string, string];
const stand = await openStand({ folder, graphs: [graph], mock });
const idleMb = peakMemoryMb();
const { ms } = await runEngine(stand, graph, Number(base));
console.log(JSON.stringify({ peakMb: peakMemoryMb(), idleMb, ms }));
await stand.host.close();
