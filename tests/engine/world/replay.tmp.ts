import fc from 'fast-check';
import { SimDatabase } from './database.ts';
import { tilts } from './invariants.ts';
import { aLifeOf } from './life.ts';
import { World } from './world.ts';

const [, , inv, seed, path] = process.argv;
const tilt = tilts[inv as string] ?? {};
if (process.env.ROWS) {
  const flush = SimDatabase.prototype.flush;
  SimDatabase.prototype.flush = function (this: SimDatabase, p) {
    const before = new Map([...this.runs].map(([id, r]) => [id, new Map(r.steps)]));
    const r = flush.call(this, p);
    const { flushValues } = fv;
    for (const row of flushValues(p).rows.steps) {
      const known = before.get(row.run_id as string)?.get(row.id as number);
      console.log(
        'row',
        (row.run_id as string).at(-1),
        row.id,
        row.node,
        row.item_key,
        row.status,
        'att',
        row.attempt,
        'ended',
        row.ended_at,
        '| known',
        known?.status,
        known?.attempt,
        known?.ended_at,
        'marked',
        r.marked,
      );
    }
    return r;
  };
}
const fv = await import('./flush-values.ts');
await fc
  .check(
    fc.asyncProperty(aLifeOf(tilt), async (life) => void (await World.live(life, tilt))),
    { seed: Number(seed), path: path as string, endOnFailure: true, numRuns: 1 },
  )
  .then((o) => {
    console.log((o.errorInstance as Error)?.stack?.slice(0, 3000));
    console.log(
      JSON.stringify(
        o.counterexample?.[0].setup.runs.map(
          (r: never) => (r as { data: { nodes: unknown } }).data.nodes,
        ),
      ).slice(0, 1200),
    );
  });
