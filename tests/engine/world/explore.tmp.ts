import fc from 'fast-check';
import { aLifeOf, type Tilt } from './life.ts';
import { World } from './world.ts';

const n = Number(process.argv[2] ?? 300);
const seed = Number(process.argv[3] ?? 1);
const tilt = JSON.parse(process.argv[4] ?? '{}') as Tilt;
const t0 = performance.now();
const seen = new Map<string, { count: number; size: number; text: string }>();
let commits = 0;
let starts = 0;
let events = 0;
let good = 0;
const lives = fc.sample(aLifeOf(tilt), { numRuns: n, seed });
const t1 = performance.now();
for (const life of lives) {
  try {
    const world = await World.live(life, tilt);
    good += 1;
    commits += world.database.commits;
    starts += world.trace.filter((l) => l.startsWith('start')).length;
    events += world.trace.length;
  } catch (error) {
    const text = (error as Error).message;
    const kind = (text.split('\nafter')[0] as string).replace(/\d+/g, '#').slice(0, 160);
    const known = seen.get(kind);
    const size = life.chances.length + JSON.stringify(life.setup).length;
    const stack = text.includes('after\n') ? text : ((error as Error).stack ?? '');
    if (!known || known.size > size)
      seen.set(kind, {
        count: (known?.count ?? 0) + 1,
        size,
        text:
          stack + '\n' + JSON.stringify(life.setup.runs.map((r) => r.data.nodes)).slice(0, 1500),
      });
    else known.count += 1;
  }
}
const ms = performance.now() - t1;
for (const [kind, { count, text }] of [...seen]
  .sort((a, b) => b[1].count - a[1].count)
  .filter(([k]) => !process.argv[5] || !new RegExp(process.argv[5]).test(k))
  .slice(0, 9))
  console.log('=====', count, kind, '\n', text.slice(0, 1800));
console.log({
  n,
  good,
  commits: commits / good,
  starts: starts / good,
  events: events / good,
  msPerLife: ms / n,
  sampleMs: t1 - t0,
});
