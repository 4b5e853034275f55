import pg from 'pg';
import { startChild } from './child.ts';
import { openStand, runEngine } from './stand.ts';
const flushes: {ms:number; steps:number; entries:number; bytes:number}[] = [];
const orig = pg.Client.prototype.query as any;
(pg.Client.prototype as any).query = function (q: any, ...rest: any[]) {
  const r = orig.call(this, q, ...rest);
  if (q?.name === 'flush') { const t = performance.now(); r.then(() => flushes.push({ ms: performance.now() - t, steps: q.values[1+6+7+10]?.length, entries: q.values[1+6+7+10+21+10]?.length, bytes: 0 }), () => {}); }
  return r;
};
const mock = await startChild('./mock.ts');
import { rm } from 'node:fs/promises';
await rm('/work/main/.tutti/prof', { recursive: true, force: true });
const g = (process.argv[2] ?? 'w500') as 'w500', n = Number(process.argv[3] ?? 10), base = Number(process.argv[4] ?? -1);
const stand = await openStand({ folder: '/work/main/.tutti/prof', graphs: [g], mock: `http://127.0.0.1:${mock.line}` });
await runEngine(stand, g, base);
const { execSync } = await import('node:child_process');
const ps = () => execSync("ps -eo pid,cputimes,time,args | grep 'postgres' | grep -v grep").toString();
import { serverPids } from './meter.ts'; import { readFileSync } from 'node:fs';
const pids = await serverPids(stand.pool);
const tick = () => pids.map((pid) => { try { const t = readFileSync('/proc/'+pid+'/stat','utf8'); const f = t.slice(t.lastIndexOf(')')+2).split(' '); return [pid, (Number(f[11])+Number(f[12]))*10, readFileSync('/proc/'+pid+'/cmdline','utf8').replaceAll('\0',' ').slice(0,60)] as const; } catch { return [pid,0,''] as const; } });
import { readdirSync } from 'node:fs';
const tasks = () => new Map(readdirSync('/proc/self/task').map((tid) => { const t = readFileSync('/proc/self/task/'+tid+'/stat','utf8'); const f = t.slice(t.lastIndexOf(')')+2).split(' '); return [tid + ' ' + t.slice(t.indexOf('('), t.lastIndexOf(')')+1), (Number(f[11])+Number(f[12]))*10] as const; }));
const tb = tasks(); let stepRows = 0, entryRows = 0;
const before = tick(); const cpu0 = process.cpuUsage();
const all: number[] = [];
for (let i = 0; i < n; i++) { flushes.length = 0; const r = await runEngine(stand, g, base); all.push(r.ms); for (const f of flushes) { stepRows += f.steps; entryRows += f.entries; }
 if (i === n-1) console.log(flushes.map((f) => `${f.ms.toFixed(1)}ms/${f.steps}s/${f.entries}e`).join(' ')); 
 console.log('ms', r.ms, 'submit', r.submitMs, 'flushes', flushes.length, 'flush ms', flushes.reduce((s, f) => s + f.ms, 0).toFixed(0)); }
for (const [k, v] of tasks()) if (v - (tb.get(k) ?? 0) > 20) console.log('task', k, v - (tb.get(k) ?? 0)); console.log('rows', stepRows, entryRows);
const u = process.cpuUsage(cpu0); console.log('process', (u.user+u.system)/1000);
tick().forEach((t, i) => t[1] - before[i]![1] > 0 && console.log(t[0], t[1]-before[i]![1], t[2]));
await stand.host.close(); mock.child.kill(); process.exit(0);
