import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { newId } from '../../core/base/ids.ts';
import { ChildEnds } from '../../core/engine/outside/child-ends.ts';
import { SetAside } from '../../core/engine/set-aside.ts';
import { Store } from '../../core/engine/store/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import { type HandEngine, HandEngines } from '../support/hand-engine.ts';
import { verifies } from '../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));

const one = defineWorkflow({
  name: 'lab.one',
  graph: ({ task }) => {
    task({ id: 'only', agent: worker, input: {} });
  },
});

const config = {
  modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one] })],
};

const actor = { kind: 'person', id: 'tester' } as const;

describe('one that fails each time', () => {
  const engines = new HandEngines(config);

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** Lets time pass until something holds, each time so much. */
  const pass = (
    hand: HandEngine,
    holds: () => Promise<boolean>,
    eachMs = 1_000,
  ): Promise<boolean> =>
    eventually(async () => {
      hand.clock.pass(eachMs);
      return await holds();
    });
  /** A run whose first entry is no JSON, for as long as `mend` is not called. */
  async function broken(): Promise<string> {
    const registry = loadRegistry(config, []);
    const request = requestOf('lab.one', { tenantId: 1, input: {} });
    const { id } = await submitRun(new Store(engines.pool), registry, request);
    await write(id, '{');
    return id;
  }
  const write = (id: string, body: string) =>
    engines.pool.query('UPDATE tutti.payload SET body = $2 WHERE run_id = $1 AND seq = 1', [
      id,
      Buffer.from(body),
    ]);

  it('keeps no other run from being taken up, goes on when it is mended, and ends at last when it is not', async () => {
    verifies('R9.restart');
    const [hopeless, mended] = [await broken(), await broken()];

    const hand = await engines.open();
    const good = await hand.start('lab.one');
    hand.dispatcher.succeed((await hand.dispatcher.next('only')).ref);
    assert.equal(await good.ended, 'succeeded');
    assert.deepEqual(
      [await engines.statusOf(hopeless), await engines.statusOf(mended)],
      ['running', 'running'],
    );

    await write(mended, '{}');
    await pass(hand, async () => hand.dispatcher.jobs.length === 2);
    assert.equal(hand.dispatcher.jobs[1]?.runId, mended);
    // Eight and a half minutes of waiting in all: by seconds that would be hundreds of looks.
    await pass(hand, async () => (await engines.statusOf(hopeless)) !== 'running', 60_000);

    assert.equal(await engines.statusOf(hopeless), 'failed');
    const [end] = await engines.entriesOf(hopeless, ['run.ended']);
    assert.match(JSON.stringify(end?.data), /"code":"INTERNAL"/);
    assert.deepEqual(hand.failures, []);
  });

  it('ends when somebody cancels it, and is told of as any other end', async () => {
    verifies('R8.cancel');
    const id = await broken();
    const hand = await engines.open();
    assert.equal(await engines.statusOf(id), 'running');

    await hand.engine.ask({ tenantId: 1, runId: id, kind: 'pause', actor });
    await hand.engine.ask({ tenantId: 1, runId: id, kind: 'cancel', actor });
    await pass(hand, async () => (await engines.statusOf(id)) !== 'running');

    assert.equal(await engines.statusOf(id), 'cancelled');
    const entries = await engines.entriesOf(id, ['run.cancelling', 'run.ended']);
    assert.deepEqual(entries, [
      { kind: 'run.cancelling', data: { reason: 'asked' } },
      { kind: 'run.ended', data: { status: 'cancelled' } },
    ]);
    const { rows } = await engines.pool.query(
      `SELECT (SELECT max(to_seq)::int FROM tutti.feed WHERE run_id = $1) AS told, (SELECT max(seq)::int FROM tutti.entry WHERE run_id = $1) AS last,
         (SELECT count(*)::int FROM tutti.inbox WHERE run_id = $1 AND kind = 'cancel') AS asked, (SELECT owner FROM tutti.run WHERE id = $1) AS owner`,
      [id],
    );
    assert.deepEqual(rows, [{ told: 3, last: 3, asked: 0, owner: null }]);
    assert.equal(await hand.engine.whenEnded(id), 'cancelled');
  });

  it('starts nothing when it is mended after somebody has cancelled it', async () => {
    verifies('R8.cancel');
    const id = await broken();
    const hand = await engines.open();
    hand.dispatcher.answerCancels();
    await hand.engine.ask({ tenantId: 1, runId: id, kind: 'cancel', actor });
    await write(id, '{}');
    await pass(hand, async () => (await engines.statusOf(id)) !== 'running');

    assert.equal(await engines.statusOf(id), 'cancelled');
    assert.deepEqual(
      hand.dispatcher.jobs.filter(({ runId }) => runId === id),
      [],
    );
    assert.equal((await engines.entriesOf(id, ['run.cancelling'])).length, 1);
  });

  it('is told of when it ends because it cannot be taken up', async () => {
    const id = await broken();
    await engines.pool.query(`UPDATE tutti.run SET pins = pins || $2 WHERE id = $1`, [
      ...[id, JSON.stringify({ plan: { hash: '', basis: 'of other prices', nodes: {} } })],
    ]);
    await engines.open();
    await eventually(async () => (await engines.statusOf(id)) === 'failed');

    const { rows } = await engines.pool.query(
      'SELECT from_seq::int AS from, to_seq::int AS to FROM tutti.feed WHERE run_id = $1 ORDER BY 1',
      [id],
    );
    assert.deepEqual(rows.at(-1), { from: 2, to: 2 });
  });

  it('keeps no other run from hearing of the runs that it has started, and is heard of when it is mended', async () => {
    const clock = new FakeClock(0);
    const told: string[] = [];
    const ends = new ChildEnds(engines.pool, new SetAside(clock, (id) => told.push(id)));
    const parents = [newId(), newId(), newId()] as const;
    for (const parent of parents) await child(parent);
    const [, sick] = parents;
    // No text: the database itself refuses to read it.
    const output = (body: Buffer) =>
      engines.pool.query(
        `UPDATE tutti.payload SET body = $2 WHERE run_id IN (SELECT id FROM tutti.run WHERE parent_run_id = $1)`,
        [sick, body],
      );
    await output(Buffer.from([0xff]));
    const heard = async () => (await ends.of(parents)).map(({ parent_run_id: id }) => id);
    const others = parents.filter((id) => id !== sick);

    assert.deepEqual((await heard()).toSorted(), others.toSorted());
    assert.deepEqual((await heard()).toSorted(), others.toSorted());
    assert.deepEqual(told, [sick], 'it is not read again at once');

    await output(Buffer.from('{}'));
    clock.pass(1_000);
    assert.deepEqual((await heard()).toSorted(), parents.toSorted());
  });

  /** A run that a step has started and that has ended. */
  async function child(parent: string): Promise<void> {
    await engines.pool.query(
      `WITH made AS (INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, parent_run_id, parent_step, ended_at)
         VALUES (1, $1, 'lab', 1, '{}', 1, '2026-06-30', 'UTC', 'succeeded', '{}', $2, 0, now())),
       ended AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) VALUES (1, $1, 1, 'run.ended', '{}'))
       INSERT INTO tutti.payload (tenant_id, run_id, seq, part, class, encoding, sha256, size, body) VALUES (1, $1, 1, 0, 'output', 'json', '', 2, '{}')`,
      [newId(), parent],
    );
  }
});
