import assert from 'node:assert/strict';
import {
  type Choosing,
  chooseAgent,
  type Wanted,
} from '../../../core/engine/tasks/choose-agent.ts';
import type { Standing } from '../../../core/engine/tasks/standing.ts';
import { z } from '../../../core/index.ts';
import { type AnyAgent, defineAgent } from '../../../core/sdk/agent.ts';
import type { RegisteredAgent } from '../../../core/sdk/registry.ts';
import { verifies } from '../../support/verifies.ts';

const idle: Standing = { underWay: 0, succeeded: 0, ended: 0, confirmed: 0 };
const review = { name: 'code_review', inputTypes: ['source_code'], outputTypes: ['comments'] };

/** An agent that takes a task in words and has a playbook, unless it is told otherwise. */
function agent(
  name: string,
  { needsModel = false, ...change }: Partial<AnyAgent> & { readonly needsModel?: boolean } = {},
): RegisteredAgent {
  const declared = defineAgent({
    name,
    purpose: 'Reviews source code.',
    input: z.object({ task: z.string() }),
    output: z.object({}),
    tools: {},
    instructions: 'Do.',
    capabilities: [review],
    ...change,
  });
  const whole = needsModel ? declared : declared.playbook(async () => ({}));
  return { name: `test.${name}`, module: 'test', agent: whole };
}

function choose(
  wanted: Wanted,
  agents: readonly RegisteredAgent[],
  {
    hasModels = true,
    ...standings
  }: { readonly [name: string]: Partial<Standing> | boolean | undefined } & {
    readonly hasModels?: boolean;
  } = {},
) {
  const known = Object.entries(standings).map(([name, standing]): [string, Standing] => [
    `test.${name}`,
    { ...idle, ...(standing as Partial<Standing>) },
  ]);
  const choosing: Choosing = { agents, standings: new Map(known), hasModels };
  return chooseAgent(wanted, choosing);
}

const wanted = { capability: 'code_review', text: 'Look at this.' };

describe('the choice of an agent', () => {
  it('takes only those that have the capability and work on the types', () => {
    verifies('R2.capability');
    const other = { name: 'writing', inputTypes: ['figures'], outputTypes: ['report'] };
    const agents = [
      agent('a', { capabilities: [other] }),
      agent('b'),
      agent('c', { capabilities: [] }),
    ];

    assert.equal(choose(wanted, agents).agent.name, 'test.b');
    assert.equal(choose({ outputType: 'report', text: 'x' }, agents).agent.name, 'test.a');
    assert.equal(choose({ inputType: 'source_code', text: 'x' }, agents).agent.name, 'test.b');
    assert.throws(
      () => choose({ ...wanted, outputType: 'report' }, agents),
      /AGENT_UNKNOWN|No agent is loaded that can 'code_review', deliver 'report'.*code_review, writing/,
    );
  });

  it('takes the one with the least under way before the one with the better record', () => {
    verifies('R2.scoring', 'R2.load');
    const agents = [agent('a'), agent('b'), agent('c')];
    const {
      agent: best,
      why,
      considered,
    } = choose(wanted, agents, {
      a: { underWay: 2, succeeded: 90, ended: 90 },
      b: { underWay: 1, succeeded: 1, ended: 4 },
      c: { underWay: 1, succeeded: 3, ended: 4 },
    });

    assert.equal(best.name, 'test.c');
    assert.deepEqual(
      considered.map((each) => each.agent),
      ['test.c', 'test.b', 'test.a'],
    );
    assert.match(
      why,
      /^test\.c can 'code_review'; 1 under way, 3 of 4 .*Next: test\.b, 1 under way, 1 of 4/,
    );
  });

  it('counts a long record for more than a short one, then confirmed findings, then the name', () => {
    verifies('R2.scoring');
    const agents = [agent('b'), agent('a')];
    const long = { a: { succeeded: 1, ended: 1 }, b: { succeeded: 99, ended: 100 } };
    const confirmed = {
      a: { succeeded: 1, ended: 1 },
      b: { succeeded: 1, ended: 1, confirmed: 2 },
    };

    assert.equal(choose(wanted, agents, long).agent.name, 'test.b');
    assert.equal(choose(wanted, agents, confirmed).agent.name, 'test.b');
    assert.equal(choose(wanted, agents).agent.name, 'test.a');
  });

  it('goes by the words of the task where nothing else is asked for', () => {
    const writer = { purpose: 'Writes documentation for readers.', capabilities: [] };
    const agents = [agent('a'), agent('w', writer)];

    assert.equal(choose({ text: 'Write DOCUMENTATION, please' }, agents).agent.name, 'test.w');
    assert.equal(choose({ text: 'source code' }, agents).agent.name, 'test.a');
    assert.throws(() => choose({ text: 'Bake a cake' }, agents), { code: 'AGENT_UNKNOWN' });
  });

  it('gives words only to an agent whose input has one free text, and input only to one that takes it', () => {
    const coded = agent('a', { input: z.object({ task: z.enum(['now', 'later']) }) });
    const twice = agent('b', { input: z.object({ task: z.string(), text: z.string() }) });
    const more = agent('c', { input: z.object({ task: z.string(), rows: z.array(z.int()) }) });
    const asks = agent('d', {
      input: z.object({ question: z.string(), depth: z.int().default(1) }),
    });
    const agents = [coded, twice, more, asks];

    assert.equal(choose(wanted, agents).agent.name, 'test.d');
    assert.equal(choose({ ...wanted, input: { rows: [1] } }, agents).agent.name, 'test.c');
    const both = { capability: 'code_review', input: { task: 'a', text: 'b' } };
    assert.equal(choose(both, agents).agent.name, 'test.b');
    assert.throws(() => choose({ capability: 'code_review', input: { rows: 7 } }, agents), {
      code: 'AGENT_UNKNOWN',
    });
  });

  it('leaves out agents without a playbook where there is no model, and says so', () => {
    const needy = { needsModel: true };
    const agents = [agent('a', needy), agent('b')];

    assert.equal(choose(wanted, agents).agent.name, 'test.a');
    assert.equal(choose(wanted, agents, { hasModels: false }).agent.name, 'test.b');
    assert.throws(() => choose(wanted, [agent('a', needy)], { hasModels: false }), {
      code: 'MODEL_REQUIRED',
      message: /'test\.a'.*OPENAI_API_KEY/,
    });
  });

  it('never takes the agent of a tool or one of its own', () => {
    const agents = [
      { ...agent('a'), isTool: true as const },
      { ...agent('b'), isOwn: true as const },
      agent('c'),
    ];

    assert.equal(choose(wanted, agents).agent.name, 'test.c');
  });
});
