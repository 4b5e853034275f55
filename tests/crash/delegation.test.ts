import assert from 'node:assert/strict';
import type pg from 'pg';
import { History } from '../../core/engine/history/history.ts';
import { type LabEngine, type LabEngineOptions, startLabEngine } from '../support/crash-lab.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { handTo, type Office, startOffice } from '../support/scripted-office.ts';
import { verifies } from '../support/verifies.ts';

const config = 'delegation.config.ts';
/** Deaths around what is made only while work is handed on: between two of the runs, after the last of them, as one is taken up. */
const deaths = ['after-handing-on:1', 'after-handing-on:2', 'after-handing-on:3', 'after-claim:2'];
/** Flushes between two deaths. */
const stride = 6;

/** A run that an engine has begun, to die in it. */
interface Begun {
  readonly id: string;
  readonly at: string;
  /** What rings in it. */
  readonly bell: string;
}

describe('work handed on by an engine that is killed', function () {
  this.timeout(600_000);
  const living = new Set<LabEngine>();
  let fresh: FreshDatabase;
  let office: Office;
  let pool: pg.Pool;
  let history: History;
  let tenantId: number;
  /** What the engine that died last has left. */
  let left: Begun | null = null;

  before(async () => {
    fresh = await freshDatabase();
    office = await startOffice();
    pool = fresh.database.pool('tutti_engine', 2);
    history = new History(fresh.database);
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO tutti.tenant (slug) VALUES ('office') RETURNING id`,
    );
    tenantId = rows[0]?.id as number;
  });
  after(async function () {
    for (const { child } of living) child.kill('SIGKILL');
    await office.server.close();
    await fresh.drop(this);
  });

  function engine(what: LabEngineOptions): LabEngine {
    const env = {
      TUTTI_TEST_MODEL: office.server.baseUrl('openai'),
      TUTTI_TEST_KEY: 'a-key-of-the-tests',
    };
    const started = startLabEngine(fresh.url, env, { tenantId, config, ...what });
    living.add(started);
    void started.ended.then(() => living.delete(started));
    return started;
  }

  async function query<T extends object>(text: string, ...values: unknown[]): Promise<T[]> {
    const { rows } = await pool.query<T>(text, values);
    return rows;
  }

  /** A turn with two agents and a bell, then one with a third agent. */
  function script(bell: string): string {
    const ring = { name: 'office.bell.ring', args: { bell } };
    const one = handTo('office.helper', 'one', [
      [{ name: 'office.bell.ring', args: { bell: `${bell}-helper` } }],
    ]);
    const turn = [one, ring, handTo('archive.keeper', 'two')];
    return JSON.stringify([turn, [handTo('office.helper', 'three')]]);
  }

  /** One run whose engine dies at a point, when it has ended what the one before has left; false: it ended before. */
  async function dies(at: string): Promise<boolean> {
    const bell = at.replace(':', '-');
    const items = [script(bell)];
    const what = { submit: 'night', items, at, ...(left && { until: left.id }) };
    const { code, signal, stderr } = await engine(what).ended;
    assert.equal(stderr, '', at);
    if (left) await assertWhole(left);
    const [run] = await query<{ id: string }>(
      `SELECT id FROM tutti.run WHERE workflow = 'night' ORDER BY id DESC LIMIT 1`,
    );
    const begun = { id: run?.id as string, at, bell };
    left = signal === null ? null : begun;
    if (signal !== null) return true;
    assert.equal(code, 0, at);
    await assertWhole(begun);
    return false;
  }

  async function assertWhole({ id, at, bell }: Begun): Promise<void> {
    const output = (await history.output(tenantId, id)) as { heard: readonly string[] } | null;
    const said = output?.heard.map((each) => (JSON.parse(each) as { said?: string }).said);
    assert.deepEqual(said, ['one', undefined, 'two', 'three'], at);
    const runs = await query<{ status: string; agent: string }>(
      `SELECT c.status, s.agent FROM tutti.run c JOIN tutti.step s ON s.run_id = c.id WHERE c.parent_run_id = $1 ORDER BY c.id`,
      id,
    );
    const succeeded = { status: 'succeeded' };
    assert.deepEqual(
      runs,
      ['office.helper', 'archive.keeper', 'office.helper'].map((agent) => ({
        ...succeeded,
        agent,
      })),
      at,
    );
    const rung = await query(`SELECT FROM erp.folder WHERE code IN ($1, $1 || '-helper')`, bell);
    assert.equal(rung.length, 2, at);
    const [told] = await query<{ called: number; turns: number }>(
      `SELECT (count(*) FILTER (WHERE kind = 'agent.called'))::int AS called,
         (count(*) FILTER (WHERE kind = 'turn.ended' AND data ? 'stop' AND NOT data ? 'error'))::int AS turns FROM tutti.entry WHERE run_id = $1`,
      id,
    );
    assert.deepEqual(told, { called: 3, turns: 3 }, at);
    const [cost] = await query<{ step: number; paid: number }>(
      `SELECT (SELECT sum(cost_micro_usd)::int FROM tutti.step WHERE run_id = $1) AS step,
         (SELECT sum(l.cost_micro_usd)::int FROM tutti.ledger l JOIN tutti.run r ON r.id = l.run_id WHERE $1 IN (r.id, r.parent_run_id)) AS paid`,
      id,
    );
    assert.equal(cost?.step, cost?.paid, at);
  }

  it('has one run a call, answers each once and costs what was paid, wherever it dies', async () => {
    verifies('R5.tool-delegation', 'R8.crash');
    for (const at of deaths) assert.ok(await dies(at), at);
    let flushes = 2;
    while (await dies(`after-flush:${flushes}`)) flushes += stride;
    assert.ok(flushes > 2 * stride, `${flushes} flushes`);
  });
});
