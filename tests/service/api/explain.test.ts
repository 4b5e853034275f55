import assert from 'node:assert/strict';
import type { Explanation } from '../../../core/engine/explain/explanation.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, openApi, problem, type TestApi } from './api.ts';

describe('/v1/runs/:id/explain', () => {
  let api: TestApi;

  before(async () => {
    api = await openApi();
  });
  after(async function () {
    await api.close(this);
  });

  const explain = async (id: string, query = ''): Promise<Explanation> =>
    json<Explanation>(await api.get(`/v1/runs/${id}/explain${query}`));

  it('says what the steps of a run wait for, until it has ended', async () => {
    verifies('R2.explain', 'R10.client');
    const id = await api.start('pause');
    await eventually(async () => {
      const { steps, source } = await explain(id);
      return source === 'owner' && steps.length === 0;
    });

    const { steps, status, endAt } = await explain(id, '?step=hold');
    assert.deepEqual([steps, status, typeof endAt], [[], 'running', 'string']);
    await api.post(`/v1/runs/${id}/cancel`, {});
    await eventually(async () => (await explain(id)).status === 'cancelled');
    assert.match((await explain(id)).note ?? '', /has ended/);
  });

  it('refuses what is no run, no step and no question', async () => {
    const id = await api.start('pause');
    await problem(await api.get(`/v1/runs/${id}/explain?step=nowhere`), 404, 'STEP_UNKNOWN');
    await problem(await api.get(`/v1/runs/${id}/explain?stp=say`), 400, 'INPUT_INVALID');
    await problem(await api.get(`/v1/runs/${id}/explain?limit=1001`), 400, 'INPUT_INVALID');
    const nobody = '01990000-0000-7000-8000-000000000001';
    await problem(await api.get(`/v1/runs/${nobody}/explain`), 404, 'RUN_UNKNOWN');
    await api.post(`/v1/runs/${id}/cancel`, {});
  });
});
