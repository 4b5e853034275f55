import assert from 'node:assert/strict';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

interface List {
  readonly items: readonly ApprovalView[];
  readonly next: string | null;
}

const config = new URL('../../support/fixtures/approvals.config.ts', import.meta.url);

describe('/v1/approvals', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;
  let approvals: Approvals;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const { history, engine, host } = tutti;
    approvals = new Approvals(host.database.pool('tutti_engine', 2), host.config.roles);
    server = await listen(
      createApp({ history, engine, registry: host.registry, tenantId, approvals }),
      { port: 0 },
    );
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}${path}`);
  const post = (path: string, body: object) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: JSON.stringify(body),
    });
  const decide = (id: string, body: object) => post(`/v1/approvals/${id}/decision`, body);
  const list = async (query: string) => await json<List>(await get(`/v1/approvals?${query}`));

  /** Starts a run; resolves when it asks. */
  async function asked(workflow: string): Promise<ApprovalView> {
    const { id } = await tutti.engine.startRun(requestOf(workflow, { tenantId }));
    await eventually(
      async () => (await tutti.history.steps(tenantId, id))[0]?.status === 'waiting',
    );
    const { items } = await list(`run=${id}`);
    return items[0] ?? assert.fail();
  }
  const ended = (view: ApprovalView) =>
    eventually(
      async () => (await tutti.history.head(tenantId, String(view.runId))).endedAt !== null,
    );

  it('shows what people are asked, and lets its run go on', async () => {
    verifies('R12.approvals');
    const view = await asked('ask.one');
    assert.deepEqual(await json(await get(`/v1/approvals/${view.id}`)), view);
    assert.deepEqual([view.title, view.state, view.votes], ['May it?', 'open', []]);

    const response = await decide(view.id, { decision: 'granted', note: 'Fine.' });

    assert.equal(response.status, 200);
    const { state, votes } = await json<ApprovalView>(response);
    assert.deepEqual(
      [state, votes[0]?.person, votes[0]?.via, votes[0]?.note],
      ['granted', 'local', 'api', 'Fine.'],
    );
    await ended(view);
    const head = await tutti.history.head(tenantId, String(view.runId));
    assert.equal(head.status, 'succeeded');
  });

  it('lists by state and run, a page at a time', async () => {
    const [first, second] = [await asked('ask.one'), await asked('ask.one')];

    const page = await list('state=open&limit=1');
    assert.deepEqual([page.items[0]?.id, page.next], [second.id, second.id]);
    const next = await list(`state=open&limit=1&cursor=${page.next}`);
    assert.equal(next.items[0]?.id, first.id);
    assert.deepEqual((await list(`state=refused&run=${first.runId}`)).items, []);
  });

  it('refuses what cannot be decided, and says why', async () => {
    verifies('R10.problems');
    const view = await asked('ask.one');
    const foreign = await asked('ask.escalating');
    const unknown = 'ffffffff-ffff-7fff-8fff-ffffffffffff';

    await problem(await decide(unknown, { decision: 'granted' }), 404, 'APPROVAL_UNKNOWN');
    await problem(await get(`/v1/approvals/${unknown}`), 404, 'APPROVAL_UNKNOWN');
    await problem(await decide('abc', { decision: 'granted' }), 400, 'INPUT_INVALID');
    await problem(await decide(view.id, { decision: 'perhaps' }), 400, 'INPUT_INVALID');
    await problem(await decide(view.id, { decision: 'refused' }), 400, 'INPUT_INVALID');
    const as = { decision: 'granted', as: 'anna' };
    await problem(await decide(view.id, as), 400, 'INPUT_INVALID');
    await problem(await decide(foreign.id, { decision: 'granted' }), 403, 'APPROVAL_NOT_YOURS');
    assert.equal((await decide(view.id, { decision: 'refused', note: 'No.' })).status, 200);
    const late = await decide(view.id, { decision: 'granted' });
    const { detail } = await problem(late, 409, 'APPROVAL_CLOSED');
    assert.match(detail, /was refused by local at 20/);
    await problem(await get('/v1/approvals?state=lost'), 400, 'INPUT_INVALID');
    await problem(
      await get('/v1/approvals?run=01990000-0000-7000-8000-000000000001'),
      404,
      'RUN_UNKNOWN',
    );
  });

  it('does not let whoever started a run by this address approve it by this address', async () => {
    verifies('R12.approvals');
    const body = { workflow: 'ask.one', input: {}, businessDate: '2026-06-30', timeZone: 'UTC' };
    const started = await json<{ readonly id: string }>(await post('/v1/runs', body));
    let items: readonly ApprovalView[] = [];
    await eventually(async () => {
      items = (await list(`run=${started.id}`)).items;
      return items.length > 0;
    });

    await problem(
      await decide(String(items[0]?.id), { decision: 'granted' }),
      403,
      'APPROVAL_NOT_YOURS',
    );
  });
});
