import assert from 'node:assert/strict';
import {
  defineAgent,
  defineModule,
  definePolicy,
  defineTool,
  type Grant,
  type Policy,
  z,
} from 'tutti';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { verifies } from '../support/verifies.ts';

const text = z.object({ text: z.string() });

function toolOf(name: string, duty: string) {
  return defineTool({
    name,
    description: 'Does its duty.',
    ...{ effect: 'write', duty, key: () => [], undo: { none: 'it is a test' } },
    parameters: z.object({}),
    result: z.object({}),
  }).handler(async () => ({}));
}

type Tool = ReturnType<typeof toolOf>;

function agentOf(name: string, delegates: readonly string[] = [], tools: readonly Tool[] = []) {
  return defineAgent({
    ...{ name, purpose: 'Works.', instructions: 'Work.', input: text, output: text },
    tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
    ...(delegates.length > 0 && { delegates }),
  });
}

function load(
  agents: readonly ReturnType<typeof agentOf>[],
  { tools = [], policies = [] }: { tools?: readonly Tool[]; policies?: readonly Policy[] } = {},
) {
  const own = defineModule({ name: 'desk', version: '1.0.0', agents, tools });
  const other = defineModule({ name: 'other', version: '1.0.0', agents: [agentOf('expert')] });
  return loadRegistry({ modules: [own, other], policies }, sharedEntities);
}

describe('agents that hand work to others', () => {
  it('know those they name, and these theirs', () => {
    const { agents } = load([
      agentOf('chief', ['desk.clerk']),
      agentOf('clerk', ['desk.runner']),
      agentOf('runner'),
    ]);

    const [clerk] = agents.get('desk.chief')?.delegates ?? [];
    assert.equal(clerk, agents.get('desk.clerk'));
    assert.deepEqual(
      clerk?.delegates?.map(({ name }) => name),
      ['desk.runner'],
    );
    assert.equal(agents.get('desk.runner')?.delegates, undefined);
  });

  it('do not load when work could come back to whoever handed it on, and the way is named', () => {
    verifies('R5.tool-delegation');
    const round = [
      agentOf('first', ['desk.second']),
      agentOf('second', ['desk.third']),
      agentOf('third', ['desk.first']),
    ];

    assert.throws(() => load(round), {
      code: 'MODULE_INVALID',
      message: /desk\.first → desk\.second → desk\.third → desk\.first/,
    });
    assert.throws(() => load([agentOf('self', ['desk.self'])]), /desk\.self → desk\.self/);
  });

  it('do not load with a name that is no agent, or that of a tool of theirs', () => {
    assert.throws(() => load([agentOf('chief', ['desk.nobody'])]), {
      code: 'MODULE_INVALID',
      message: /agents\/chief\.ts, field 'delegates'.*'desk\.nobody', which is no agent/,
    });
    const twin = toolOf('desk.twin', 'some');
    const agents = [agentOf('chief', ['desk.twin'], [twin]), agentOf('twin')];
    assert.throws(() => load(agents, { tools: [twin] }), /'desk\.twin', as a tool of it is called/);
    assert.throws(() => load([agentOf('chief', ['Clerk'])]), /must be module\.agent/);
  });

  it('reach agents of another module only where a policy opens them', () => {
    const chief = agentOf('chief', ['other.expert']);
    const open = (tools: readonly string[]): readonly Policy[] => [
      definePolicy({ name: 'open', grants: [], access: [{ agents: ['desk.chief'], tools }] }),
    ];

    assert.throws(
      () => load([chief]),
      /access must give 'desk\.chief' the tool 'agent:other\.expert'/,
    );
    // Who may use the tools of a module may not therefore give orders to its agents.
    assert.throws(() => load([chief], { policies: open(['other.*']) }), /agent:other\.expert/);
    const { agents } = load([chief], { policies: open(['agent:other.*']) });
    assert.equal(agents.get('desk.chief')?.delegates?.[0]?.name, 'other.expert');
  });

  it('do not load with two duties in one hand, their own or that of whom they hand work to, where all on the way may act', () => {
    verifies('R12.duties');
    const create = toolOf('desk.vendor.create', 'create_vendor');
    const pay = toolOf('desk.payment.release', 'release_payment');
    const agents = [
      agentOf('chief', ['desk.middle'], [create]),
      agentOf('middle', ['desk.payer']),
      agentOf('payer', [], [pay]),
    ];
    const policies = (grants: readonly Grant[]): readonly Policy[] => [
      definePolicy({
        name: 'apart',
        grants,
        duties: [{ pair: ['create_vendor', 'release_payment'], reason: 'nobody pays alone' }],
      }),
    ];
    const tools = [create, pay];

    assert.throws(() => load(agents, { tools, policies: policies([{ autonomy: 'act' }]) }), {
      code: 'MODULE_INVALID',
      message:
        /'desk\.chief' has 'desk\.vendor\.create'.*and 'desk\.payment\.release'.*in one hand/,
    });
    // What one on the way may only propose, nobody before it can do through it.
    const but = { agents: ['desk.middle'], tools: ['desk.payment.release'] };
    load(agents, {
      tools,
      policies: policies([{ autonomy: 'act' }, { ...but, autonomy: 'propose' }]),
    });
  });
});
