import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Autonomy,
  type DutyRule,
  defineAgent,
  defineModule,
  definePolicy,
  defineTool,
  type Grant,
  type Policy,
  usualDuties,
  z,
} from 'tutti';
import { isOneActor } from '../../core/guard/actor.ts';
import { duties } from '../../core/guard/rules/duties.ts';
import type { Doer } from '../../core/ports/db/lineage.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import {
  dutiesAgainst,
  dutyConflicts,
  incompatible,
  mayGoBeyondProposals,
} from '../../core/sdk/policy/duties.ts';
import { autonomyOf } from '../../core/sdk/policy/policy.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { compliance } from '../../modules/compliance/index.ts';
import { finance } from '../../modules/finance/index.ts';
import { hr } from '../../modules/hr/index.ts';
import { inventory } from '../../modules/inventory/index.ts';
import { verifies } from '../support/verifies.ts';

const classes = ['create_vendor', 'approve_invoice', 'release_payment', 'reconcile_bank', 'other'];
const duty = fc.constantFrom(...classes);
const matrix = fc.array(fc.record({ pair: fc.tuple(duty, duty), reason: fc.constant('it must') }), {
  maxLength: 5,
});

function policyOf(rules: readonly DutyRule[], grants: readonly Grant[] = []): Policy {
  return definePolicy({ name: 'apart', grants, duties: rules });
}

function toolOf(name: string, does: string, effect: 'write' | 'read' = 'write') {
  return defineTool({
    name: `desk.${name}`,
    description: 'Does its duty.',
    parameters: z.object({}),
    result: z.object({}),
    ...(effect === 'read'
      ? { effect }
      : { effect, duty: does, key: () => [], undo: { none: 'it is a test' } }),
  }).handler(async () => ({}));
}

const create = toolOf('vendor.create', 'create_vendor');
const pay = toolOf('payment.release', 'release_payment');
const look = toolOf('vendor.look', 'create_vendor', 'read');
const payAgain = toolOf('payment.repeat', 'release_payment');

function deskOf(tools: Readonly<Record<string, typeof pay>>, policies: readonly Policy[]) {
  const clerk = defineAgent({
    name: 'clerk',
    purpose: 'Works.',
    instructions: 'Work.',
    input: z.object({}),
    output: z.object({}),
    tools,
  });
  const brought = Object.values(tools);
  return defineModule({
    name: 'desk',
    version: '1.0.0',
    tools: brought,
    agents: [clerk],
    policies,
  });
}

describe('the matrix of duties', () => {
  it('knows no order within a pair, nor of its rules', () => {
    verifies('R12.duties');
    fc.assert(
      fc.property(matrix, duty, duty, (rules, one, other) => {
        const policies = [policyOf(rules)];
        const mirrored = rules.map(({ pair: [a, b], reason }) => ({
          pair: [b, a] as const,
          reason,
        }));
        const found = incompatible(policies, one, other) !== null;

        assert.equal(incompatible(policies, other, one) !== null, found);
        assert.equal(incompatible([policyOf(mirrored.toReversed())], one, other) !== null, found);
        assert.equal(dutiesAgainst(policies, one).includes(other), found);
        const split = rules.map((rule) => policyOf([rule]));
        assert.equal(incompatible(split, one, other) !== null, found);
      }),
    );
  });

  it('refuses a second duty exactly where the first would have been refused after it', () => {
    verifies('R12.duties');
    const by: Doer = { runId: 'r', rootRunId: 'r', workflow: null, agents: ['a'], askedBy: null };
    const refusalAfter = (second: string, first: string, rules: readonly DutyRule[]) => {
      const done = [{ key: 'k', tool: 't', duty: first, entity: 'bill', id: '1', by }];
      const lineage = { duty: second, done };
      return duties({ lineage, tool: 'u', policies: [policyOf(rules)] })?.rule ?? null;
    };
    fc.assert(
      fc.property(matrix, duty, duty, (rules, one, other) => {
        assert.equal(refusalAfter(one, other, rules), refusalAfter(other, one, rules));
      }),
    );
  });

  it('is shipped without a duty that could not be had by anybody, each pair once, with a reason', () => {
    const pairs = usualDuties.map(({ pair }) => pair.toSorted().join());

    assert.equal(new Set(pairs).size, pairs.length);
    for (const { pair, reason } of usualDuties) {
      assert.notEqual(pair[0], pair[1]);
      assert.match(reason, /^(whoever|what) .*[^.]$/);
    }
  });
});

