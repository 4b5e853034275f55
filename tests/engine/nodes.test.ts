import assert from 'node:assert/strict';
import type pg from 'pg';
import { eraseRun } from '../../core/engine/retention/erase.ts';
import { insertRows } from '../../core/ports/erp/embedded/insert.ts';
import { booksDatabase } from '../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../support/fixtures/nodes.config.ts', import.meta.url);

/** The steps of a run as `path: status`. */
type Steps = Readonly<Record<string, string>>;

describe('the nodes of a workflow', () => {
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    fresh = await booksDatabase();
    tutti = await openTestEngine(config, { fresh });
    pool = fresh.database.pool('tutti_engine', 1);
    tenantId = await tutti.host.store.tenant('nodes');
  });
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
  });

  let pool: pg.Pool;
  async function query<T extends object>(
    text: string,
    values: readonly unknown[],
  ): Promise<readonly T[]> {
    return (await pool.query<T>(text, [...values])).rows;
  }

  async function stepsOf(runId: string): Promise<Steps> {
    const rows = await query<{ path: string; status: string }>(
      `SELECT node || CASE item_key WHEN '' THEN '' ELSE '[' || item_key || ']' END AS path, status FROM tutti.step WHERE run_id = $1 ORDER BY id`,
      [runId],
    );
    return Object.fromEntries(rows.map(({ path, status }) => [path, status]));
  }

  async function outputOf(runId: string): Promise<unknown> {
    const rows = await query<{ body: string }>(
      `SELECT convert_from(p.body, 'UTF8') AS body FROM tutti.entry e JOIN tutti.payload p ON p.run_id = e.run_id AND p.seq = e.seq WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      [runId],
    );
    return JSON.parse(rows[0]?.body ?? 'null');
  }

  it('call a tool without a model, and bring what it answers', async () => {
    const { id, status } = await tutti.run('nodes.tool', { tenantId, input: { a: 1 } });

    assert.equal(status, 'succeeded');
    assert.deepEqual(await outputOf(id), { sum: 12 });
  });

  for (const [amount, chosen] of [
    [1_000, 'high'],
    [50, 'middle'],
    [7, 'low'],
  ] as const) {
    it(`go the way that a switch chooses: ${chosen} of ${amount}`, async () => {
      verifies('R1.branches');
      const { id, status } = await tutti.run('nodes.switch', { tenantId, input: { amount } });

      assert.equal(status, 'succeeded');
      const ways = { high: 'skipped', middle: 'skipped', low: 'skipped', [chosen]: 'succeeded' };
      const after = amount === 7 ? 'succeeded' : 'skipped';
      assert.deepEqual(await stepsOf(id), { route: 'succeeded', ...ways, after_all: after });
    });
  }

  it('compute values of what other nodes brought, with what is missing', async () => {
    const numbers = [
      { id: 'one', value: 1 },
      { id: 'two', value: 2 },
    ];
    const { id, status } = await tutti.run('nodes.compute', { tenantId, input: { numbers } });

    assert.equal(status, 'succeeded', JSON.stringify(await stepsOf(id)));
    const items = [
      { id: 'one', sum: 2 },
      { id: 'two', sum: 3 },
    ];
    assert.deepEqual(await outputOf(id), { total: { count: 2, items, missing: 0 } });
  });

  it('wait for durations and moments, and hold nothing', async () => {
    const until = new Date(Date.now() + 1_500).toISOString();
    const { id, status } = await tutti.run('nodes.wait', { tenantId, input: { until } });

    assert.equal(status, 'succeeded');
    const [row] = await query<{ late: boolean }>(
      `SELECT ended_at >= $2::timestamptz AND ended_at >= created_at + interval '1 second' AS late FROM tutti.run WHERE id = $1`,
      [id, until],
    );
    assert.equal(row?.late, true);
  });

  it('wait for a moment of the fiscal calendar', async () => {
    const began = Date.now();
    const { id } = await tutti.engine.startRun(requestOf('nodes.calendar', { tenantId }));
    const [row] = await eventually(async () => {
      const rows = await query<{ wake_at: Date }>(
        `SELECT wake_at FROM tutti.step WHERE run_id = $1 AND wait = 'timer'`,
        [id],
      );
      return rows.length > 0 ? rows : null;
    });

    const local = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    });
    assert.match(local.format(row?.wake_at), /^(Mon|Tue|Wed|Thu|Fri) 18:00$/);
    assert.ok((row?.wake_at.getTime() ?? 0) > began);
  });

  for (const [amount, size] of [
    ['950.00', 'within'],
    ['1000.01', 'above'],
  ] as const) {
    it(`compare money as decimals and not as text: ${amount} is ${size} 1000.00`, async () => {
      const input = { total: { amount, currency: 'EUR' }, limit: '1000.00' };
      const { id } = await tutti.run('nodes.decimals', { tenantId, input });

      assert.deepEqual(await outputOf(id), { size });
    });
  }

  it('try as often and as long as they say themselves', async () => {
    const { id } = await tutti.run('nodes.bounds', { tenantId });

    const rows = await query<{ node: string; attempt: number; code: string }>(
      `SELECT node, attempt, error->>'code' AS code FROM tutti.step WHERE run_id = $1 ORDER BY id`,
      [id],
    );
    assert.deepEqual(rows, [
      { node: 'often', attempt: 5, code: 'ERP_UNAVAILABLE' },
      { node: 'short', attempt: 1, code: 'AGENT_TIMEOUT' },
    ]);
  });

  it('start runs of other workflows and bring what those bring', async () => {
    const { id, status } = await tutti.run('nodes.parent', { tenantId, input: { a: 5 } });

    assert.equal(
      status,
      'succeeded',
      JSON.stringify(await query('SELECT kind, data FROM tutti.entry WHERE run_id = $1', [id])),
    );
    assert.deepEqual(await outputOf(id), { sum: 16 });
    const children = await query<{ status: string; parent_step: number }>(
      'SELECT status, parent_step FROM tutti.run WHERE parent_run_id = $1',
      [id],
    );
    assert.deepEqual(children, [{ status: 'succeeded', parent_step: 0 }]);
  });

  it('ask people, and wait for them', async () => {
    verifies('R1.person');
    const request = requestOf('nodes.approval', { tenantId, input: { amount: 5 } });
    const { id } = await tutti.engine.startRun(request);
    await eventually(async () => (await stepsOf(id)).may_pay === 'waiting');
    const asked = await query(
      'SELECT title, shown, deciders, required, state FROM tutti.approval WHERE run_id = $1',
      [id],
    );
    assert.deepEqual(asked, [
      { title: 'Pay?', shown: { amount: 5 }, deciders: ['controller'], required: 2, state: 'open' },
    ]);

    await decide(id);
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    assert.deepEqual(await stepsOf(id), { may_pay: 'succeeded', pay: 'succeeded' });
  });

  it('name items as the database has them, whatever characters their keys have', async () => {
    const names = ['a\u0000', 'b\ud800'];
    const { id } = await tutti.engine.startRun(
      requestOf('nodes.named', { tenantId, input: { names } }),
    );
    const paths = ['each/ask[a\ufffd]', 'each/ask[b\ufffd]'];
    await eventually(async () => {
      const steps = await stepsOf(id);
      const ended = ['each/start[a\ufffd]', 'each/start[b\ufffd]'];
      return (
        paths.every((path) => steps[path] === 'waiting') &&
        ended.every((path) => steps[path] === 'succeeded')
      );
    });
    const asked = await query(
      'SELECT path, title FROM tutti.approval WHERE run_id = $1 ORDER BY 1',
      [id],
    );
    assert.deepEqual(
      asked,
      paths.map((path, at) => ({ path, title: ['a\ufffd', 'b\ufffd'][at] })),
    );
    const actor = { kind: 'person', id: 'tester' } as const;
    await tutti.engine.ask({ tenantId, runId: id, kind: 'cancel', actor });

    const twins = await tutti.run('nodes.named', {
      tenantId,
      input: { names: ['c\u0000', 'c\ud800'] },
    });
    const [each] = await query<{ code: string }>(
      `SELECT error->>'code' AS code FROM tutti.step WHERE run_id = $1`,
      [twins.id],
    );
    assert.deepEqual([twins.status, each?.code], ['failed', 'WORKFLOW_INVALID']);
  });

  it('leave nothing of what people were asked once their run is erased', async () => {
    verifies('R12.erasure');
    const request = requestOf('nodes.approval', { tenantId, input: { amount: 5 } });
    const { id } = await tutti.engine.startRun(request);
    await eventually(async () => (await stepsOf(id)).may_pay === 'waiting');
    await decide(id);
    await tutti.engine.whenEnded(id);
    const { database } = tutti.host;

    await eraseRun(database, id, {
      tenantId,
      reason: 'a wish',
      actor: { kind: 'person', id: 'anna' },
    });

    const left = await query(
      `SELECT 'entry' AS place FROM tutti.entry WHERE run_id = $1 AND data::text LIKE '%Pay?%'
       UNION ALL SELECT 'approval' FROM tutti.approval a WHERE run_id = $1 AND a::text LIKE '%Pay?%'
       UNION ALL SELECT 'payload' FROM tutti.payload WHERE run_id = $1 AND position('Pay?' IN convert_from(body, 'UTF8')) > 0`,
      [id],
    );
    assert.deepEqual(left, []);
  });

  it('wait for an event of the ERP that fits', async () => {
    const request = requestOf('nodes.event', { tenantId, input: { number: 'P-2' } });
    const { id } = await tutti.engine.startRun(request);
    await eventually(async () => (await stepsOf(id)).come === 'waiting');

    await create('P-1');
    await create('P-2');

    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    const { come } = (await outputOf(id)) as { come: { record: { number: string } } };
    assert.equal(come.record.number, 'P-2');
  });

  it('go on waiting under the next engine, and miss nothing that came between two', async () => {
    const start = async (workflow: string, input: unknown) =>
      (await tutti.engine.startRun(requestOf(workflow, { tenantId, input }))).id;
    const event = await start('nodes.event', { number: 'P-9' });
    const approval = await start('nodes.approval', { amount: 1 });
    const wait = await start('nodes.wait', {
      until: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const all = [event, approval, wait];
    for (const [id, step] of [
      [event, 'come'],
      [approval, 'may_pay'],
      [wait, 'then'],
    ] as const)
      await eventually(async () => (await stepsOf(id))[step] === 'waiting');

    await tutti.host.close();
    // The step knows its moment from the journal.
    await query(`UPDATE tutti.step SET wake_at = now() WHERE run_id = $1 AND node = 'then'`, [
      wait,
    ]);
    await decide(approval);
    await create('P-9');
    tutti = await openTestEngine(config, { fresh });

    const statuses = await eventually(async () => {
      const rows = await query<{ status: string }>(
        'SELECT status FROM tutti.run WHERE id = ANY ($1::uuid[]) AND ended_at IS NOT NULL',
        [all],
      );
      return rows.length === all.length && rows.map(({ status }) => status);
    });
    assert.deepEqual(
      statuses,
      all.map(() => 'succeeded'),
    );
  });

  it('end the run that they started with their own', async () => {
    const { id } = await tutti.engine.startRun(requestOf('nodes.above', { tenantId }));
    const child = await eventually(async () => {
      const rows = await query<{ id: string }>(
        `SELECT c.id FROM tutti.run c JOIN tutti.step s ON s.run_id = c.id AND s.status = 'waiting' WHERE c.parent_run_id = $1`,
        [id],
      );
      return rows[0]?.id;
    });

    const actor = { kind: 'person', id: 'tester' } as const;
    await tutti.engine.ask({ tenantId, runId: id, kind: 'cancel', actor });

    assert.equal(await tutti.engine.whenEnded(id), 'cancelled');
    assert.equal(await tutti.engine.whenEnded(child), 'cancelled');
  });

  /** Lets two people say yes to the first step of a run. */
  async function decide(runId: string): Promise<void> {
    const data = { step: 0, state: 'granted', by: ['anna', 'ben'], note: null };
    await query(
      `INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor) VALUES ($1, $2, 'decision', 'd', $3, '{"kind":"person","id":"anna"}')`,
      [tenantId, runId, data],
    );
  }

  /** Somebody enters a party in the ERP. */
  async function create(number: string): Promise<void> {
    const entities = [...tutti.host.registry.entities.values()];
    const row = {
      id: number,
      number,
      name: number,
      supplier: true,
      customer: false,
      country: 'DE',
    };
    const rows = new Map([
      ['party', [{ ...row, taxNumber: '', group: 'G', currency: 'EUR', blocked: false }]],
    ]);
    await fresh.database.admin((client) => insertRows(client, { tenantId, entities, rows }));
  }
});
