import assert from 'node:assert/strict';
import { EngineError } from '../../core/base/errors.ts';
import { Approvals } from '../../core/engine/approvals/approvals.ts';
import { compile } from '../../core/engine/graph/compile.ts';
import type { Run } from '../../core/engine/run/run.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { AfterFailure } from '../../core/engine/undo/after-failure.ts';
import { undoWorkflow } from '../../core/engine/undo/undo-workflow.ts';
import { translateDbError } from '../../core/ports/db/db-error.ts';
import type { WorkflowData } from '../../core/sdk/node.ts';
import { requestOf } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { leftBy, type ToolCall, UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';

const make = (code: string): ToolCall => ({ tool: 'shelf.box.make', args: { code } });
const post = (code: string): ToolCall => ({ tool: 'shelf.box.post', args: { code } });
const shut = (code: string): ToolCall => ({ tool: 'shelf.box.shut', args: { code } });
const crush = (code: string): ToolCall => ({ tool: 'shelf.box.crush', args: { code } });
const paint = (code: string): ToolCall => ({ tool: 'shelf.box.paint', args: { code } });
const pair = (code: string): ToolCall => ({ tool: 'shelf.box.pair', args: { code } });
const unlimited = { deadline: null, budgetMicroUsd: null, partial: false, concurrency: null };
const lose: ToolCall = { tool: 'shelf.box.lose', args: {} };

describe('an undo', () => {
  let lab: UndoLab;

  before(async () => {
    lab = await UndoLab.open({ company: false });
  });
  after(function () {
    return lab.engine.close(this);
  });

  const boxes = (code: string) =>
    lab.query<{ status: string; lid: string; version: number }>(
      'SELECT status, lid, version FROM erp.box WHERE code = $1 ORDER BY id',
      code,
    );
  const statesOf = async (runId: string) =>
    (
      await lab.query<{ state: string }>(
        'SELECT state FROM tutti.effect WHERE run_id = $1 ORDER BY seq',
        runId,
      )
    ).map(({ state }) => state);

  it("takes everything back by the ERP's own reversals, the last effect first", async () => {
    verifies('R8.undo');
    const run = await lab.call([make('A1'), shut('A1'), make('A2')]);

    const view = await lab.takeBack(run.id);

    assert.equal(view.summary, '3 effects undone');
    assert.equal(view.status, 'succeeded');
    assert.deepEqual(await boxes('A1'), [{ status: 'gone', lid: 'open', version: 4 }]);
    assert.deepEqual(await boxes('A2'), [{ status: 'gone', lid: 'open', version: 2 }]);
    assert.deepEqual(await statesOf(run.id), ['undone', 'undone', 'undone']);
    const order = await lab.query<{ of: string }>(
      `SELECT encode(undo_of, 'hex') AS of FROM tutti.effect WHERE run_id = $1 ORDER BY seq`,
      view.id,
    );
    assert.deepEqual(
      order.map(({ of }) => of),
      view.effects.map(({ key }) => key),
    );
  });

  it('asked for twice is one undo', async () => {
    const run = await lab.call([make('B1')]);
    const first = await lab.takeBack(run.id);

    const again = await lab.takeBack(run.id);

    assert.equal(again.id, first.id);
    assert.equal((await boxes('B1'))[0]?.version, 2);
  });

  it('shows a rollback that is incomplete, and names what stays and why', async () => {
    const run = await lab.call([make('C1'), paint('C1'), make('C2'), crush('C2'), make('C3')]);

    const plan = await lab.undo.plan({ tenantId: lab.tenantId, runId: run.id });
    const view = await lab.takeBack(run.id);

    assert.equal(plan.summary, 'rollback incomplete: 2 of 5 effects would stay');
    assert.equal(view.status, 'partial');
    assert.match(view.summary, /^rollback incomplete: 4 of 5 effects stay/);
    const [crushed, madeC2, painted, madeC1] = leftBy(view);
    assert.deepEqual(crushed, ['shelf.box.crush', "the ERP has no 'uncrush' of a box"]);
    assert.deepEqual(madeC2, [
      'shelf.box.make',
      'a later change of the same record is not taken back',
    ]);
    assert.deepEqual(painted, [
      'shelf.box.paint',
      'it cannot be taken back: paint does not come off',
    ]);
    assert.match(madeC1?.[1] ?? '', /^somebody has changed the record since/);
    assert.equal((await boxes('C3'))[0]?.status, 'gone');
    assert.deepEqual(await statesOf(run.id), [
      'applied',
      'applied',
      'applied',
      'applied',
      'undone',
    ]);
  });

  it('leaves what somebody has changed since, and takes back the rest', async () => {
    const run = await lab.call([make('D1'), make('D2')]);
    await lab.call([shut('D1')]);

    const view = await lab.takeBack(run.id);

    const [[tool, reason] = []] = leftBy(view);
    assert.equal(tool, 'shelf.box.make');
    assert.match(reason ?? '', /^somebody has changed the record since .*version 2, not at 1/);
    assert.equal(view.summary, 'rollback incomplete: 1 of 2 effects stays');
    assert.deepEqual(
      [...(await boxes('D1')), ...(await boxes('D2'))].map(({ status }) => status),
      ['there', 'gone'],
    );
  });

  it('leaves what was there before alone', async () => {
    const first = await lab.call([post('E1')]);
    const second = await lab.call([make('E1')]);

    const view = await lab.takeBack(second.id);

    assert.equal(view.summary, '1 effect undone');
    assert.deepEqual(await boxes('E1'), [{ status: 'there', lid: 'open', version: 1 }]);
    assert.equal((await lab.takeBack(first.id)).summary, '1 effect undone');
  });

  it('of one step takes back that step only', async () => {
    const run = await lab.call([make('F1'), make('F2')]);

    const view = await lab.takeBack(run.id, { step: 'c1' });

    assert.equal(view.total, 1);
    assert.deepEqual(await statesOf(run.id), ['applied', 'undone']);
    assert.equal((await lab.takeBack(run.id)).total, 1);
    await assert.rejects(lab.takeBack(run.id, { step: 'nowhere' }), { code: 'STEP_UNKNOWN' });
  });

  it('posts nothing into a period that is locked by then, and can be asked for again', async () => {
    verifies('R12.period-lock');
    await period('open');
    const run = await lab.call([make('G1'), post('G2')]);
    await period('locked');

    const refused = await lab.takeBack(run.id);
    await period('open');
    const again = await lab.takeBack(run.id);

    assert.deepEqual(
      leftBy(refused).map(([tool]) => tool),
      ['shelf.box.post'],
    );
    assert.match(leftBy(refused)[0]?.[1] ?? '', /is locked/);
    assert.notEqual(again.id, refused.id);
    assert.equal(again.summary, '1 effect undone');
    assert.deepEqual(await statesOf(run.id), ['undone', 'undone']);
  });

  it('reverses nothing of which nobody knows whether it happened', async () => {
    const run = await lab.call([make('H1'), make('H2')]);
    await lab.query(
      `UPDATE tutti.effect SET state = 'needs_review' WHERE run_id = $1 AND seq = (SELECT max(seq) FROM tutti.effect WHERE run_id = $1)`,
      run.id,
    );

    const view = await lab.takeBack(run.id);

    assert.match(leftBy(view)[0]?.[1] ?? '', /^nobody knows whether it happened \(needs_review\)/);
    assert.equal((await boxes('H2'))[0]?.status, 'there');
    assert.equal((await boxes('H1'))[0]?.status, 'gone');
  });

  it('withdraws the proposals of the run', async () => {
    const run = await lab.call([make('I1'), make('I2')]);
    await lab.query(
      `UPDATE tutti.effect SET state = 'proposed' WHERE run_id = $1 AND seq = (SELECT max(seq) FROM tutti.effect WHERE run_id = $1)`,
      run.id,
    );

    const view = await lab.takeBack(run.id);

    assert.equal(view.summary, '1 effect undone; 1 proposal withdrawn');
    assert.deepEqual(await statesOf(run.id), ['undone', 'refused']);
  });

  for (const { by, code } of [
    { by: 'the run that proposed it', code: 'S1' },
    { by: 'the run that carried it out', code: 'S2' },
  ] as const)
    it(`takes back what was carried out once people had agreed, by the name of ${by}`, async () => {
      verifies('R12.approvals');
      const run = await lab.call([{ tool: 'shelf.box.store', args: { code } }]);
      const approvals = new Approvals(lab.pool, lab.engine.host.config.roles);
      const { tenantId } = lab;
      const [asked] = await approvals.list(tenantId, { runId: run.id, state: 'open', limit: 1 });
      const said = { decision: 'granted', person: 'ben', via: 'api' } as const;
      await approvals.decide({ tenantId, id: asked?.id ?? '', note: undefined, ...said });
      await eventually(async () => (await boxes(code))[0]);
      const { rows } = await lab.pool.query<{ id: string }>(
        'SELECT id FROM tutti.run WHERE tenant_id = $1 AND key = $2',
        [tenantId, `apply:${asked?.id}`],
      );
      const named = by === 'the run that proposed it' ? run.id : String(rows[0]?.id);

      const view = await eventually(async () => {
        const found = await lab.takeBack(named).catch((error: Error & { code: string }) => error);
        if ('total' in found) return found;
        assert.equal(found.code, 'RUN_UNFINISHED');
        return null;
      });

      assert.equal(view.summary, '1 effect undone');
      assert.equal((await boxes(code))[0]?.status, 'gone');
    });

  it('takes back what a retry carried out that its former run had begun, by the name of either', async () => {
    const { engine, tenantId } = lab;
    for (const [index, code] of ['R1', 'R2'].entries()) {
      const former = await lab.call([make(`${code}-mine`), pair(code)]);
      assert.deepEqual(await statesOf(former.id), ['applied', 'uncertain']);
      await lab.call([make(`${code}-other`)]);
      const actor = { kind: 'person', id: 'anna' } as const;
      const retry = await engine.engine.retryRun({ tenantId, runId: former.id, actor });
      assert.equal(await engine.engine.whenEnded(retry.id), 'succeeded');

      const view = await lab.takeBack(index === 0 ? retry.id : former.id);

      assert.equal(view.summary, index === 0 ? '1 effect undone' : '2 effects undone');
      assert.equal((await boxes(code))[0]?.status, 'gone');
    }
  });

  it('lets a later run do the same again', async () => {
    const first = await lab.call([make('J1')]);
    await lab.takeBack(first.id);

    const second = await lab.call([make('J1')]);

    assert.deepEqual(
      (await boxes('J1')).map(({ status }) => status),
      ['gone', 'there'],
    );
    assert.equal((await lab.takeBack(second.id)).summary, '1 effect undone');
  });

  it('starts by itself after a failure where the workflow says so', async () => {
    verifies('R8.terminate');
    const run = await lab.call([make('K1'), lose], { onFailure: 'undo', partial: false });
    assert.equal(run.status, 'failed');

    const view = await lab.takenBack(run.id);

    assert.equal(view.summary, '1 effect undone');
    assert.equal((await boxes('K1'))[0]?.status, 'gone');
  });

  const keepsNobodyWaiting = async (error: Error, ids: readonly string[]): Promise<void> => {
    const failed = [];
    for (const id of ids) failed.push(await lab.call([make(id)]));
    const { store, registry, connector } = lab.engine.host;
    const refused: string[] = [];
    let isShut = true;
    const after = new AfterFailure({
      ...{ pool: lab.pool, store, registry },
      connector: (tenantId) => {
        if (!isShut) return connector(tenantId);
        isShut = false;
        throw error;
      },
      measures: { notUndone: (run) => refused.push(run) },
    });
    const tenantId = lab.tenantId;
    for (const { id } of failed)
      after.ended({ facts: { id, tenantId }, graph: { onFailure: 'undo' } } as Run, 'failed');

    await after.tend();

    const [first, second] = failed.map(({ id }) => id);
    assert.deepEqual(refused, [first]);
    const { rows } = await lab.pool.query(
      `SELECT key FROM tutti.run WHERE workflow = 'tutti:undo' AND key LIKE 'undo:' || $1 || ':%'`,
      [second],
    );
    assert.equal(rows.length, 1);
  };

  it('that cannot be begun is told of, and keeps no other waiting', async () => {
    await keepsNobodyWaiting(new EngineError('ERP_UNAVAILABLE', 'Nobody answers.'), ['L8', 'L9']);
  });

  it('keeps no other waiting either whose plan takes longer than a statement may', async () => {
    const cause = Object.assign(new Error('canceling statement'), { code: '57014' });
    await keepsNobodyWaiting(translateDbError(cause), ['L6', 'L7']);
  });

  it('does not start by itself where it does not', async () => {
    const run = await lab.call([make('L1'), lose], { partial: false });
    assert.equal(run.status, 'failed');
    const marker = await lab.call([make('L2'), lose], { onFailure: 'undo', partial: false });

    await lab.takenBack(marker.id);

    assert.equal((await boxes('L1'))[0]?.status, 'there');
  });

  it('is planned by the engine alone: nobody else can have the agent, the tool or the workflow', async () => {
    verifies('R12.tool-permission');
    const { store, registry } = lab.engine.host;
    const forged = requestOf(undoWorkflow, { tenantId: lab.tenantId, input: { items: [] } });
    await lab.takeBack((await lab.call([make('M1')])).id);

    for (const version of [undefined, 1])
      await assert.rejects(submitRun(store, registry, { ...forged, ...(version && { version }) }), {
        code: 'WORKFLOW_UNKNOWN',
      });
    const input = { effects: { cel: 'input.effects' } };
    const task = { kind: 'task', agent: 'tutti.undo', input } as const;
    const tool = { kind: 'tool', tool: 'tutti.effect.reverse', args: {} } as const;
    for (const node of [task, tool]) {
      const common = {
        id: 'one',
        after: [],
        join: 'all_succeeded',
        priority: null,
        critical: null,
      };
      const data = { name: 'forged', nodes: [{ ...common, ...node }], ...unlimited };
      assert.throws(() => compile(data as WorkflowData, registry.agents, registry), {
        code: 'WORKFLOW_INVALID',
      });
    }
  });

  async function period(state: 'open' | 'locked'): Promise<void> {
    const connector = lab.engine.host.connector(lab.tenantId);
    const { rows } = await connector.query({
      entity: 'fiscal_period',
      filter: { company: { eq: 'BX' } },
      limit: 1,
    });
    const [known] = rows;
    const key = { key: `period ${state} ${known?.version ?? 0}` };
    const entity = 'fiscal_period';
    if (known) {
      await connector.apply({ entity, op: 'update', id: known.id, data: { state } }, key);
      return;
    }
    const year = { from: '2026-01-01', to: '2026-12-31', adjustment: false };
    const data = { company: 'BX', code: '2026', ledger: 'general', state, ...year };
    await connector.apply({ entity, op: 'create', data }, key);
  }
});
