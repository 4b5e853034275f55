import assert from 'node:assert/strict';
import { defineAgent, definePolicy, defineTool, type Policy, Text, z } from 'tutti';
import { checkWorkflow } from '../../../core/engine/graph/check.ts';
import type { Node, Template, WorkflowData } from '../../../core/sdk/node.ts';
import type { RegisteredAgent } from '../../../core/sdk/registry.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { verifies } from '../../support/verifies.ts';

const common = { description: 'x', parameters: z.object({}) };
const letters = defineTool({
  ...common,
  name: 'desk.letter.read',
  effect: 'read',
  result: z.object({ text: z.instanceof(Text) }),
  reveals: ['text'],
}).handler(async () => ({ text: new Text('') }));
const pay = defineTool({
  ...common,
  name: 'desk.pay.list',
  effect: 'read',
  result: z.object({}),
  sensitive: true,
}).handler(async () => ({}));
const outward = { ...common, result: z.object({}), key: () => [1] } as const;
const send = defineTool({
  ...outward,
  name: 'desk.mail.send',
  effect: 'send',
  undo: { none: 'it is read' },
}).handler(async () => ({}));
const scrap = defineTool({
  ...outward,
  name: 'desk.file.scrap',
  effect: 'write',
  undo: { none: 'it is gone' },
}).handler(async () => ({}));
const mark = defineTool({
  ...outward,
  name: 'desk.file.mark',
  effect: 'write',
  undo: { action: 'unmark' },
}).handler(async () => ({}));

/** Tools that say what they reach beyond the ERP, one a way. */
const reaching = Object.fromEntries(
  (['files', 'http', 'mcp', 'databases', 'mail', 'slack'] as const).map((way) => {
    const tool = defineTool({
      ...common,
      name: `desk.${way}.reach`,
      effect: 'read',
      result: z.object({ text: z.string() }),
      outside: [way],
    }).handler(async () => ({ text: '' }));
    return [way, tool] as const;
  }),
);

const agents: Readonly<Record<string, readonly AnyTool[]>> = {
  all: [letters, pay, send],
  all_scrap: [letters, pay, scrap],
  reader: [letters],
  payroll: [pay, send],
  careful: [letters, pay, mark],
  clerk: [letters, send],
  ...Object.fromEntries(
    Object.entries(reaching).map(([way, tool]) => [`all_${way}`, [tool, pay, send]]),
  ),
};

const reachingTools = new Map(Object.values(reaching).map((tool) => [tool.name, tool]));

const registered = new Map(
  Object.entries(agents).map(([name, tools]) => {
    const agent = defineAgent({
      ...{ name, purpose: 'x', instructions: 'x', input: z.unknown(), output: z.unknown() },
      tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
    });
    return [
      `desk.${name}`,
      { name: `desk.${name}`, module: 'desk', agent } as unknown as RegisteredAgent,
    ];
  }),
);

const base = { join: 'all_succeeded', priority: null, critical: null } as const;
const task = (id: string, agent: string, after: readonly string[] = []): Node => ({
  ...{ kind: 'task', id, after, ...base, agent: `desk.${agent}`, input: {} },
});
const given = (node: Node, input: Template): Node => ({ ...node, input }) as Node;
const approval = (
  id: string,
  onRefusal: 'fail' | 'skip' = 'fail',
  after: readonly string[] = [],
): Node => ({
  ...{ kind: 'approval', id, after, join: 'all_succeeded', title: 'May it?', show: {} },
  ...{ by: ['boss'], required: 1, expires: 'P1D', onRefusal },
});
const flow = (name: string, nodes: readonly Node[]): WorkflowData => ({
  ...{ name, deadline: null, budgetMicroUsd: null, partial: false, concurrency: null, nodes },
});

/** What is found of the three, by node. */
function told(
  nodes: readonly Node[],
  policies: readonly Policy[] = [],
): readonly (string | null)[] {
  const child = flow('letters', [task('read', 'reader')]);
  const known = {
    ...{ agents: registered, tools: reachingTools, entities: new Map(), policies },
    workflows: new Map([['letters', { data: { ...child, output: { cel: 'nodes.read.output' } } }]]),
  };
  return checkWorkflow(flow('w', nodes), known)
    .filter(({ code, severity }) => code === 'rule_of_two' && severity === 'error')
    .map(({ node }) => node);
}

const tier = (more: object): Policy =>
  definePolicy({
    name: 'tiers',
    grants: [],
    tiers: [{ name: 'mail', by: ['boss'], tools: ['desk.mail.*'], ...more }],
  });

