import assert from 'node:assert/strict';
import type { UndoView } from '../../../core/engine/undo/undo-view.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { eventually } from '../../support/eventually.ts';
import { UndoLab } from '../../support/undo-lab.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

describe('/v1/runs/:id/undo', () => {
  let lab: UndoLab;
  let server: Listening;

  before(async () => {
    lab = await UndoLab.open({ company: false });
    const { history, engine, host } = lab.engine;
    const { tenantId, undo } = lab;
    const parts = { history, engine, registry: host.registry, tenantId, undo };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await lab.engine.close(this);
  });

  const get = (id: string) => fetch(`${server.url}/v1/runs/${id}/undo`);
  const post = (id: string, body: object) =>
    fetch(`${server.url}/v1/runs/${id}/undo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('says what it would take back, takes it back, and tells what has stayed', async () => {
    verifies('R8.undo', 'R10.runs');
    const code = { code: 'P1' };
    const { id } = await lab.call([
      { tool: 'shelf.box.make', args: code },
      { tool: 'shelf.box.shut', args: code },
      { tool: 'shelf.box.make', args: { code: 'P2' } },
      { tool: 'shelf.box.paint', args: { code: 'P2' } },
    ]);
    await problem(await get(id), 404, 'RUN_UNKNOWN');
    await problem(await post(id, {}), 400, 'INPUT_INVALID');

    const plan = await json<UndoView>(await post(id, { dryRun: true }));
    const started = await post(id, { reason: 'it was wrong' });
    const view = await eventually(async () => {
      const found = await json<UndoView>(await get(id));
      return found.status === 'partial' ? found : null;
    });

    assert.equal(plan.summary, 'rollback incomplete: 1 of 4 effects would stay');
    assert.equal(started.status, 202);
    assert.equal(started.headers.get('location'), `/v1/runs/${view.id}`);
    assert.equal(view.summary, 'rollback incomplete: 2 of 4 effects stay');
    assert.deepEqual(
      view.effects.map(({ became }) => became),
      ['left', 'left', 'undone', 'undone'],
    );
  });

  it('refuses a run that there is not, and one that goes on', async () => {
    await problem(
      await post('01a1fea4-43b0-708d-9bc9-f447469e562b', { dryRun: true }),
      404,
      'RUN_UNKNOWN',
    );
    const { id } = await lab.call([{ tool: 'shelf.box.make', args: { code: 'P3' } }]);
    // It goes on at an engine elsewhere: one that is nobody's would be taken up and ended again.
    await lab.query(
      `WITH elsewhere AS (INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, lease_until)
         VALUES (gen_random_uuid(), 'elsewhere', 1, now(), '1', '[1,2)', now() + interval '1 hour') RETURNING id)
       UPDATE tutti.run SET ended_at = NULL, owner = elsewhere.id FROM elsewhere WHERE run.id = $1`,
      id,
    );

    await problem(await post(id, { reason: 'it was wrong' }), 409, 'RUN_UNFINISHED');
  });
});
