import assert from 'node:assert/strict';
import { defineTool, EngineError, Text } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { verifies } from '../support/verifies.ts';
import { aConnector, aScope, hold, holdDeclaration, Record } from './lab.ts';
import { again, args, earlier, ends, forgetful, kindOf, Outside, stateOf } from './outside.ts';

describe('an effect whose end nobody knows', () => {
  for (const state of ['started', 'uncertain'] as const) {
    it(`is looked for when it is '${state}', and not done again when it is found`, async () => {
      verifies('R8.crash');
      const outside = new Outside();
      outside.found = { version: '3' };
      const tool = outside.tool('lookUp');
      const record = await earlier(tool, state);

      const outcome = await again(tool, record);

      const value = { kind: 'replayed', result: { version: '3' }, differs: false };
      assert.deepEqual(outcome, { kind: 'effected', value, records: 0 });
      assert.deepEqual(
        [outside.arrived.length, outside.lookUps, ends(record)],
        [0, 1, ['applied']],
      );
    });

    it(`is done under the same key when it is '${state}' and was looked for in vain`, async () => {
      const outside = new Outside();
      const tool = outside.tool('lookUp');
      const record = await earlier(tool, state);

      const outcome = await again(tool, record);

      assert.equal(kindOf(outcome), 'applied');
      assert.deepEqual(outside.arrived, [...record.effects.keys()]);
      assert.deepEqual(ends(record), ['started', 'applied']);
    });

    it(`is done again when it is '${state}' and the receiver knows its keys`, async () => {
      const outside = new Outside();
      const tool = outside.tool('repeatable');
      const record = await earlier(tool, state, { ageMs: 0 });

      const outcome = await again(tool, record);

      assert.equal(kindOf(outcome), 'applied');
      assert.deepEqual(outside.arrived, [...record.effects.keys()]);
    });

    it(`goes to a person when it is '${state}' and there is no way to find out`, async () => {
      verifies('R8.escalate');
      const outside = new Outside();
      const tool = outside.tool('silent');
      const record = await earlier(tool, state);
      const [key = ''] = record.effects.keys();

      const told = { code: 'EFFECT_IN_REVIEW', details: { key, tool: 'lab.crate.ship' } };
      const message = new RegExp(`lab\\.crate\\.ship.*tutti settle ${key.slice(0, 12)} happened`);

      await assert.rejects(again(tool, record), { ...told, message });
      assert.equal(stateOf(record), 'needs_review');
      await assert.rejects(again(tool, record), told);
      assert.deepEqual([outside.arrived, ends(record)], [[], ['needs_review']]);
      const called = record.entries.filter(({ kind }) => kind === 'tool.called');
      assert.deepEqual(
        called.map(({ data }) => data.code),
        Array(2).fill(told.code),
      );
    });
  }

  it('is repeated when it went through an ERP that knows its keys', async () => {
    const connector = aConnector();
    const record = new Record();
    await again(hold, record, connector);
    for (const effect of record.effects.values()) effect.state = 'started';

    const outcome = await again(hold, record, connector);

    const value = { kind: 'applied', result: { version: '2' }, differs: false };
    assert.deepEqual(outcome, { kind: 'effected', value, records: 0 });
  });

  it('goes to a person when it went through an ERP that forgets its keys', async () => {
    const connector = forgetful(0);
    const record = await earlier(hold, 'started');

    await assert.rejects(again(hold, record, connector), { code: 'EFFECT_IN_REVIEW' });

    assert.deepEqual(connector.applied, []);
  });

  it('is not done before a look-up has answered', async () => {
    const outside = new Outside();
    const lookUp = () => Promise.reject(new EngineError('ERP_UNAVAILABLE', 'It is away.'));
    const tool = { ...outside.tool('lookUp'), lookUp } as AnyTool;
    const record = await earlier(tool, 'uncertain');

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'ERP_UNAVAILABLE');
    assert.deepEqual([outside.arrived, stateOf(record)], [[], 'uncertain']);
  });

  it('is not taken for absent by a look-up that forgets to answer', async () => {
    const outside = new Outside();
    const tool = { ...outside.tool('lookUp'), lookUp: async () => undefined } as AnyTool;
    const record = await earlier(tool, 'started');

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'TOOL_RESULT_INVALID');
    assert.deepEqual([outside.arrived, stateOf(record)], [[], 'started']);
  });
});

describe('a record that another call was faster to make', () => {
  const draft = (refuses: boolean): AnyTool =>
    defineTool({ ...holdDeclaration, name: 'lab.crate.draft' }).handler(async (_, { erp }) => {
      const { version } = await erp.crate.findOrCreate({ code: 'Z9' }, ([there]) => {
        if (there && refuses) throw new EngineError('ERP_REJECTED', 'There is one.');
        return there ?? { note: new Text('new'), held: false };
      });
      return { version };
    });
  /** The ERP, in which each command has just been carried out for somebody else. */
  const crowded = (): Connector => {
    const erp = aConnector();
    const apply: Connector['apply'] = async (...command) => {
      await erp.apply(...command);
      return await erp.apply(...command);
    };
    return { ...erp, apply };
  };
  const writtenBy = ({ entries }: Record): unknown =>
    entries.find(({ kind }) => kind === 'effect.wrote')?.data.records;

  it('proves that a call did nothing which is refused for it', async () => {
    const record = new Record();

    const outcome = await again(draft(true), record, crowded());

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'ERP_REJECTED');
    assert.deepEqual(ends(record), ['rejected']);
  });

  it('is not noted as written by the call that is given it', async () => {
    verifies('R8.undo');
    const record = new Record();

    assert.equal(kindOf(await again(draft(false), record, crowded())), 'applied');
    assert.deepEqual(writtenBy(record), []);
    const alone = new Record();
    await again(draft(false), alone, aConnector());
    assert.equal((writtenBy(alone) as readonly unknown[]).length, 1);
  });

  it('may be its own where an earlier try of the call came to no end', async () => {
    const tool = draft(true);
    const record = await earlier(tool, 'started');

    await again(tool, record, crowded());

    assert.equal(stateOf(record), 'uncertain');
  });
});

