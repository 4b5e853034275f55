import pg from 'pg';
import { startChild } from './child.ts';
import { openStand, runEngine } from './stand.ts';
let n = 0; const want = Number(process.argv[2] ?? 12);
const orig = pg.Client.prototype.query as any;
(pg.Client.prototype as any).query = function (q: any, ...rest: any[]) {
  if (q?.name === 'flush' && ++n === want) {
    return (async () => {
      await orig.call(this, 'BEGIN');
      const r = await orig.call(this, { text: `EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF) ${q.text}`, values: q.values });
      console.log(r.rows.map((x: any) => x['QUERY PLAN']).join('\n'));
      await orig.call(this, 'ROLLBACK');
      const t = performance.now();
      const res = await orig.call(this, q, ...rest);
      console.log('real', performance.now() - t);
      return res;
    })();
  }
  return orig.call(this, q, ...rest);
};
const mock = await startChild('./mock.ts');
import { rm } from 'node:fs/promises';
await rm('/work/main/.tutti/prof', { recursive: true, force: true });
const stand = await openStand({ folder: '/work/main/.tutti/prof', graphs: ['w500'], mock: `http://127.0.0.1:${mock.line}` });
for (let i = 0; i < 3; i++) await runEngine(stand, 'w500', -1);
await stand.host.close(); mock.child.kill(); process.exit(0);
