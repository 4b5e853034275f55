import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { defineTool, z } from 'tutti';
import { newId } from '../../../core/base/ids.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { EffectState } from '../../../core/ports/db/states.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const send: AnyTool = defineTool({
  name: 'lab.letter.send',
  description: 'Sends a letter.',
  effect: 'send',
  parameters: z.object({ to: z.string() }),
  result: z.object({ number: z.string() }),
  key: ({ to }) => [to],
  undo: { none: 'It has left.' },
}).handler(async () => ({ number: '1' }));
const tools = new Map([[send.name, send]]);
const actor = { kind: 'person', id: 'ada' } as const;

describe('Reviews', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let reviews: Reviews;
  let tenants = 0;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
    reviews = new Reviews(pool);
  });

  beforeEach(async () => {
    tenants += 1;
    tenantId = await new Store(pool).tenant(`t${tenants}`);
  });

  after(function () {
    return fresh.drop(this);
  });

  /** A run; its steps that are named wait for a verdict on the key that stands with them. */
  async function aRun(
    options: { readonly ended?: boolean; readonly waiting?: Readonly<Record<number, string>> } = {},
  ): Promise<string> {
    const id = newId();
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       VALUES ($1, $2, 'lab', 1, '{}', 2, '2026-06-30', 'UTC', 'running', '{}', CASE WHEN $3 THEN now() END)`,
      [tenantId, id, options.ended ?? false],
    );
    for (const [step, key] of Object.entries(options.waiting ?? {})) {
      await pool.query(
        `WITH s AS (INSERT INTO tutti.step (tenant_id, run_id, id, node, kind, status, priority, wait)
           VALUES ($1, $2, $3::int, 'n' || $3, 'task', 'waiting', 5, 'review'))
         INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data)
         VALUES ($1, $2, 100 + $3::int, $3::int, 'step.waiting', jsonb_build_object('key', $4::text))`,
        [tenantId, id, step, key],
      );
    }
    return id;
  }

  interface Given {
    readonly state: EffectState;
    readonly key?: string;
    readonly runId?: string;
    readonly seq?: number;
  }

  /** An effect with its arguments; returns its key. */
  async function anEffect(given: Given): Promise<string> {
    const { state, key = randomBytes(32).toString('hex'), seq = 7 } = given;
    const runId = given.runId ?? (await aRun());
    await pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state, started_at)
       VALUES ($1, decode($2, 'hex'), $3, 1, $4, 'lab.letter.send', '', '{"kind": "agent", "id": "lab.writer"}', '', $5, now())`,
      [tenantId, key, runId, seq, state],
    );
    const body = JSON.stringify({ args: { to: 'Ada' }, binds: null });
    await pool.query(
      `INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body)
       VALUES ($1, $2, $3, 'effect', 'json', '', 0, convert_to($4, 'UTF8'))`,
      [tenantId, runId, seq, body],
    );
    return key;
  }

  async function inbox(): Promise<readonly object[]> {
    const { rows } = await pool.query<object>(
      'SELECT run_id, kind, data, actor FROM tutti.inbox WHERE tenant_id = $1 ORDER BY id',
      [tenantId],
    );
    return rows;
  }

  it('lists effects newest run first, page by page, and no proposals', async () => {
    const first = await aRun();
    const keys = [
      await anEffect({ state: 'applied', runId: first, seq: 1 }),
      await anEffect({ state: 'needs_review', runId: first, seq: 2 }),
      await anEffect({ state: 'uncertain' }),
    ].reverse();
    await anEffect({ state: 'proposed' });

    const page = await reviews.list(tenantId, { limit: 2 });
    const rest = await reviews.list(tenantId, { limit: 2, after: keys[1] as string });
    const ofRun = await reviews.list(tenantId, { limit: 9, runId: first, state: 'applied' });

    assert.deepEqual(
      [...page, ...rest].map(({ key }) => key),
      keys,
    );
    assert.deepEqual(
      ofRun.map(({ key }) => key),
      [keys[2]],
    );
    const { startedAt, ...shown } = rest[0] ?? assert.fail();
    assert.ok(startedAt instanceof Date);
    assert.deepEqual(shown, {
      key: keys[2],
      runId: first,
      stepId: 1,
      tool: 'lab.letter.send',
      agent: 'lab.writer',
      entity: null,
      targetId: null,
      company: null,
      state: 'applied',
      needsPerson: false,
      outcome: null,
      rule: null,
      policy: null,
      endedAt: null,
      reviews: [],
      args: { to: 'Ada' },
    });
  });

  it('leaves to a person what waits for one, and what is open when its run is over', async () => {
    const ended = await aRun({ ended: true });
    const open = [
      await anEffect({ state: 'needs_review' }),
      await anEffect({ state: 'started', runId: ended, seq: 1 }),
      await anEffect({ state: 'uncertain', runId: ended, seq: 2 }),
      // Retention has taken the run.
      await anEffect({ state: 'uncertain', runId: newId() }),
    ];
    for (const state of ['started', 'uncertain', 'applied', 'rejected'] as const)
      await anEffect({ state });
    await anEffect({ state: 'applied', runId: ended, seq: 3 });

    const listed = await reviews.list(tenantId, { limit: 99, needsPerson: true });

    assert.deepEqual(listed.map(({ key }) => key).sort(), open.sort());
    assert.ok(listed.every(({ needsPerson }) => needsPerson));
  });

  it('finds an effect by the first digits of its key, if they name one', async () => {
    const key = await anEffect({ state: 'applied', key: `aabbccdd${'0'.repeat(56)}` });
    await anEffect({ state: 'applied', key: `aabbccdd${'f'.repeat(56)}` });

    assert.equal((await reviews.find(tenantId, 'AABBCCDD0')).key, key);
    assert.equal(await reviews.tenantOf('aabbccdd0'), tenantId);
    await assert.rejects(reviews.find(tenantId, 'aabbccdd'), {
      code: 'INPUT_INVALID',
      message: /more of its digits/,
    });
    await assert.rejects(reviews.find(tenantId, 'aabbccd'), { code: 'INPUT_INVALID' });
    await assert.rejects(reviews.find(tenantId, 'aabbccd?'), { code: 'INPUT_INVALID' });
    await assert.rejects(reviews.find(tenantId, 'aabbccde'), { code: 'EFFECT_UNKNOWN' });
    await assert.rejects(reviews.find(tenantId + 1000, key), { code: 'EFFECT_UNKNOWN' });
    await assert.rejects(reviews.tenantOf('aabbccde'), { code: 'EFFECT_UNKNOWN' });
  });

  const verdicts = [
    ['happened', 'applied', { number: 'A-7' }],
    ['did-not-happen', 'rejected', undefined],
    ['retry', 'approved', undefined],
  ] as const;
  for (const [verdict, state, outcome] of verdicts) {
    it(`makes an effect '${state}' by '${verdict}', says who and why, and tells its run`, async () => {
      verifies('R8.escalate');
      const runId = await aRun();
      const key = await anEffect({ state: 'needs_review', runId });

      const settled = await reviews.settle(
        { tenantId, key: key.slice(0, 12), verdict, outcome, reason: 'I called them.', actor },
        tools,
      );

      assert.deepEqual(
        [settled.state, settled.outcome, settled.needsPerson],
        [state, outcome ?? null, false],
      );
      const [{ at = '', ...review } = {}] = settled.reviews;
      assert.deepEqual(review, { no: 1, verdict, actor, reason: 'I called them.' });
      assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
      const data = { key, step: 1 };
      assert.deepEqual(await inbox(), [{ run_id: runId, kind: 'settled', data, actor }]);
      const known = await new Store(pool).effect(tenantId, key);
      assert.deepEqual([known?.state, known?.verdict], [state, verdict]);
    });
  }

  it('lets an effect be settled once, also when two people do so at a time', async () => {
    const key = await anEffect({ state: 'needs_review' });
    const say = (verdict: 'did-not-happen' | 'retry') =>
      reviews.settle({ tenantId, key, verdict, actor }, tools);

    const ends = await Promise.allSettled([say('retry'), say('did-not-happen'), say('retry')]);

    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    assert.deepEqual(
      refused.map(({ code }) => code),
      Array(2).fill('EFFECT_SETTLED'),
    );
    assert.match(refused[0].message, /ada said/);
    assert.equal((await inbox()).length, 1);
  });

  it('keeps what was said before of an effect that was tried again in vain', async () => {
    const key = await anEffect({ state: 'needs_review' });
    await reviews.settle({ tenantId, key, verdict: 'retry', actor }, tools);
    await pool.query(`UPDATE tutti.effect SET state = 'needs_review' WHERE tenant_id = $1`, [
      tenantId,
    ]);

    const other = { kind: 'person', id: 'bob' } as const;
    const last = { tenantId, key, verdict: 'did-not-happen', actor: other } as const;
    const settled = await reviews.settle(last, tools);

    assert.deepEqual(
      settled.reviews.map(({ no, verdict, actor: by }) => [no, verdict, by.id]),
      [
        [1, 'retry', 'ada'],
        [2, 'did-not-happen', 'bob'],
      ],
    );
    assert.equal((await inbox()).length, 2);
  });

  for (const state of ['applied', 'started', 'uncertain', 'proposed'] as const) {
    it(`refuses a verdict on an effect that is '${state}' while its run goes on`, async () => {
      const key = await anEffect({ state });

      await assert.rejects(reviews.settle({ tenantId, key, verdict: 'retry', actor }, tools), {
        code: 'EFFECT_SETTLED',
        message: new RegExp(`'${state}'`),
        details: { state },
      });

      assert.deepEqual([(await reviews.find(tenantId, key)).reviews, await inbox()], [[], []]);
    });
  }

  it('refuses an outcome that the tool could not give, and none where it gives one', async () => {
    verifies('R12.input-validation');
    const key = await anEffect({ state: 'needs_review' });
    const settle = (outcome: unknown, loaded: typeof tools = tools) =>
      reviews.settle({ tenantId, key, verdict: 'happened', outcome, actor }, loaded);

    const refused = { code: 'INPUT_INVALID', message: /lab\.letter\.send/ };
    await assert.rejects(settle({ number: 7 }), refused);
    await assert.rejects(settle(undefined), refused);
    const wrong = { tenantId, key, verdict: 'retry', outcome: { number: '7' }, actor } as const;
    await assert.rejects(reviews.settle(wrong, tools), { code: 'INPUT_INVALID' });
    assert.equal((await reviews.find(tenantId, key)).state, 'needs_review');

    // Nobody can check it for a tool that is not loaded any more.
    assert.deepEqual((await settle({ any: 1 }, new Map())).outcome, { any: 1 });
  });

  it('tells every step that waits for the effect, in whichever run, and no other', async () => {
    const key = randomBytes(32).toString('hex');
    const own = await aRun({ waiting: { 1: key, 2: key, 3: 'another' } });
    const other = await aRun({ waiting: { 5: key } });
    await aRun({ waiting: { 5: key }, ended: true });
    await anEffect({ state: 'needs_review', key, runId: own });

    await reviews.settle({ tenantId, key, verdict: 'retry', actor }, tools);

    const told = (await inbox()).map((row) => {
      const { run_id, data } = row as { run_id: string; data: { step: number } };
      return `${run_id === own ? 'own' : run_id === other ? 'other' : 'ended'} ${data.step}`;
    });
    assert.deepEqual(told.sort(), ['other 5', 'own 1', 'own 2']);
  });

  it('tells nobody of a run that is over', async () => {
    const key = await anEffect({ state: 'uncertain', runId: await aRun({ ended: true }) });

    const settled = await reviews.settle(
      { tenantId, key, verdict: 'did-not-happen', actor },
      tools,
    );

    assert.deepEqual([settled.state, await inbox()], ['rejected', []]);
  });
});