describe('one actor', () => {
  const doer: fc.Arbitrary<Doer> = fc
    .tuple(
      fc.nat(3),
      fc.subarray(['m.a', 'm.b', 'tool:m.t', 'tool:m.u'], { minLength: 1, maxLength: 2 }),
      fc.constantFrom('anna', 'cli:ANNA', 'bob', null),
    )
    .map(([run, agents, person]) => ({
      runId: `r${run}`,
      // Runs 2 and 3 are of one family.
      rootRunId: run > 1 ? 'r2' : `r${run}`,
      workflow: `w${run % 2}`,
      agents,
      askedBy: person === null ? null : { kind: 'person', id: person },
    }));

  it('is the same seen from both sides, and oneself', () => {
    verifies('R12.duties');
    fc.assert(
      fc.property(doer, doer, (one, other) => {
        assert.equal(isOneActor(one, other), isOneActor(other, one));
        assert.ok(isOneActor(one, one));
      }),
    );
  });

  it('does not become two by one more tie', () => {
    fc.assert(
      fc.property(doer, doer, doer, (one, other, third) => {
        if (!isOneActor(one, other)) return;
        const more = { ...one, agents: [...one.agents, ...third.agents] };
        assert.ok(isOneActor(more, other));
      }),
    );
  });
});

