import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { type Host, openHost } from '../../bin/host.ts';
import { retryRun } from '../../core/engine/retry.ts';
import { type LabEngine, type LabEngineOptions, startLabEngine } from '../support/crash-lab.ts';
import { eventually } from '../support/eventually.ts';
import { type EffectSeen, type Oracle, startOracle } from '../support/oracle.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const config = 'retried.config.ts';
const configUrl = new URL(`../support/fixtures/${config}`, import.meta.url).href;

const items = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'w'];
/** What breaks in the first run: four at their first step, one at its second. */
const broken = ['b', 'd', 'f', 'w', 'gx'];
/** What the retry has to do, and nothing else. */
const again = [
  ...['b', 'd', 'f', 'w'].flatMap((item) => [`each/one[${item}]`, `each/two[${item}]`]),
  'each/two[g]',
  'sum',
];
/** What has succeeded before: nobody looks at these meters again. */
const done = ['first', 'a', 'ax', 'c', 'cx', 'e', 'ex', 'g'];
/** At each of these an engine dies: with a payment that has left and is not recorded, and around flushes. */
const deaths = ['after-claim:1', 'after-tool:2', 'before-flush:2', 'after-flush:3'];

describe('a retry whose engine is killed', function () {
  this.timeout(300_000);
  const folder = scratchFolder({});
  const living = new Set<LabEngine>();
  let fresh: FreshDatabase;
  let oracle: Oracle;
  let host: Host;
  let pool: pg.Pool;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    oracle = await startOracle(join(folder.path, 'oracle.log'));
    const where = { databaseUrl: fresh.url, dataFolder: '/nonexistent', env: {} };
    host = await openHost({ configUrl, ...where });
    pool = host.database.pool('tutti_engine', 2);
    tenantId = await host.store.tenant('retried');
  });
  after(async function () {
    for (const { child } of living) child.kill('SIGKILL');
    await host.close();
    await oracle.close();
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  /** An engine in a process of its own. */
  function engine(what: LabEngineOptions): LabEngine {
    const env = { ...oracle.env, RETRIED_FOLDER: folder.path };
    const started = startLabEngine(fresh.url, env, { tenantId, config, ...what });
    living.add(started);
    void started.ended.then(() => living.delete(started));
    return started;
  }

  async function query<T extends object>(text: string, ...values: unknown[]): Promise<T[]> {
    const { rows } = await pool.query<T>(text, values);
    return rows;
  }

  async function steps(runId: string, attempted: boolean): Promise<readonly string[]> {
    const rows = await query<{ path: string }>(
      `SELECT node || CASE item_key WHEN '' THEN '' ELSE '[' || item_key || ']' END AS path FROM tutti.step
       WHERE run_id = $1 AND status = 'succeeded' AND agent IS NOT NULL AND (attempt > 0) = $2 ORDER BY 1`,
      runId,
      attempted,
    );
    return rows.map(({ path }) => path);
  }

  /** How often each meter was read; asking reads it once more. */
  async function readings(): Promise<readonly number[]> {
    const { ORACLE_URL: url } = oracle.env;
    return await Promise.all(
      done.map(async (id) => {
        const response = await fetch(`${url}/reads/${id}`);
        return ((await response.json()) as { readonly times: number }).times;
      }),
    );
  }

  it('runs nothing again that was carried over, pays everything once, and ends', async () => {
    verifies('R8.crash', 'R9.restart');
    for (const name of broken) writeFileSync(join(folder.path, name), '');
    const whole = await engine({ submit: 'work', items }).ended;
    assert.deepEqual(whole, { code: 0, signal: null, stderr: '' });
    const [first] = await query<{ id: string; status: string }>('SELECT id, status FROM tutti.run');
    assert.equal(first?.status, 'partial');
    const before = await readings();

    for (const name of broken) rmSync(join(folder.path, name));
    const parts = { ...host, pool };
    const actor = { kind: 'person', id: 'anna' } as const;
    const { id } = await retryRun(parts, { tenantId, runId: first.id, actor });
    for (const at of deaths) {
      const { signal, stderr } = await engine({ until: id, at }).ended;
      assert.equal(signal, 'SIGKILL', `${at}: ${stderr}`);
    }
    // The last one is killed from outside, with a step under way that waits at a gate.
    const victim = engine({ until: id });
    await eventually(async () => {
      const held = await query(
        `SELECT FROM tutti.step s JOIN tutti.run r ON r.id = s.run_id JOIN tutti.engine e ON e.id = r.owner
         WHERE s.run_id = $1 AND s.item_key = 'w' AND s.status = 'running' AND e.pid = $2`,
        id,
        victim.child.pid,
      );
      return held.length > 0;
    });
    victim.child.kill('SIGKILL');
    assert.equal((await victim.ended).signal, 'SIGKILL');
    await oracle.openGate('w');
    const end = await engine({ until: id }).ended;
    assert.deepEqual(end, { code: 0, signal: null, stderr: '' });

    const runs = await query<{ status: string; takeovers: number }>(
      'SELECT status, takeovers FROM tutti.run WHERE id = $1',
      id,
    );
    assert.equal(runs[0]?.status, 'succeeded');
    assert.ok(Number(runs[0]?.takeovers) > deaths.length, `${runs[0]?.takeovers} take-overs`);
    assert.deepEqual(await steps(id, true), again.toSorted());
    assert.deepEqual(await steps(id, false), [
      ...['a', 'c', 'e', 'g'].map((item) => `each/one[${item}]`),
      ...['a', 'c', 'e'].map((item) => `each/two[${item}]`),
      'first',
    ]);
    assert.deepEqual(
      await readings(),
      before.map((times) => times + 1),
    );
    assertPaidOnce();
    const ends = await query(
      `SELECT step FROM tutti.entry WHERE run_id = $1 AND kind ~ '^step\\.(succeeded|failed|skipped)$' GROUP BY step HAVING count(*) <> 1`,
      id,
    );
    assert.deepEqual(ends, []);
    assert.deepEqual(await host.history.output(tenantId, id), {
      ids: items.map((item) => `${item}xx`),
    });
  });

  /** The bank does what it is told as often as it is told: its log says what has happened. */
  function assertPaidOnce(): void {
    const seen = oracle.entries().filter((entry): entry is EffectSeen => entry.kind === 'effect');
    const paid = ['first', ...items, ...items.map((item) => `${item}x`)];
    assert.deepEqual(seen.map(({ args }) => args).sort(), paid.toSorted());
    assert.equal(new Set(seen.map(({ key }) => key)).size, seen.length);
  }
});
