import assert from 'node:assert/strict';
import { type Decision, decide } from '../../core/guard/decide.ts';
import type { Facts } from '../../core/guard/facts.ts';
import { autonomyOf, definePolicy, type Grant } from '../../core/sdk/policy/policy.ts';
import { verifies } from '../support/verifies.ts';

function someFacts(facts: Partial<Facts> = {}): Facts {
  return {
    agent: 'finance.match',
    agentModule: 'finance',
    tool: 'finance.hold.place',
    toolModule: 'finance',
    effect: 'write',
    listed: true,
    access: 'module',
    granted: false,
    company: 'DE01',
    attended: false,
    rehearsal: false,
    policies: [],
    posting: null,
    lineage: null,
    amount: null,
    risk: 'normal',
    trust: 'system',
    grounded: undefined,
    autonomy: [],
    shadow: false,
    ...facts,
  };
}

function granting(...grants: readonly Grant[]): Partial<Facts> {
  return { policies: [definePolicy({ name: 'test', grants })] };
}

/** The rules of decide, one row each: facts, decision, the rule that is named. */
const table: readonly (readonly [string, Partial<Facts>, Decision['kind'], string])[] = [
  ['a read is allowed', { effect: 'read' }, 'allow', 'effect.read'],
  ['an effect without a grant is proposed', {}, 'propose', 'autonomy.propose'],
  [
    'an effect that may only be observed is refused',
    granting({ autonomy: 'observe' }),
    'refuse',
    'autonomy.observe',
  ],
  [
    'an effect to be proposed is proposed',
    granting({ autonomy: 'propose' }),
    'propose',
    'autonomy.propose',
  ],
  [
    'an effect to be approved is proposed while nobody waits',
    granting({ autonomy: 'approve' }),
    'propose',
    'autonomy.approve',
  ],
  [
    'an effect to be approved is approved while somebody waits',
    { attended: true, ...granting({ autonomy: 'approve' }) },
    'approve',
    'autonomy.approve',
  ],
  ['an effect with autonomy is allowed', granting({ autonomy: 'act' }), 'allow', 'autonomy.act'],
  [
    'a tool that the agent does not list is refused',
    { listed: false, ...granting({ autonomy: 'act' }) },
    'refuse',
    'access.listed',
  ],
  [
    'a read that the agent does not list is refused',
    { listed: false, effect: 'read' },
    'refuse',
    'access.listed',
  ],
  [
    'another module’s own tool is refused',
    { toolModule: 'hr', tool: 'hr.pay.list', effect: 'read' },
    'refuse',
    'access.module',
  ],
  [
    'another module’s public tool is allowed',
    { toolModule: 'hr', tool: 'hr.pay.list', effect: 'read', access: 'public' },
    'allow',
    'effect.read',
  ],
  [
    'a public tool that is not listed is refused',
    { toolModule: 'hr', effect: 'read', access: 'public', listed: false },
    'refuse',
    'access.listed',
  ],
];

describe('decide', () => {
  for (const [claim, facts, kind, rule] of table) {
    it(claim, () => {
      verifies('R12.tool-permission', 'R12.autonomy');
      const decision = decide(someFacts(facts));

      assert.deepEqual([decision.kind, decision.rule], [kind, rule]);
      if (decision.kind === 'refuse') {
        assert.equal(decision.code, 'TOOL_REFUSED');
        assert.ok(decision.reason.includes('finance.match'), decision.reason);
      }
    });
  }

  it('lets a policy give an agent another module’s tool, by name or by pattern', () => {
    verifies('R5.tool-access');
    const facts = someFacts({ toolModule: 'hr', tool: 'hr.pay.list', effect: 'read' });
    const giving = (agents: string, tools: string) =>
      decide({
        ...facts,
        policies: [
          definePolicy({ name: 'p', grants: [], access: [{ agents: [agents], tools: [tools] }] }),
        ],
      }).kind;

    assert.equal(giving('finance.match', 'hr.pay.list'), 'allow');
    assert.equal(giving('finance.*', 'hr.*'), 'allow');
    assert.equal(giving('finance', 'hr.pay.list'), 'refuse');
    assert.equal(giving('finance.match', 'hr.pay'), 'refuse');
  });

  it('takes the strictest of all grants that match', () => {
    const of = (...grants: readonly Grant[]) => autonomyOf(someFacts(granting(...grants)));

    assert.equal(of({ autonomy: 'act' }, { autonomy: 'propose' }), 'propose');
    assert.equal(
      of({ autonomy: 'act' }, { autonomy: 'observe', tools: ['finance.hold.*'] }),
      'observe',
    );
    assert.equal(of({ autonomy: 'act' }, { autonomy: 'observe', tools: ['hr.*'] }), 'act');
    assert.equal(of({ autonomy: 'act', agents: ['hr.*'] }), 'propose');
  });

  it('gives a grant for some companies to no other, and to no run over the whole group', () => {
    const grant = granting({ autonomy: 'act', companies: ['DE*'] });

    assert.equal(autonomyOf(someFacts(grant)), 'act');
    assert.equal(autonomyOf(someFacts({ ...grant, company: 'FR01' })), 'propose');
    assert.equal(autonomyOf(someFacts({ ...grant, company: null })), 'propose');
  });

  it('holds back in a run over the whole group what is held back in some companies, whoever says so', () => {
    const held: Grant = { autonomy: 'observe', companies: ['FR*'] };
    const group = { company: null };
    const act: Grant = { autonomy: 'act' };

    assert.equal(autonomyOf(someFacts({ ...granting(act, held), ...group })), 'observe');
    assert.equal(
      autonomyOf(someFacts({ ...granting(act), ...group, autonomy: [held] })),
      'observe',
    );
    assert.equal(autonomyOf(someFacts({ ...granting(act, held) })), 'act');
    assert.equal(autonomyOf(someFacts({ ...granting(held), ...group, autonomy: [act] })), 'act');
  });
});
