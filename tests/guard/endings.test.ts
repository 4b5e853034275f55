import assert from 'node:assert/strict';
import { defineTool, EngineError, z } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import { verifies } from '../support/verifies.ts';
import { aConnector, aScope, hold, holdDeclaration, Record } from './lab.ts';
import { again, args, earlier, ends, kindOf, Outside, stateOf } from './outside.ts';

describe('what is recorded of a failed try', () => {
  it('leaves it open when a part of it stands', async () => {
    const tool = defineTool({ ...holdDeclaration, name: 'lab.crate.twice' }).handler(
      async ({ crate }, { erp }) => {
        await erp.crate.act(crate, 'hold', {});
        return await erp.crate.act(crate, 'hold', {});
      },
    );
    const { scope, record } = aScope([tool], { act: true });

    const outcome = await invoke(tool, args, scope);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'ERP_REJECTED');
    assert.equal(stateOf(record), 'uncertain');
  });

  it('leaves it open when a repeated handler refuses what it may have done itself', async () => {
    const connector = aConnector();
    const record = new Record();
    const wary = defineTool(holdDeclaration).handler(async ({ crate }, { erp }) => {
      const { held } = await erp.crate.get(crate);
      if (held) throw new EngineError('ERP_REJECTED', 'It is held by somebody.');
      return await erp.crate.act(crate, 'hold', {});
    });
    await again(wary, record, connector);
    for (const effect of record.effects.values()) effect.state = 'started';

    const outcome = await again(wary, record, connector);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'ERP_REJECTED');
    assert.equal(stateOf(record), 'uncertain');
  });

  it('says that nothing happened when the ERP itself refuses a repeated command', async () => {
    const connector = aConnector();
    const record = await earlier(hold, 'started');
    await connector.apply(
      { entity: 'crate', op: 'act', id: 'c0', action: 'hold', data: {} },
      { key: 'another' },
    );

    const outcome = await again(hold, record, connector);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'ERP_REJECTED');
    assert.equal(stateOf(record), 'rejected');
  });

  it('lets a lost race be tried again', async () => {
    const record = await earlier(hold, 'conflict');

    const outcome = await again(hold, record);

    assert.equal(kindOf(outcome), 'applied');
    assert.deepEqual(ends(record), ['started', 'applied']);
  });

  it('does not begin a read that was cancelled while its limit let nobody in', async () => {
    let hasRun = false;
    const look = defineTool({
      name: 'lab.crate.look',
      description: 'Looks.',
      effect: 'read',
      parameters: z.object({}),
      result: z.object({}),
    }).handler(async () => {
      hasRun = true;
      return {};
    });
    const reason = new EngineError('CANCELLED', 'Somebody has cancelled it.');
    const { scope, controller } = aScope([look], {
      enter: () => {
        controller.abort(reason);
        return Promise.resolve(() => {});
      },
    });

    await assert.rejects(invoke(look, {}, scope), reason);
    assert.equal(hasRun, false);
  });

  it('lets what the ERP has refused be', async () => {
    const record = await earlier(hold, 'rejected');

    const outcome = await again(hold, record);

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
    assert.equal(outcome.value.rule, 'effect.rejected');
  });
});

describe('an engine that may have lost its runs', () => {
  it('does nothing outside', async () => {
    verifies('R9.one-writer');
    const outside = new Outside();
    const tool = outside.tool('repeatable');
    const { scope, record } = aScope([tool], { act: true, isOwned: () => false });

    await assert.rejects(invoke(tool, args, scope), { code: 'ENGINE_FENCED' });

    assert.deepEqual([outside.arrived, stateOf(record)], [[], 'started']);
  });

  it('sends no further command of a handler that has begun', async () => {
    let isOwned = true;
    const tool = defineTool({
      ...holdDeclaration,
      name: 'lab.crate.slow',
      result: z.object({}),
    }).handler(async ({ crate }, { erp }) => {
      isOwned = false;
      await erp.crate.act(crate, 'hold', {});
      return {};
    });
    const { scope, record } = aScope([tool], { act: true, isOwned: () => isOwned });

    await assert.rejects(invoke(tool, args, scope), { code: 'ENGINE_FENCED' });

    const { rows } = await scope.connector.query({
      entity: 'crate',
      filter: { id: { eq: 'c0' } },
      limit: 1,
    });
    assert.deepEqual([rows[0]?.held, stateOf(record)], [false, 'started']);
  });
});
