import assert from 'node:assert/strict';
import {
  defineAgent,
  defineEntity,
  defineModule,
  definePolicy,
  defineTool,
  defineWorkflow,
  field,
  type Module,
  z,
} from 'tutti';
import { type Declared, loadRegistry } from '../../core/sdk/registry.ts';
import { verifies } from '../support/verifies.ts';

const look = defineTool({
  name: 'lab.crate.look',
  description: 'Looks.',
  parameters: z.object({}),
  result: z.object({}),
  effect: 'read',
}).handler(async () => ({}));

const declaration = {
  name: 'keeper',
  purpose: 'Keeps.',
  instructions: 'Keep.',
  input: z.object({}),
  output: z.object({}),
  tools: { look },
};
const keeper = defineAgent(declaration);

function lab(parts: Partial<Module> = {}): Module {
  return defineModule({ name: 'lab', version: '1.0.0', agents: [keeper], tools: [look], ...parts });
}

function aWorkflow(name: string) {
  return defineWorkflow({
    name,
    graph: ({ task }) => {
      task({ id: 'one', agent: keeper, input: {} });
    },
  });
}

/** Asserts that a configuration is refused and that the message names everything it should. */
function refused(declared: Partial<Declared>, ...words: readonly string[]): void {
  assert.throws(
    () => loadRegistry({ modules: [lab()], ...declared }, []),
    (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'MODULE_INVALID', error.message);
      for (const word of words)
        assert.ok(error.message.includes(word), `${error.message} names no '${word}'`);
      return true;
    },
  );
}

