import assert from 'node:assert/strict';
import type { RunHead, RunSummary, StepView } from '../../../core/engine/history/history.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, openApi, problem, type TestApi } from './api.ts';

type Head = Pick<RunHead, 'id' | 'status' | 'workflow' | 'businessDate' | 'key' | 'goal'>;
interface List<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

describe('/v1/runs', () => {
  let api: TestApi;

  before(async () => {
    api = await openApi(() => ({
      runDefaults: () => ({ businessDate: '2026-06-30', timeZone: 'Europe/Berlin' }),
    }));
  });
  after(async function () {
    await api.close(this);
  });

  const statusOf = async (id: string) => (await json<Head>(await api.get(`/v1/runs/${id}`))).status;
  const ended = (id: string) => eventually(async () => (await statusOf(id)) === 'succeeded');

  it('starts a run and says where to look for it', async () => {
    verifies('R1.run-goal');
    const goal = 'Hear two voices.';
    const response = await api.post('/v1/runs', {
      workflow: 'chorus',
      input: { values: ['a', 'b'] },
      goal,
    });

    const { id, businessDate, goal: kept } = await json<Head>(response);
    assert.equal(kept, goal);
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('location'), `/v1/runs/${id}`);
    assert.equal(businessDate, '2026-06-30');
    await ended(id);
    const { summary } = await json<{ summary: RunSummary }>(await api.get(`/v1/runs/${id}`));
    assert.equal(summary.agents, 2);
    assert.equal(summary.findings, 2);
  });

  it('starts a run with a deadline, and shows it', async () => {
    const deadlineAt = '2099-12-31T23:00:00+01:00';
    const made = await api.post('/v1/runs', {
      workflow: 'chorus',
      input: { values: [] },
      deadlineAt,
    });

    const { id } = await json<Head>(made);
    const shown = await json<{ deadlineAt: string }>(await api.get(`/v1/runs/${id}`));
    assert.equal(shown.deadlineAt, '2099-12-31T22:00:00.000Z');
    await ended(id);
    const today = { workflow: 'chorus', deadlineAt: '2099-12-31' };
    await problem(await api.post('/v1/runs', today), 400, 'INPUT_INVALID');
  });

  it('changes the priority of a run that lives, unless somebody was faster', async () => {
    verifies('R2.priority-change');
    const id = await api.start('pause');
    const path = `/v1/runs/${id}`;
    const before = await api.get(path);
    const tag = before.headers.get('etag') ?? '';
    const change = (priority: number, seen: string) =>
      fetch(`${api.server.url}${path}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json', 'if-match': seen },
        body: JSON.stringify({ priority }),
      });

    const first = await change(8, tag);
    await problem(await change(2, tag), 412, 'PRECONDITION_FAILED');
    const shown = await api.get(path);

    assert.equal(first.status, 202);
    assert.equal((await json<{ priority: number }>(before)).priority, 5);
    assert.equal((await json<{ priority: number }>(shown)).priority, 8);
    assert.equal(shown.headers.get('etag'), first.headers.get('etag'));
    const again = await fetch(`${api.server.url}${path}`, { headers: { 'if-none-match': '*' } });
    assert.equal(again.status, 200, 'the tag is not of its figures');
    await problem(await change(11, '*'), 400, 'INPUT_INVALID');
    await api.post(`${path}/cancel`, {});
    await eventually(async () => (await statusOf(id)) === 'cancelled');
    await problem(await change(5, '*'), 409, 'RUN_ENDED');
  });

  it('gives the same key the same run, and refuses it for another input', async () => {
    verifies('R10.idempotency');
    const body = { workflow: 'chorus', input: { values: ['once'] } };
    const headers = { 'idempotency-key': 'night-1' };

    const first = await json<Head>(await api.post('/v1/runs', body, headers));
    const quoted = await json<Head>(
      await api.post('/v1/runs', body, { 'idempotency-key': '"night-1"' }),
    );
    const inBody = await json<Head>(
      await api.post('/v1/runs', { ...body, key: 'night-1' }, headers),
    );
    const other = { ...body, input: { values: ['twice'] } };

    assert.equal(quoted.id, first.id);
    assert.equal(inBody.id, first.id);
    assert.equal(first.key, 'night-1');
    await problem(await api.post('/v1/runs', other, headers), 422, 'KEY_REUSED');
  });

  it('refuses the same key for another company, and for the run that was rehearsed with it', async () => {
    verifies('R10.idempotency');
    const body = { workflow: 'chorus', input: { values: ['once'] }, company: 'DE01' };
    const rehearsed = { ...body, rehearsal: true };
    for (const [key, first, others] of [
      ['firm', body, [{ ...body, company: 'FR01' }, { ...body, company: undefined }, rehearsed]],
      ['stage', rehearsed, [body]],
    ] as const) {
      const headers = { 'idempotency-key': key };
      const { id } = await json<Head>(await api.post('/v1/runs', first, headers));
      for (const other of others)
        await problem(await api.post('/v1/runs', other, headers), 422, 'KEY_REUSED');
      assert.equal((await json<Head>(await api.post('/v1/runs', first, headers))).id, id);
    }
  });

  it('starts one run for many requests with one key at once', async () => {
    verifies('R9.concurrent-access', 'R10.idempotency');
    const body = { workflow: 'chorus', input: { values: [] }, key: 'crowd' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.post('/v1/runs', body, { 'idempotency-key': 'crowd' })),
    );

    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
    const ids = await Promise.all(answers.map(async (answer) => (await json<Head>(answer)).id));
    assert.equal(new Set(ids).size, 1);
  });

  it('asks for a key, and for one only', async () => {
    const body = JSON.stringify({ workflow: 'chorus', input: { values: [] } });
    const headers = { 'content-type': 'application/json' };
    const keyless = await fetch(`${api.server.url}/v1/runs`, { method: 'POST', headers, body });

    const { errors } = await problem(keyless, 400, 'INPUT_INVALID');
    assert.equal(errors?.[0]?.pointer, 'Idempotency-Key');
    await problem(
      await api.post('/v1/runs', { workflow: 'chorus', key: 'a' }, { 'idempotency-key': 'b' }),
      400,
      'INPUT_INVALID',
    );
    await problem(
      await api.post('/v1/runs', { workflow: 'chorus' }, { 'idempotency-key': 'x'.repeat(256) }),
      400,
      'INPUT_INVALID',
    );
  });

  it('refuses workflows that it does not know and inputs that they do not take', async () => {
    await problem(await api.post('/v1/runs', { workflow: 'opera' }), 404, 'WORKFLOW_UNKNOWN');
    await problem(
      await api.post('/v1/runs', { workflow: 'chorus', input: { values: 7 } }),
      400,
      'INPUT_INVALID',
    );
    await problem(
      await api.post('/v1/runs', { workflow: 'chorus', timeZone: 'Mars/Olympus' }),
      400,
      'INPUT_INVALID',
    );
    await problem(
      await api.post('/v1/runs', { workflow: 'chorus', businessDate: '2026-02-30' }),
      400,
      'INPUT_INVALID',
    );
  });

  it('answers ids that are no run with 404, on every path', async () => {
    for (const id of ['0197a000-0000-7000-8000-000000000000', 'none', "'%20OR%201=1"]) {
      for (const path of ['', '/steps', '/events']) {
        await problem(await api.get(`/v1/runs/${id}${path}`), 404, 'RUN_UNKNOWN');
      }
      await problem(await api.post(`/v1/runs/${id}/cancel`), 404, 'RUN_UNKNOWN');
      await problem(await api.get(`/v1/findings?run=${id}`), 404, 'RUN_UNKNOWN');
      await problem(await api.get(`/v1/proposals?run=${id}`), 404, 'RUN_UNKNOWN');
    }
  });

  it('hides the runs of other tenants', async () => {
    verifies('R12.tenancy');
    const theirs = await api.tutti.host.store.tenant('theirs');
    const { id } = await api.tutti.run('chorus', { tenantId: theirs, input: { values: ['t'] } });

    await problem(await api.get(`/v1/runs/${id}`), 404, 'RUN_UNKNOWN');
    await problem(await api.get(`/v1/runs/${id}/events`), 404, 'RUN_UNKNOWN');
    await problem(await api.post(`/v1/runs/${id}/cancel`), 404, 'RUN_UNKNOWN');
    assert.ok((await pages<Head>('/v1/runs', 200)).every((run) => run.id !== id));
  });

  it('lists every run once over its pages, newest first', async () => {
    verifies('R10.list-runs');
    const started: string[] = [];
    for (const value of ['p', 'q', 'r'])
      started.unshift(await api.start('chorus', { values: [value] }));

    const listed = (await pages<Head>('/v1/runs', 2)).map(({ id }) => id);

    assert.deepEqual(listed.slice(0, 3), started);
    assert.equal(new Set(listed).size, listed.length);
    assert.deepEqual(
      listed,
      (await pages<Head>('/v1/runs', 200)).map(({ id }) => id),
    );
  });

  it('lists steps, findings and proposals once each over their pages', async () => {
    const values = ['l', 'm', 'n', 'o', 'k'];
    const id = await api.start('chorus', { values });
    await ended(id);

    const steps = await pages<StepView>(`/v1/runs/${id}/steps`, 2);
    const findings = await pages<{ summary: string }>(`/v1/findings?run=${id}`, 2);
    const newest = await pages<{ summary: string }>('/v1/findings', 2);
    const proposals = await pages<{ args: { value: string } }>(`/v1/proposals?run=${id}`, 2);

    assert.deepEqual(
      steps.map((step) => step.id),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(
      steps.slice(1).map((step) => step.itemKey),
      values,
    );
    assert.deepEqual(
      new Set(findings.map(({ summary }) => summary)),
      new Set(values.map((value) => `Said ${value}.`)),
    );
    assert.equal(findings.length, 5);
    assert.deepEqual(newest.slice(0, 5), findings);
    assert.deepEqual(proposals.map(({ args }) => args.value).sort(), [...values].sort());
  });

  it('cancels a run, as often as it is asked to', async () => {
    const id = await api.start('pause');
    await eventually(async () => {
      const { items } = await json<List<StepView>>(await api.get(`/v1/runs/${id}/steps`));
      return items.some((step) => step.node === 'hold' && step.status === 'running');
    });

    const response = await api.post(`/v1/runs/${id}/cancel`);

    assert.equal(response.status, 202);
    assert.equal(response.headers.get('location'), `/v1/runs/${id}`);
    await eventually(async () => (await statusOf(id)) === 'cancelled');
    const again = await api.post(`/v1/runs/${id}/cancel`);
    assert.deepEqual([again.status, (await json<Head>(again)).status], [202, 'cancelled']);
    await problem(await api.post(`/v1/runs/${id}/cancel`, { force: true }), 400, 'INPUT_INVALID');
  });

  it('lets nothing fail inside', () => {
    assert.deepEqual(api.errors, []);
  });

  async function pages<T>(path: string, limit: number): Promise<readonly T[]> {
    const items: T[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
      const response = await api.get(
        `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`,
      );
      assert.equal(response.status, 200);
      const page: List<T> = await json<List<T>>(response);
      assert.ok(page.items.length <= limit);
      items.push(...page.items);
      next = page.next;
    }
    return items;
  }
});
