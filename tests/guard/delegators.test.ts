import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Autonomy, definePolicy, defineTool, type Grant, Money, z } from 'tutti';
import { decide } from '../../core/guard/decide.ts';
import { effectKey } from '../../core/guard/effects.ts';
import type { Facts } from '../../core/guard/facts.ts';
import { standingOf } from '../../core/guard/standing.ts';
import { verifies } from '../support/verifies.ts';

const levels: readonly Autonomy[] = ['observe', 'propose', 'approve', 'act'];
const chain = ['lab.clerk', 'lab.chief', 'other.boss'];

const ring = defineTool({
  name: 'lab.bell.ring',
  description: 'Rings.',
  effect: 'write',
  parameters: z.object({}),
  result: z.object({}),
  key: () => [],
  undo: { none: 'it has rung' },
}).handler(async () => ({}));

function factsOf(grants: readonly Grant[], more: Partial<Facts> = {}): Facts {
  return {
    ...{ agent: 'lab.clerk', agentModule: 'lab', delegators: chain.slice(1) },
    ...{ tool: ring.name, toolModule: 'lab', effect: 'write', listed: true, access: 'module' },
    ...{ granted: false, company: null, attended: true, rehearsal: false },
    policies: [definePolicy({ name: 'test', grants })],
    ...{ posting: null, lineage: null, amount: null, risk: 'normal', trust: 'operator' },
    ...{ grounded: undefined, autonomy: [], shadow: false },
    ...more,
  } as Facts;
}

const grantsOf = (of: readonly Autonomy[]): readonly Grant[] =>
  of.map((autonomy, at) => ({ agents: [chain[at] as string], autonomy }));

describe('whoever works for others', () => {
  it('may what all of them may, whoever is the strictest', () => {
    verifies('R12.autonomy');
    const level = fc.constantFrom(...levels);
    fc.assert(
      fc.property(fc.tuple(level, level, level), (of) => {
        const all = decide(factsOf(grantsOf(of)));

        const least = levels[Math.min(...of.map((each) => levels.indexOf(each)))] as Autonomy;
        const alone = decide(factsOf([{ autonomy: least }], { delegators: [] }));
        assert.deepEqual([all.kind, all.rule], [alone.kind, alone.rule]);
      }),
    );
  });

  it('reads what its own tools read, and keeps its own tools', () => {
    const observe = grantsOf(['observe', 'observe', 'observe']);

    assert.equal(decide(factsOf(observe, { effect: 'read' })).kind, 'allow');
    // The boss is of another module, to which the tool is closed.
    assert.equal(decide(factsOf(grantsOf(['act', 'act', 'act']))).kind, 'allow');
    const unlisted = factsOf(grantsOf(['act', 'act', 'act']), { listed: false });
    assert.equal(decide(unlisted).rule, 'access.listed');
  });

  it('writes after reading text from outside only where each of them is granted that', () => {
    const external = (agents: readonly string[]) => [
      { agents, tools: ['*'], check: 'none' as const },
    ];
    const policies = (agents: readonly string[]) => [
      definePolicy({ name: 'out', grants: [{ autonomy: 'act' }], external: external(agents) }),
    ];
    const told = (agents: readonly string[]) =>
      decide(factsOf([], { trust: 'external', policies: policies(agents) })).rule;

    assert.equal(told(['lab.clerk', 'lab.chief']), 'labels.external');
    assert.equal(told(['lab.*', 'other.boss']), 'autonomy.act');
  });

  it('asks whoever the tiers of any of them ask, once and together', () => {
    verifies('R12.approvals');
    const small = { name: 'small', agents: ['lab.clerk'], by: ['clerk'] };
    const large = {
      ...{ name: 'large', agents: ['other.boss'], by: ['cfo'], required: 2 },
      above: Money.of('1000', 'EUR'),
    };
    const asked = (amount: string) => {
      const policies = [
        definePolicy({ name: 't', grants: [{ autonomy: 'act' }], tiers: [small, large] }),
      ];
      const money = { money: Money.of(amount, 'EUR'), rates: {} };
      const decision = decide(factsOf([], { policies, amount: money }));
      return 'terms' in decision && [decision.rule, decision.terms.by, decision.terms.required];
    };

    assert.deepEqual(asked('999'), ['tier.small', ['clerk'], 1]);
    assert.deepEqual(asked('1000'), ['tier.large', ['cfo'], 2]);
  });

  it('is in the shadow in which any of them is', async () => {
    const authority = async () => ({
      ...{ autonomy: [], access: [] },
      shadow: [{ agents: ['other.boss'] }],
    });
    const call = { tool: ring, scope: { company: null, authority } } as never;

    assert.equal((await standingOf(call, chain)).shadow, true);
    assert.equal((await standingOf(call, chain.slice(0, 2))).shadow, false);
  });

  it('names a write by the step that handed it on, whichever run does it', () => {
    const step = { tenantId: 1, runId: 'a', stepPath: 'task', businessDate: '2026-06-30' };
    const at = { effectsOf: 'root', effectsAt: 'work > lab.clerk' };
    const key = (scope: typeof step & Partial<typeof at>) =>
      effectKey(ring, {}, { at: scope, proposed: false });

    assert.equal(key({ ...step, ...at }), key({ ...step, runId: 'b', ...at }));
    assert.notEqual(
      key({ ...step, ...at }),
      key({ ...step, ...at, effectsAt: 'work > lab.other' }),
    );
    assert.notEqual(key({ ...step, ...at }), key(step));
  });
});