describe('a try that may still be under way', () => {
  it('is waited out before anybody looks for what it did', async () => {
    const outside = new Outside();
    const tool = outside.tool('lookUp');
    const record = await earlier(tool, 'started', { ageMs: 10 });
    const from = performance.now();
    record.beforeKnown = (effect) => {
      effect.ageMs = 10 + performance.now() - from;
    };

    await again(tool, record);

    assert.ok(performance.now() - from >= 29, 'the handler had 30 ms left');
    assert.equal(outside.arrived.length, 1);
  });

  it('is waited out for as long as the connector says after it was given up', async () => {
    const outside = new Outside();
    const tool = outside.tool('lookUp', 'write');
    const connector = forgetful(60);
    const record = await earlier(tool, 'uncertain', { ageMs: 0 });
    const from = performance.now();
    record.beforeKnown = (effect) => {
      effect.ageMs = performance.now() - from;
    };

    await again(tool, record, connector);

    const tookMs = performance.now() - from;
    assert.ok(tookMs >= 59, `${tookMs} ms of 60`);
  });

  it('leaves its outcome to whoever waited', async () => {
    const outside = new Outside();
    const tool = outside.tool('silent');
    const record = await earlier(tool, 'started', { ageMs: 0 });
    let asked = 0;
    record.beforeKnown = (effect) => {
      asked += 1;
      if (asked === 2) Object.assign(effect, { state: 'applied', outcome: { version: '5' } });
    };

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'replayed');
    assert.deepEqual(outcome.value.result, { version: '5' });
    assert.deepEqual([outside.arrived, ends(record)], [[], []]);
  });

  it('is waited out once where nobody can say when it began', async () => {
    const outside = new Outside();
    const tool = outside.tool('silent');
    const record = await earlier(tool, 'started');
    for (const effect of record.effects.values()) delete effect.ageMs;

    await assert.rejects(again(tool, record), { code: 'EFFECT_IN_REVIEW' });

    assert.equal(record.entries.filter(({ kind }) => kind === 'effect.started').length, 2);
  });

  it('is not waited for by a step that is cancelled', async () => {
    const tool = { ...new Outside().tool('silent'), timeoutMs: 60_000 } as AnyTool;
    const record = await earlier(tool, 'started', { ageMs: 0 });
    const { scope, controller } = aScope([tool], { act: true, record });
    record.beforeKnown = () =>
      controller.abort(new EngineError('CANCELLED', 'The run was cancelled.'));

    await assert.rejects(invoke(tool, args, scope), { code: 'CANCELLED' });

    assert.equal(stateOf(record), 'started');
  });
});

describe('the word of a person', () => {
  it('that it happened brings back the outcome that they gave', async () => {
    const outside = new Outside();
    const tool = outside.tool('silent');
    const record = await earlier(tool, 'applied', { outcome: { version: 'by hand' } });
    for (const effect of record.effects.values()) effect.verdict = 'happened';

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'replayed');
    assert.deepEqual([outcome.value.result, outside.arrived], [{ version: 'by hand' }, []]);
  });

  it('that it happened is refused with an outcome that the tool could not give', async () => {
    const tool = new Outside().tool('silent');
    const record = await earlier(tool, 'applied', { outcome: { weight: 1 } });
    for (const effect of record.effects.values()) effect.verdict = 'happened';

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'error' && outcome.error.code === 'TOOL_RESULT_INVALID');
  });

  it('that it did not happen refuses it', async () => {
    const outside = new Outside();
    const tool = outside.tool('silent');
    const record = await earlier(tool, 'rejected');
    for (const effect of record.effects.values()) effect.verdict = 'did-not-happen';

    const outcome = await again(tool, record);

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
    assert.deepEqual([outcome.value.rule, outside.arrived], ['effect.did_not_happen', []]);
  });

  it('to try again is good for one try', async () => {
    const outside = new Outside();
    const tool = outside.tool('silent');
    const record = await earlier(tool, 'approved');
    const states: unknown[] = [];
    const { handle } = tool;
    const watched = {
      ...tool,
      handle: (...call: Parameters<typeof handle>) => {
        states.push(stateOf(record));
        return handle(...call);
      },
    } as AnyTool;

    const outcome = await again(watched, record);

    assert.equal(kindOf(outcome), 'applied');
    assert.deepEqual(states, ['started']);
    assert.equal(outside.arrived.length, 1);
  });
});
