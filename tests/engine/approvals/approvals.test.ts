import assert from 'node:assert/strict';
import type pg from 'pg';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { Say } from '../../../core/engine/approvals/decide.ts';
import { Delegations } from '../../../core/engine/approvals/delegations.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/approvals.config.ts', import.meta.url);

describe('approvals of nodes', () => {
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let tenantId: number;
  let pool: pg.Pool;
  let approvals: Approvals;
  let delegations: Delegations;

  before(async () => {
    fresh = await booksDatabase();
    tutti = await openTestEngine(config, { fresh });
    pool = fresh.database.pool('tutti_engine', 8);
    tenantId = await tutti.host.store.tenant('ours');
    approvals = new Approvals(pool, tutti.host.config.roles);
    delegations = new Delegations(pool);
  });
  afterEach(() => pool.query('UPDATE tutti.delegation SET ended_at = now()'));
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
  });

  /** Starts a run, and waits until it asks. */
  async function asked(workflow: string, input: unknown = {}): Promise<ApprovalView> {
    const { id } = await tutti.engine.startRun(requestOf(workflow, { tenantId, input }));
    return await eventually(async () => {
      const steps = await tutti.history.steps(tenantId, id);
      if (steps[0]?.status !== 'waiting') return undefined;
      const [found] = await approvals.list(tenantId, { runId: id, limit: 1 });
      return found;
    });
  }
  const say = (id: string, person: string, more: Partial<Say> = {}): Promise<ApprovalView> =>
    approvals.decide({ tenantId, id, person, decision: 'granted', via: 'test', ...more });
  const no = { decision: 'refused', note: 'Too dear.' } as const;
  const hand = (from: string, to: string, until: Date | null = new Date(Date.now() + 60_000)) =>
    delegations.hand({ tenantId, from, to, until, actor: { kind: 'person', id: 'cli:root' } });
  const ended = (view: ApprovalView) =>
    eventually(async () => {
      const { endedAt, status } = await tutti.history.head(tenantId, view.runId as string);
      return endedAt === null ? undefined : status;
    });
  const kinds = async (view: ApprovalView) =>
    (await tutti.history.entries(tenantId, view.runId as string, 0)).map(({ kind }) => kind);
  async function outputOf(view: ApprovalView): Promise<unknown> {
    const { rows } = await pool.query<{ body: string }>(
      `SELECT convert_from(p.body, 'UTF8') AS body FROM tutti.entry e JOIN tutti.payload p ON p.run_id = e.run_id AND p.seq = e.seq
       WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      [view.runId],
    );
    return JSON.parse(rows[0]?.body ?? 'null');
  }

  it('go on when as many different people as are asked for have said yes', async () => {
    verifies('R12.approvals');
    const view = await asked('ask.two', { amount: 5 });
    assert.deepEqual(
      [view.title, view.shown, view.path, view.state],
      ['Pay?', { amount: 5, vendor: { name: 'ACME' } }, 'may_pay', 'open'],
    );
    assert.deepEqual([view.deciders, view.persons], [['controller'], ['anna', 'ben']]);

    const { steps } = await tutti.engine.explain({ tenantId, runId: String(view.runId) });
    assert.match(String(steps[0]?.blockers[0]?.text), /^It waits for controller to decide/);

    const first = await say(view.id, 'cli:anna', { note: 'Seen.' });
    assert.deepEqual([first.state, first.yeses], ['open', 1]);
    const second = await say(view.id.slice(0, 30), 'BEN');

    assert.deepEqual([second.state, second.yeses], ['granted', 2]);
    assert.equal(await ended(view), 'succeeded');
    assert.deepEqual(await outputOf(view), { by: ['anna', 'ben'], note: 'Seen.' });
    assert.ok((await kinds(view)).includes('approval.decided'));
  });

  it('fail with the first no, which has a reason', async () => {
    const view = await asked('ask.two', { amount: 5 });
    await say(view.id, 'anna');
    await assert.rejects(say(view.id, 'ben', { decision: 'refused', note: ' ' }), {
      code: 'INPUT_INVALID',
    });

    const refused = await say(view.id, 'ben', no);

    assert.deepEqual([refused.state, refused.votes[1]?.note], ['refused', 'Too dear.']);
    assert.equal(await ended(view), 'failed');
  });

  it('take one vote a person: the same again is the same, another is refused', async () => {
    const view = await asked('ask.two', { amount: 5 });
    const first = await say(view.id, 'anna');

    assert.deepEqual(await say(view.id, 'anna'), first);
    await assert.rejects(say(view.id, 'anna', no), {
      code: 'APPROVAL_VOTED',
      message: /'anna' said yes .* at 20/,
    });
    await say(view.id, 'ben');
    assert.equal((await say(view.id, 'anna')).state, 'granted');
  });

  it('refuse a vote on what is closed, and say by whom and when', async () => {
    const view = await asked('ask.one');
    await say(view.id, 'anna');

    await assert.rejects(say(view.id, 'ben'), {
      code: 'APPROVAL_CLOSED',
      message: /was granted by anna at 20\d\d-.*Z/,
    });
    const refused = await asked('ask.one');
    await say(refused.id, 'ben', no);
    await assert.rejects(say(refused.id, 'anna'), { message: /was refused by ben at 20/ });
  });

  it('are not for who asks, nor for strangers', async () => {
    verifies('R12.approvals');
    const view = await asked('ask.one');

    for (const person of ['tester', 'cli:tester', 'Tester'])
      await assert.rejects(say(view.id, person), {
        code: 'APPROVAL_NOT_YOURS',
        message: /asked for by 'tester'/,
      });
    await assert.rejects(say(view.id, 'mallory'), {
      code: 'APPROVAL_NOT_YOURS',
      message: /for controller, local, tester to decide, and 'mallory' is none/,
    });
    await assert.rejects(approvals.find(tenantId, 'aabbccde'), { code: 'APPROVAL_UNKNOWN' });
    await assert.rejects(approvals.find(tenantId + 1, view.id), { code: 'APPROVAL_UNKNOWN' });
    await assert.rejects(approvals.tenantOf('abc'), { code: 'INPUT_INVALID' });
    assert.equal(await approvals.tenantOf(view.id), tenantId);
  });

  it('can be decided for somebody who has handed on their right, once for both', async () => {
    const view = await asked('ask.two', { amount: 5 });
    await hand('anna', 'eve');
    await hand('cara', 'finn');
    await hand('ben', 'tester');

    const first = await say(view.id, 'eve');
    assert.deepEqual([first.votes[0]?.onBehalfOf, first.yeses], ['anna', 1]);
    await assert.rejects(say(view.id, 'finn'), { code: 'APPROVAL_NOT_YOURS' });
    await assert.rejects(say(view.id, 'tester'), { code: 'APPROVAL_NOT_YOURS' });
    const both = await say(view.id, 'anna');
    assert.deepEqual([both.state, both.yeses, both.votes.length], ['open', 1, 2]);
    assert.equal((await say(view.id, 'ben')).state, 'granted');
  });

  it('are no longer for who was handed a right that has ended', async () => {
    const view = await asked('ask.one');
    await assert.rejects(hand('anna', 'eve', new Date(Date.now() - 1)), { code: 'INPUT_INVALID' });
    await assert.rejects(hand('anna', 'cli:Anna'), { code: 'INPUT_INVALID' });
    await hand('anna', 'eve');
    await hand('anna', 'gus');
    assert.deepEqual(
      (await delegations.list(tenantId)).map(({ from, to }) => [from, to]),
      [
        ['anna', 'eve'],
        ['anna', 'gus'],
      ],
    );
    await hand('anna', 'gus', null);
    await pool.query(`UPDATE tutti.delegation SET until = now() WHERE to_person = 'eve'`);

    for (const person of ['eve', 'gus'])
      await assert.rejects(say(view.id, person), { code: 'APPROVAL_NOT_YOURS' });
    assert.deepEqual(await delegations.list(tenantId), []);
  });

  it('expire, also in the list, and take no vote then', async () => {
    const { id: runId } = await tutti.engine.startRun(requestOf('ask.brief', { tenantId }));
    // It may be over before anybody sees it open.
    const view = await eventually(
      async () => (await approvals.list(tenantId, { runId, limit: 1 }))[0],
    );

    assert.equal(await ended(view), 'succeeded');
    assert.deepEqual((await approvals.find(tenantId, view.id)).state, 'expired');
    await assert.rejects(say(view.id, 'anna'), {
      code: 'APPROVAL_CLOSED',
      message: /expired at 20/,
    });
  });

  it('go to further people when nobody has decided in time, and the run says so', async () => {
    const view = await asked('ask.escalating');
    assert.deepEqual([view.escalateTo, view.escalatedAt], [['head', 'controller'], null]);
    await assert.rejects(say(view.id, 'cara'), { code: 'APPROVAL_NOT_YOURS' });

    await pool.query('UPDATE tutti.approval SET escalate_at = clock_timestamp() WHERE id = $1', [
      view.id,
    ]);
    await eventually(async () => (await kinds(view)).includes('approval.escalated'));
    const grown = await approvals.find(tenantId, view.id);
    assert.deepEqual([grown.deciders, grown.state], [['controller', 'head'], 'open']);
    await say(view.id, 'cara');

    assert.equal(await ended(view), 'succeeded');
    assert.deepEqual(await outputOf(view), { by: ['cara'] });
    assert.equal((await kinds(view)).filter((kind) => kind === 'approval.escalated').length, 1);
  });

  it('are withdrawn with the step or the run that asked', async () => {
    const [run, step] = [await asked('ask.one'), await asked('ask.one')];
    const actor = { kind: 'person', id: 'tester' } as const;
    const cancel = { tenantId, kind: 'cancel', actor } as const;
    await tutti.engine.ask({ ...cancel, runId: run.runId as string });
    await tutti.engine.ask({ ...cancel, runId: step.runId as string, step: 'may' });
    await Promise.all([ended(run), ended(step)]);

    for (const { id } of [run, step]) {
      await assert.rejects(say(id, 'anna'), {
        code: 'APPROVAL_CLOSED',
        message: /was withdrawn at 20/,
      });
      assert.equal((await approvals.find(tenantId, id)).state, 'withdrawn');
    }
  });

  it('are decided once by two who decide at the same time', async () => {
    verifies('R12.approvals');
    for (let round = 0; round < 10; round += 1) {
      const view = await asked('ask.one');
      const both = await Promise.allSettled([say(view.id, 'anna'), say(view.id, 'ben', no)]);
      const [won, lost] = both[0].status === 'fulfilled' ? both : [both[1], both[0]];

      assert.ok(won.status === 'fulfilled' && lost.status === 'rejected');
      assert.equal(lost.reason.code, 'APPROVAL_CLOSED');
      const { state, votes } = await approvals.find(tenantId, view.id);
      assert.deepEqual([votes.length, votes[0]?.decision], [1, state]);
      assert.equal(await ended(view), state === 'granted' ? 'succeeded' : 'failed');
    }
  });

  it('count every yes of many who say it at the same time', async () => {
    const view = await asked('ask.two', { amount: 5 });
    const all = ['anna', 'ben', 'anna', 'ben'].map((person) => say(view.id, person));

    const views = await Promise.all(all);

    assert.ok(views.some(({ state }) => state === 'granted'));
    const { votes, state } = await approvals.find(tenantId, view.id);
    assert.deepEqual([votes.length, state], [2, 'granted']);
    assert.equal(await ended(view), 'succeeded');
  });

  it('expire, escalate and are decided while nobody serves, and the next engine hears of it', async () => {
    verifies('R9.message-queue');
    const [late, urgent, two] = [
      await asked('ask.one'),
      await asked('ask.escalating'),
      await asked('ask.two', { amount: 1 }),
    ];
    await tutti.host.close();
    await pool.query(`UPDATE tutti.approval SET expires_at = now() WHERE id = $1`, [late.id]);
    await pool.query(`UPDATE tutti.approval SET escalate_at = now() WHERE id = $1`, [urgent.id]);

    await assert.rejects(say(late.id, 'anna'), { code: 'APPROVAL_CLOSED' });
    assert.equal((await approvals.list(tenantId, { state: 'expired', limit: 9 }))[0]?.id, late.id);
    assert.equal((await say(urgent.id, 'cara')).state, 'granted');
    await say(two.id, 'anna');
    await say(two.id, 'ben');
    // The step knows its moment from the journal.
    await pool.query('UPDATE tutti.step SET wake_at = now() WHERE run_id = $1', [late.runId]);
    tutti = await openTestEngine(config, { fresh });

    const statuses = await eventually(async () => {
      const heads = await Promise.all(
        [late, urgent, two].map(({ runId }) => tutti.history.head(tenantId, runId as string)),
      );
      return heads.every(({ endedAt }) => endedAt) && heads.map(({ status }) => status);
    });
    assert.deepEqual(statuses, ['failed', 'succeeded', 'succeeded']);
    assert.ok((await kinds(urgent)).includes('approval.escalated'));
  });

  it('meet the answer that they have when a step asks again', async () => {
    const view = await asked('ask.one');
    const question = { ...{ step: 0, path: 'may', title: 'x', shown: null, by: [], required: 9 } };
    const facts = { tenantId, id: view.runId, actor: { kind: 'person', id: 'x' } } as never;
    const ask = () => approvals.ask(facts, { ...question, expiresMs: 0 });

    assert.deepEqual([(await ask()).id, (await ask()).decided], [view.id, null]);
    await say(view.id, 'anna', { note: 'Fine.' });
    const decided = { state: 'granted', by: ['anna'], note: 'Fine.' };
    assert.deepEqual((await ask()).decided, decided);
    assert.deepEqual((await approvals.expire(facts, 0)).decided, decided);
  });
});