describe('a workflow in which one agent joins text from outside, sensitive data and an effect for good', () => {
  it('is refused, with the agent, the three tools and what to do', () => {
    verifies('R12.untrusted-text', 'R1.validate');
    const known = {
      agents: registered,
      tools: new Map(),
      entities: new Map(),
      workflows: new Map(),
    };

    const [fault] = checkWorkflow(flow('w', [task('a', 'all')]), known);

    assert.equal(fault?.severity, 'error');
    assert.match(
      fault?.message ?? '',
      /'desk\.all'.*desk\.letter\.read.*desk\.pay\.list.*desk\.mail\.send.*approval.*tier/,
    );
    assert.deepEqual(told([task('a', 'all_scrap')]), ['a']);
  });

  it('is fine with any two of them', () => {
    for (const agent of ['reader', 'payroll', 'careful', 'clerk'])
      assert.deepEqual(told([task('a', agent)]), [], agent);
  });

  it('is refused where the text comes with the agent’s input, whichever way it goes', () => {
    const read = task('read', 'reader');
    assert.deepEqual(
      told([read, given(task('a', 'payroll', ['read']), { told: { cel: 'nodes.read.output' } })]),
      ['a'],
    );
    // What is only waited for brings nothing.
    assert.deepEqual(told([read, task('a', 'payroll', ['read'])]), []);
    const sum: Node = {
      kind: 'compute',
      id: 'sum',
      after: ['read'],
      join: 'all_succeeded',
      from: ['read'],
      value: { cel: 'items' },
    };
    assert.deepEqual(
      told([read, sum, given(task('a', 'payroll', ['sum']), { cel: 'nodes.sum.output' })]),
      ['a'],
    );
    const run: Node = {
      kind: 'workflow',
      id: 'child',
      after: [],
      join: 'all_succeeded',
      workflow: 'letters',
      input: {},
      critical: null,
    };
    assert.deepEqual(
      told([run, given(task('a', 'payroll', ['child']), { cel: 'nodes.child.output' })]),
      ['a'],
    );
    const each: Node = {
      ...{
        kind: 'foreach',
        id: 'each',
        after: ['read'],
        join: 'all_succeeded',
        items: { cel: 'nodes.read.output' },
      },
      ...{
        key: { cel: 'item.k' },
        body: [given(task('a', 'payroll', []), { cel: 'item' })] as never,
        outputs: ['a'],
      },
      ...{ concurrency: null, onItemFailure: 'continue' },
    };
    assert.deepEqual(told([read, each]), ['each.a']);
  });

  it('is refused where the text comes from files, the web, servers of MCP or databases', () => {
    const faulty = Object.keys(reaching).filter(
      (way) => told([task('a', `all_${way}`)]).length > 0,
    );
    assert.deepEqual(faulty, ['files', 'http', 'mcp', 'databases']);

    const ofNode = Object.values(reaching).filter(({ name: tool }) => {
      const read: Node = { kind: 'tool', id: 'read', after: [], ...base, tool, args: {} };
      const paid = given(task('a', 'payroll', ['read']), { told: { cel: 'nodes.read.output' } });
      return told([read, paid]).length > 0;
    });
    assert.deepEqual(
      ofNode.flatMap(({ outside }) => outside ?? []),
      ['files', 'http', 'mcp', 'databases'],
    );
  });

  it('is fine behind an approval, if no way goes around it', () => {
    assert.deepEqual(told([approval('ok'), task('a', 'all', ['ok'])]), []);
    assert.deepEqual(
      told([approval('ok'), task('read', 'reader', ['ok']), task('a', 'all', ['read'])]),
      [],
    );
    assert.deepEqual(told([approval('ok', 'skip'), task('a', 'all', ['ok'])]), []);
    assert.deepEqual(
      told([approval('ok', 'skip'), { ...task('a', 'all', ['ok']), join: 'all_done' } as Node]),
      ['a'],
    );
    assert.deepEqual(
      told([
        approval('ok'),
        task('read', 'reader'),
        { ...task('a', 'all', ['ok', 'read']), join: 'any' } as Node,
      ]),
      ['a'],
    );
    assert.deepEqual(told([approval('ok'), task('a', 'all')]), ['a']);
  });

  it('is fine where a tier asks about every call of the tool', () => {
    assert.deepEqual(told([task('a', 'all')], [tier({})]), []);
    assert.deepEqual(told([task('a', 'all')], [tier({ risk: 'high' })]), []);
    for (const part of [
      { above: { amount: '10', currency: 'EUR' } },
      { companies: ['DE01'] },
      { agents: ['other.*'] },
    ])
      assert.deepEqual(told([task('a', 'all')], [tier(part)]), ['a'], JSON.stringify(part));
    assert.deepEqual(told([task('a', 'all_scrap')], [tier({})]), ['a']);
  });
});
