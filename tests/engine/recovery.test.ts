import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { Store } from '../../core/engine/run/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { requestOf } from '../support/engine.ts';
import labConfig from '../support/fixtures/lab.config.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const program = fileURLToPath(new URL('../support/fixtures/crash-engine.ts', import.meta.url));
const items = Array.from({ length: 24 }, (_, index) => ({ id: `m${index}` }));
/** 24 items of two steps each, their foreach, and the count at the end. */
const stepCount = 2 * items.length + 2;

describe('an engine that is killed', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let store: Store;
  let folder: ReturnType<typeof scratchFolder>;
  const children = new Set<ChildProcess>();

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
    store = new Store(pool);
    folder = scratchFolder({});
  });

  after(async function () {
    for (const child of children) child.kill('SIGKILL');
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  /** Starts an engine; resolves with how it ended. `kill` waits that many milliseconds after it is ready. */
  async function live(
    run: { readonly id: string; readonly log: string },
    death: { readonly at?: string; readonly afterMs?: number } = {},
  ): Promise<'killed' | 'finished'> {
    const env = { ...process.env, LAB_LOG: run.log, LAB_THREADS: '1', CRASH_AT: death.at ?? '' };
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, fresh.url, run.id],
      {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    children.add(child);
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += text;
    });
    createInterface({ input: child.stdout }).once('line', () => {
      if (death.afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), death.afterMs);
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    children.delete(child);
    if (signal === 'SIGKILL') return 'killed';
    assert.equal(code, 0, said);
    return 'finished';
  }

  async function aRun(name: string): Promise<{ readonly id: string; readonly log: string }> {
    const registry = loadRegistry(labConfig, sharedEntities);
    const tenantId = await store.tenant('lab');
    const { id } = await submitRun(
      store,
      registry,
      requestOf('lab.marks', { tenantId, input: { items } }),
    );
    return { id, log: join(folder.path, `${name}.log`) };
  }

  /** What must hold of a finished run however often its engine died. */
  async function assertWhole({
    id,
    log,
  }: {
    readonly id: string;
    readonly log: string;
  }): Promise<void> {
    const query = async (text: string) => (await pool.query(text, [id])).rows;
    assert.deepEqual(await query('SELECT status, owner FROM tutti.run WHERE id = $1'), [
      { status: 'succeeded', owner: null },
    ]);
    assert.deepEqual(
      await query(
        'SELECT status, count(*)::int AS steps, count(ended_at)::int AS ended FROM tutti.step WHERE run_id = $1 GROUP BY 1',
      ),
      [{ status: 'succeeded', steps: stepCount, ended: stepCount }],
    );
    // The foreach ends with its items, without an entry of its own.
    const ends = await query(
      `SELECT step, count(*)::int AS ends FROM tutti.entry WHERE run_id = $1 AND kind = 'step.succeeded' GROUP BY 1 ORDER BY 1`,
    );
    assert.deepEqual(
      ends,
      Array.from({ length: stepCount - 1 }, (_, index) => ({ step: index + 1, ends: 1 })),
    );
    const once = await query(
      `SELECT kind, count(*)::int AS times FROM tutti.entry WHERE run_id = $1 AND kind IN ('run.created', 'run.ended', 'foreach.expanded') GROUP BY 1 ORDER BY 1`,
    );
    assert.deepEqual(
      once.map(({ times }) => times),
      [1, 1, 1],
    );
    assert.deepEqual(
      await query(
        'SELECT state, count(*)::int AS effects FROM tutti.effect WHERE run_id = $1 GROUP BY 1',
      ),
      [{ state: 'applied', effects: items.length }],
    );
    const marks = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    assert.deepEqual(marks.map(([, mark]) => mark).sort(), items.map((item) => item.id).sort());
    assert.equal(new Set(marks.map(([key]) => key)).size, items.length);
    const [output] = await query(
      `SELECT convert_from(p.body, 'UTF8')::jsonb AS output FROM tutti.step s JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq
       WHERE s.run_id = $1 AND s.node = 'count'`,
    );
    assert.deepEqual(output?.output, { ids: items.map((item) => item.id), missing: 0 });
  }

  it('at every kind of crash point leaves a run that the next engines finish, once', async function () {
    this.timeout(90_000);
    verifies('R8.crash', 'R9.restart', 'R9.take-over', 'R2.queue');
    const run = await aRun('points');
    const points = [
      'after-claim',
      'after-flush:1',
      'before-flush:3',
      'after-tool:2',
      'after-flush:6',
      'after-tool:5',
      'before-flush:9',
    ];

    const ends: string[] = [];
    for (const at of points) ends.push(await live(run, { at }));
    const last = await live(run);

    assert.deepEqual(
      ends,
      points.map(() => 'killed'),
    );
    assert.equal(last, 'finished');
    await assertWhole(run);
    const [row] = (await pool.query('SELECT takeovers FROM tutti.run WHERE id = $1', [run.id]))
      .rows;
    assert.equal(row.takeovers, points.length);
  });

  it('at any moment leaves a run that the next engines finish, once', async function () {
    this.timeout(90_000);
    verifies('R8.crash');
    const run = await aRun('moments');
    const moments = Array.from({ length: 4 }, () => Math.floor(Math.random() * 120));
    let kills = 0;

    for (const afterMs of moments) if ((await live(run, { afterMs })) === 'killed') kills += 1;
    await live(run);

    assert.ok(kills > 0 && existsSync(run.log), `killed after ${moments} ms`);
    await assertWhole(run);
  });
});
