import assert from 'node:assert/strict';
import { definePolicy, defineTool } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import type { Effect } from '../../core/sdk/tool.ts';
import { aScope, decidePlainly as decide, hold, holdDeclaration, type Record } from './lab.ts';

const args = { crate: 'c0', reason: 'wet' };

describe('in a rehearsal', () => {
  for (const { autonomy, attended, would } of [
    { autonomy: 'propose', attended: false, would: 'propose' },
    { autonomy: 'approve', attended: false, would: 'propose' },
    { autonomy: 'approve', attended: true, would: 'approve' },
    { autonomy: 'act', attended: false, would: 'write' },
  ] as const) {
    for (const effect of ['propose', 'write', 'send'] as const satisfies readonly Effect[]) {
      it(`a tool that would ${effect} under '${autonomy}' is observed, ${attended ? '' : 'un'}attended`, () => {
        const policies = [definePolicy({ name: 'test', grants: [{ autonomy }] })];
        const decision = decide({ ...facts, effect, attended, policies });

        assert.deepEqual(decision, { kind: 'observe', rule: 'rehearsal', would });
      });
    }
  }

  it('reads are as they are, and what is refused is refused', () => {
    const read = { ...facts, effect: 'read' } as const;
    const observing = [definePolicy({ name: 'test', grants: [{ autonomy: 'observe' }] })];

    assert.deepEqual(decide(read), decide({ ...read, rehearsal: false }));
    for (const refused of [
      { ...facts, listed: false },
      { ...facts, toolModule: 'hr' },
      { ...facts, policies: observing },
      { ...read, listed: false },
    ]) {
      const decision = decide(refused);
      assert.equal(decision.kind, 'refuse');
      assert.deepEqual(decision, decide({ ...refused, rehearsal: false }));
    }
  });

  it('an effect is answered as a proposal and leaves one entry, with the key that it would have', async () => {
    const night = aScope([hold]);
    const proposed = await invoke(hold, args, night.scope);
    const { scope, record } = aScope([hold], { rehearsal: true });

    const observed = await invoke(hold, args, scope);

    assert.deepEqual(observed, proposed);
    const [key] = night.record.effects.keys();
    const entries = record.entries.map(({ kind, data: { ms, ...data } }) => ({ kind, data }));
    assert.deepEqual(entries, [
      {
        kind: 'effect.observed',
        data: { tool: hold.name, key, entity: 'crate', targetId: 'c0', would: 'propose' },
      },
      {
        kind: 'tool.called',
        data: {
          tool: hold.name,
          effect: 'write',
          rule: 'rehearsal',
          records: 0,
          trust: 'operator',
          outcome: 'observed',
        },
      },
    ]);
    assert.equal(record.effects.size, 0);
  });

  it('an effect that would happen does not, and its key is that of the effect', async () => {
    const night = aScope([hold], { act: true });
    await invoke(hold, args, night.scope);
    let hasRun = false;
    const tool = defineTool(holdDeclaration).handler(async () => {
      hasRun = true;
      return { version: '2' };
    });
    const { scope, record } = aScope([tool], { act: true, rehearsal: true });

    const outcome = await invoke(tool, args, scope);

    const [key] = night.record.effects.keys();
    assert.deepEqual(outcome, {
      kind: 'effected',
      value: { kind: 'proposed', effect: key },
      records: 0,
    });
    assert.deepEqual([record.entries[0]?.data.would, record.entries[0]?.data.key], ['write', key]);
    assert.deepEqual([hasRun, record.effects.size], [false, 0]);
    const crates = await scope.connector.query({ entity: 'crate', filter: {}, limit: 10 });
    assert.ok(crates.rows.every(({ held }) => held === false));
  });

  it('what cannot be asked for is answered with the same error', async () => {
    const error = async (of: Record, scope: Parameters<typeof invoke>[2], crate: string) => {
      const outcome = await invoke(hold, { ...args, crate }, scope);
      assert.ok(outcome.kind === 'error', outcome.kind);
      assert.equal(of.entries.filter(({ kind }) => kind !== 'tool.called').length, 0);
      return outcome.error;
    };
    const night = aScope([hold]);
    const rehearsed = aScope([hold], { rehearsal: true });

    for (const crate of ['c99', '']) {
      assert.deepEqual(
        await error(rehearsed.record, rehearsed.scope, crate),
        await error(night.record, night.scope, crate),
      );
    }
  });
});

const facts = {
  agent: 'lab.keeper',
  agentModule: 'lab',
  tool: 'lab.crate.hold',
  toolModule: 'lab',
  effect: 'write',
  listed: true,
  access: 'module',
  granted: false,
  company: 'DE01',
  attended: false,
  rehearsal: true,
  policies: [],
  posting: null,
  lineage: null,
  amount: null,
  risk: 'normal',
  trust: 'system',
  grounded: undefined,
  autonomy: [],
  shadow: false,
} as const;