describe('duties when modules load', () => {
  const rules: readonly DutyRule[] = [
    { pair: ['release_payment', 'create_vendor'], reason: 'it is the oldest trick' },
    { pair: ['release_payment', 'release_payment'], reason: 'two persons release' },
  ];
  const both = { create, pay };
  const act: Grant = { autonomy: 'act' };
  /** What an agent lists, what it is granted, whether it may load. */
  const table: readonly (readonly [
    string,
    Parameters<typeof deskOf>[0],
    readonly Grant[],
    boolean,
  ])[] = [
    ['no grants', both, [], true],
    ['both freely', both, [act], false],
    ['both by approval', both, [{ autonomy: 'approve' }], false],
    ['both in one company only', both, [{ ...act, companies: ['DE01'] }], false],
    ['both in companies by their beginning', both, [{ ...act, companies: ['DE*'] }], false],
    [
      'each in another company',
      both,
      [
        { ...act, tools: ['desk.vendor.*'], companies: ['DE01'] },
        { ...act, tools: ['desk.payment.*'], companies: ['US01'] },
      ],
      false,
    ],
    ['one of the two', both, [{ ...act, tools: ['desk.vendor.create'] }], true],
    [
      'both, and one of them only to be proposed',
      both,
      [act, { autonomy: 'propose', tools: [pay.name] }],
      true,
    ],
    [
      'both, and one of them only to be observed',
      both,
      [act, { autonomy: 'observe', tools: [pay.name] }],
      true,
    ],
    [
      'both, and one to be proposed in one company',
      both,
      [act, { autonomy: 'propose', tools: [pay.name], companies: ['DE01'] }],
      false,
    ],
    [
      'one in a company where it may only be proposed',
      both,
      [
        { ...act, tools: [create.name] },
        { ...act, tools: [pay.name], companies: ['DE01'] },
        { autonomy: 'propose', tools: [pay.name], companies: ['DE*'] },
      ],
      true,
    ],
    ['grants of other agents', both, [{ ...act, agents: ['hr.*'] }], true],
    ['one tool and a read', { pay, look }, [act], true],
    ['two tools of one duty that two persons must do', { pay, payAgain }, [act], true],
  ];
  for (const [what, tools, grants, loads] of table) {
    it(`${loads ? 'lets load' : 'refuses'} an agent with ${what}`, () => {
      verifies('R12.duties');
      const load = () => loadRegistry({ modules: [deskOf(tools, [policyOf(rules, grants)])] }, []);
      if (loads) return void load();
      assert.throws(load, (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'MODULE_INVALID');
        for (const word of [
          'desk.clerk',
          create.name,
          pay.name,
          'create_vendor',
          'release_payment',
          'oldest trick',
        ])
          assert.ok(error.message.includes(word), `${error.message} names no ${word}`);
        return true;
      });
    });
  }

  it('counts rules and grants of the configuration, too', () => {
    const modules = [deskOf(both, [policyOf([], [act])])];

    loadRegistry({ modules }, []);
    assert.throws(() => loadRegistry({ modules, policies: [policyOf(rules)] }, []), {
      code: 'MODULE_INVALID',
    });
  });

  it('answers for grants that are only planned', () => {
    const { agents, policies } = loadRegistry({ modules: [deskOf(both, [policyOf(rules)])] }, []);

    assert.deepEqual(dutyConflicts([...agents.values()], policies), []);
    const [conflict] = dutyConflicts([...agents.values()], [...policies, policyOf([], [act])]);
    assert.deepEqual([conflict?.agent, conflict?.tools], ['desk.clerk', [create, pay]]);
  });

  it('knows of every company that there can be whether the grants let it act there', () => {
    verifies('R12.duties');
    const pattern = fc.constantFrom('D', 'D*', 'DE', 'DE*', 'DE0*', 'DE01', '*', 'US*');
    const grant: fc.Arbitrary<Grant> = fc.record(
      {
        autonomy: fc.constantFrom<Autonomy>('observe', 'propose', 'approve', 'act'),
        companies: fc.uniqueArray(pattern, { maxLength: 3 }),
        tools: fc.constantFrom(['desk.*'], ['hr.*']),
      },
      { requiredKeys: ['autonomy'] },
    );
    const letters = ['D', 'E', '0', '1', 'U', 'S'];
    const grow = (names: readonly string[]) =>
      names.flatMap((name) => letters.map((letter) => name + letter));
    const [one, two] = [letters, grow(letters)];
    const companies = [null, '', ...one, ...two, ...grow(two), 'DE01', 'DE011', 'DE0', 'US01'];
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 4 }), (grants) => {
        const asked = { agent: 'desk.clerk', tool: 'desk.pay', policies: [policyOf([], grants)] };
        const somewhere = companies.some((company) =>
          ['approve', 'act'].includes(autonomyOf({ ...asked, company })),
        );
        assert.equal(mayGoBeyondProposals(asked), somewhere);
      }),
      { numRuns: 500 },
    );
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['no pair', { pair: ['create_vendor'], reason: 'no' }],
    ['no reason', { pair: ['create_vendor', 'pay'], reason: '' }],
    ['a duty that no tool can have', { pair: ['Create vendor', 'pay'], reason: 'no' }],
  ];
  for (const [what, rule] of wrong) {
    it(`refuses a rule with ${what}`, () => {
      const policies = [policyOf([rule as DutyRule])];
      assert.throws(() => loadRegistry({ modules: [deskOf({ pay }, policies)] }, []), {
        code: 'MODULE_INVALID',
        message: /duties/,
      });
    });
  }

  it('refuses a duty of what does nothing', () => {
    const idle = { ...look, duty: 'create_vendor' } as unknown as typeof pay;
    assert.throws(() => loadRegistry({ modules: [deskOf({ idle }, [])] }, []), {
      code: 'MODULE_INVALID',
      message: /has no duty/,
    });
  });

  it('holds for the shipped modules, whatever they are granted; each of their effects has a duty', () => {
    verifies('R12.duties');
    const modules = [hr, inventory, finance, compliance];
    const { agents, tools, policies } = loadRegistry({ modules }, sharedEntities);

    const free = [...policies, policyOf([], [act])];
    assert.deepEqual(dutyConflicts([...agents.values()], free), []);
    const effects = [...tools.values()].filter((tool) => tool.effect !== 'read');
    // Taking something back is no duty of its own.
    assert.deepEqual(
      effects.filter((tool) => !tool.duty).map((tool) => tool.name),
      ['tutti.effect.reverse'],
    );
  });
});