describe('loadRegistry', () => {
  it('knows three ways to go on without budget, and no other', () => {
    verifies('R7.on-budget');
    for (const onBudget of ['playbook', 'fail', 'ask'] as const) {
      const agent = defineAgent({ ...declaration, onBudget });
      const { agents } = loadRegistry({ modules: [lab({ agents: [agent] })] }, []);
      assert.equal(agents.get('lab.keeper')?.agent.onBudget, onBudget);
    }
    const wrong = defineAgent({ ...declaration, onBudget: 'beg' as 'ask' });
    refused({ modules: [lab({ agents: [wrong] })] }, 'agents/keeper.ts', 'onBudget');
  });

  it('finds agents, tools, workflows and entities by name', () => {
    verifies('R3.registry');
    const registry = loadRegistry({ modules: [lab()], workflows: [aWorkflow('cross')] }, []);

    const names = ['lab.keeper', 'tool:lab.crate.look', 'tutti.undo'];
    assert.deepEqual([...registry.agents.keys()], names);
    assert.equal(registry.tools.get('lab.crate.look'), look);
    assert.equal(registry.workflows.get('cross')?.module, null);
  });

  it('puts every module after those that it requires', () => {
    const on = (name: string, ...requires: readonly string[]) =>
      defineModule({ name, version: '1.0.0', requires });

    const { modules } = loadRegistry({ modules: [on('a', 'c', 'b'), on('b', 'c'), on('c')] }, []);

    assert.deepEqual(
      modules.map(({ name }) => name),
      ['c', 'b', 'a'],
    );
  });

  it('gives equal declarations one digest, and different ones another', () => {
    const digestOf = (parts: Partial<Module>) => loadRegistry({ modules: [lab(parts)] }, []).digest;

    assert.equal(digestOf({}), digestOf({}));
    assert.notEqual(digestOf({}), digestOf({ version: '1.0.1' }));
    assert.notEqual(
      digestOf({}),
      digestOf({ agents: [defineAgent({ ...declaration, instructions: 'Else.' })] }),
    );
  });

  it('refuses a requirement that is not loaded', () => {
    verifies('R12.module-check');
    refused(
      { modules: [lab({ requires: ['stock'] })] },
      "'lab'",
      'requires',
      "'stock'",
      'tutti.config.ts',
    );
  });

  it('refuses modules that require each other, with their path', () => {
    const on = (name: string, requires: string) =>
      defineModule({ name, version: '1.0.0', requires: [requires] });

    refused({ modules: [on('a', 'b'), on('b', 'c'), on('c', 'a')] }, 'a → b → c → a');
  });

  it('refuses names that stand twice, with the kind', () => {
    refused({ modules: [lab(), lab()] }, "'lab'", 'module', 'twice');
    refused({ modules: [lab({ agents: [keeper, keeper] })] }, 'lab.keeper', 'agent', 'twice');
    refused({ modules: [lab({ tools: [look, look] })] }, 'lab.crate.look', 'tool', 'twice');
    refused({ workflows: [aWorkflow('night'), aWorkflow('night')] }, "'night'", 'twice');
    refused(
      { modules: [lab({ workflows: [aWorkflow('night')] })], workflows: [aWorkflow('night')] },
      "'night'",
      'twice',
    );
    const crate = defineEntity('crate', { code: field.code() });
    refused({ modules: [lab({ records: [crate, crate] })] }, 'crate', 'entity', 'twice');
  });

  it('refuses an agent whose tool no module lists, with file and field', () => {
    refused({ modules: [lab({ tools: [] })] }, 'agents/keeper.ts', "'tools.look'", 'lab.keeper');
  });

  const fields: readonly (readonly [string, object, readonly string[]])[] = [
    [
      'a name that is not in snake case',
      { name: 'Night-Keeper' },
      ['agents/Night-Keeper.ts', "'name'", 'snake case'],
    ],
    [
      'a priority above 10',
      { name: 'night_keeper', priority: 11 },
      ['agents/night-keeper.ts', "'priority'"],
    ],
    ['an empty purpose', { purpose: '' }, ['agents/keeper.ts', "'purpose'"]],
    ['an unknown model profile', { model: 'huge' }, ['agents/keeper.ts', "'model'"]],
    [
      'a limit that does not exist',
      { limits: { timeout: 5 } },
      ['agents/keeper.ts', "'limits'", 'timeout'],
    ],
    ['a limit of nothing', { limits: { turns: 0 } }, ['agents/keeper.ts', "'limits.turns'"]],
    ['an output that is no schema', { output: {} }, ['agents/keeper.ts', "'output'", 'zod schema']],
    [
      'a kind of finding without a dot',
      { findings: { odd: 'odd' } },
      ['agents/keeper.ts', "'findings", 'dotted'],
    ],
  ];
  for (const [what, change, words] of fields) {
    it(`refuses an agent with ${what}, with file and field`, () => {
      verifies('R12.module-check');
      refused(
        {
          modules: [
            lab({ agents: [defineAgent({ ...declaration, ...change } as typeof declaration)] }),
          ],
        },
        ...words,
      );
    });
  }

  const tools: readonly (readonly [string, object, readonly string[]])[] = [
    ['another module’s name', { name: 'hr.crate.look' }, ['hr.crate.look', "'lab.…'"]],
    ['a name without a verb', { name: 'look' }, ["'name'", 'module.entity.verb']],
    ['a write without a key', { effect: 'write', undo: { none: 'no' } }, ["'key'", 'required']],
    ['a write without an undo', { effect: 'write', key: () => [] }, ["'undo'", 'required']],
    ['an unknown effect', { effect: 'destroy' }, ["'effect'"]],
    ['a read that is looked for', { lookUp: async () => null }, ["'effect'", 'lookUp']],
    ['a read that may be repeated', { repeatable: true }, ["'effect'", 'repeatable']],
    ['a repetition that does harm', { repeatable: false }, ["'repeatable'", 'must be true']],
    ['a read that posts', { posts: () => null }, ["'effect'", 'posts nothing']],
    ['a look-up that is no function', { lookUp: 'yes' }, ["'lookUp'", 'function']],
    [
      'a look-up for a result that may be null',
      {
        ...{ effect: 'send', key: () => [], undo: { none: 'no' } },
        ...{ lookUp: async () => null, result: z.object({}).nullable() },
      },
      ["'result'", 'null'],
    ],
    ['no handler', { handle: undefined }, ["'handle'", '.handler(']],
  ];
  for (const [what, change, words] of tools) {
    it(`refuses a tool with ${what}`, () => {
      verifies('R12.module-check');
      const tool = { ...look, ...change } as unknown as typeof look;
      refused({ modules: [lab({ agents: [], tools: [tool] })] }, "'lab'", ...words);
    });
  }

  it('refuses a module without a semantic version', () => {
    refused({ modules: [lab({ version: 'latest' })] }, 'index.ts', "'version'", '1.0.0');
  });

  it('refuses a policy with a level that does not exist', () => {
    const policy = definePolicy({ name: 'p', grants: [{ autonomy: 'all' as 'act' }] });

    refused({ modules: [lab({ policies: [policy] })] }, 'policies.ts', "'grants.0.autonomy'");
  });

  it('refuses a policy of the configuration in the same way', () => {
    refused(
      { policies: [definePolicy({ name: 'p', grants: [{ autonomy: 'all' as 'act' }] })] },
      "'grants.0.autonomy'",
    );
  });

  it('refuses a reference to records that no module declares, at any depth', () => {
    const record = defineEntity('crate', { lines: field.lines({ shelf: field.ref('shelf') }) });

    refused({ modules: [lab({ records: [record] })] }, "'crate.lines.shelf'", "'shelf'");
  });

  it('refuses a workflow with an agent that no module lists', () => {
    const stranger = defineAgent({ ...declaration, name: 'stranger' });
    const workflow = defineWorkflow({
      name: 'night',
      graph: ({ task }) => {
        task({ id: 'one', agent: stranger, input: {} });
      },
    });

    assert.throws(() => loadRegistry({ modules: [lab()], workflows: [workflow] }, []), {
      code: 'WORKFLOW_INVALID',
      message: /stranger/,
    });
  });

  it('records references of an item’s graph to outer nodes as dependencies of the foreach', () => {
    verifies('R1.typescript-form', 'R2.topological');
    const listing = defineAgent({
      ...declaration,
      name: 'listing',
      output: z.object({ ids: z.array(z.object({ id: z.string() })) }),
    });
    const taking = defineAgent({
      ...declaration,
      name: 'taking',
      input: z.object({ of: z.unknown() }),
    });
    const workflow = defineWorkflow({
      name: 'night',
      graph: ({ task, foreach }) => {
        const list = task({ id: 'list', agent: listing, input: {} });
        const named = task({ id: 'named', agent: keeper, input: {} });
        const read = task({ id: 'read', agent: keeper, input: {} });
        foreach({
          id: 'each',
          items: list.output.ids,
          key: (item) => item.id,
          each: (graph) => {
            const first = graph.task({ id: 'first', agent: keeper, input: {}, after: [named] });
            return graph.task({
              id: 'second',
              agent: taking,
              input: { of: { a: first.output, b: read.output } as never },
            });
          },
        });
      },
    });

    const { workflows } = loadRegistry(
      { modules: [lab({ agents: [keeper, listing, taking] })], workflows: [workflow] },
      [],
    );

    const each = workflows.get('night')?.data.nodes.at(-1);
    assert.deepEqual([...(each?.after ?? [])].sort(), ['list', 'named', 'read']);
    assert.ok(each?.kind === 'foreach');
    assert.ok(each.body[1]?.after.includes('first'));
  });
});
