import assert from 'node:assert/strict';
import { startLabEngine } from '../support/crash-lab.ts';
import { UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';

// Each engine dies at one of these; what a later point asks for, the ones before have left to do.
const deaths = ['after-claim:1', 'before-flush:2', 'after-tool:1', 'after-flush:4', 'after-tool:2'];
const codes = ['N1', 'N2', 'N3', 'N4', 'N5', 'N6'];

describe('an undo whose engine is killed at each crash point', function () {
  this.timeout(300_000);
  let lab: UndoLab;

  before(async () => {
    lab = await UndoLab.open({ company: false });
  });
  after(function () {
    return lab.engine.close(this);
  });

  /** An engine in a process of its own, which sees a run to its end or dies on the way. */
  async function engine(until: string, at: string): Promise<string | null> {
    const what = { until, at, config: 'undo.config.ts' };
    return (await startLabEngine(lab.engine.fresh.url, {}, what).ended).signal;
  }

  it('reverses every document once, by the record of the ERP', async () => {
    verifies('R8.crash', 'R8.undo');
    const run = await lab.call(codes.map((code) => ({ tool: 'shelf.box.make', args: { code } })));
    await lab.engine.engine.stop();
    const { tenantId } = lab;
    const actor = { kind: 'person', id: 'anna' } as const;
    const ask = { tenantId, runId: run.id, actor, reason: 'it was wrong' };
    const { id } = await lab.undo.start(ask);

    for (const at of deaths) assert.equal(await engine(id, at), 'SIGKILL', at);
    assert.equal(await engine(id, ''), null);

    assert.equal((await lab.undo.view(ask))?.summary, '6 effects undone');
    const boxes = await lab.query('SELECT code, status, version FROM erp.box ORDER BY code');
    assert.deepEqual(
      boxes,
      codes.map((code) => ({ code, status: 'gone', version: 2 })),
    );
    const [commands] = await lab.query<{ count: number }>(
      `SELECT count(*)::int FROM erp.command WHERE key LIKE '%:box.remove:%'`,
    );
    assert.deepEqual(commands, { count: codes.length });
  });
});
