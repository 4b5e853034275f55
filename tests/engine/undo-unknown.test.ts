import assert from 'node:assert/strict';
import { Reviews } from '../../core/engine/store/reviews.ts';
import { leftBy, UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';

describe('an undo of what came to no end at first', () => {
  let lab: UndoLab;

  before(async () => {
    lab = await UndoLab.open({ company: false });
  });
  after(function () {
    return lab.engine.close(this);
  });

  const boxes = async (code: string) => {
    const text = 'SELECT status FROM erp.box WHERE code = $1 ORDER BY id';
    return (await lab.query<{ status: string }>(text, code)).map(({ status }) => status);
  };

  it('names what an earlier try of a call may have made, which the one that came to an end has only found', async () => {
    verifies('R8.undo', 'R8.crash');
    const { engine, tenantId } = lab;
    const former = await lab.call([{ tool: 'shelf.box.drop', args: { code: 'T1' } }]);
    const actor = { kind: 'person', id: 'anna' } as const;
    const retry = await engine.engine.retryRun({ tenantId, runId: former.id, actor });
    assert.equal(await engine.engine.whenEnded(retry.id), 'succeeded');

    const view = await lab.takeBack(retry.id);

    assert.deepEqual(await boxes('T1'), ['there']);
    assert.equal(view.summary, 'rollback incomplete: 1 of 1 effect stays');
    assert.match(leftBy(view)[0]?.[1] ?? '', /^an earlier try of it came to no end/);
  });

  it('reverses what a person says was made, and not what that was made for', async () => {
    verifies('R8.undo', 'R8.escalate');
    const { tenantId, engine } = lab;
    await lab.call([{ tool: 'shelf.box.make', args: { code: 'U1' } }]);
    const [below] = await lab.query<{ id: string }>(`SELECT id FROM erp.box WHERE code = 'U1'`);
    const args = { below: below?.id, code: 'U2' };
    const run = await lab.call([{ tool: 'shelf.box.stack', args }]);
    // Its engine has died before anything of the end was stored.
    const [effect] = await lab.query<{ key: string; outcome: unknown }>(
      `WITH lost AS (DELETE FROM tutti.effect_document d USING tutti.effect e WHERE e.run_id = $1 AND d.key = e.key AND d.part = 'made'),
        untold AS (DELETE FROM tutti.entry WHERE run_id = $1 AND kind IN ('effect.wrote', 'effect.ended'))
       UPDATE tutti.effect e SET state = 'started', ended_at = NULL, outcome = NULL FROM tutti.effect o
       WHERE e.run_id = $1 AND o.key = e.key RETURNING encode(e.key, 'hex') AS key, o.outcome`,
      run.id,
    );
    const reviews = new Reviews(lab.pool);
    const { key = '', outcome } = effect ?? {};
    const actor = { kind: 'person', id: 'anna' } as const;
    const said = { tenantId, key, verdict: 'happened', outcome, actor } as const;
    await reviews.settle(said, engine.host.registry.tools);

    const view = await lab.takeBack(run.id);

    assert.equal(view.summary, '1 effect undone');
    assert.deepEqual([...(await boxes('U1')), ...(await boxes('U2'))], ['there', 'gone']);
  });
});
