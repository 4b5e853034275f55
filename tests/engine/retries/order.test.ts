import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Is done by hand.',
  instructions: 'Work.',
  input: z.object({ name: z.string() }),
  output: z.object({ name: z.string() }),
  tools: {},
}).playbook(async ({ input }) => input);

const Names = z.array(z.string());

/** `tail` is opened by whichever of two lists ends first. */
const either = defineWorkflow({
  name: 'lab.either',
  input: z.object({ left: Names, right: Names, tail: Names }),
  graph: ({ input, task, foreach }) => {
    const left = foreach({
      id: 'left',
      items: input.left,
      key: (item) => item,
      agent: worker,
      input: (item) => ({ name: item }),
      onItemFailure: 'continue',
    });
    const late = task({ id: 'late', agent: worker, input: { name: 'late' } });
    const right = foreach({
      id: 'right',
      items: input.right,
      key: (item) => item,
      agent: worker,
      input: (item) => ({ name: item }),
      after: [late],
    });
    foreach({
      id: 'tail',
      items: input.tail,
      key: (item) => item,
      agent: worker,
      input: (item) => ({ name: item }),
      after: [left, right],
      join: 'any',
    });
  },
});

const actor = { kind: 'person', id: 'tester' } as const;

describe('what a retry takes over', () => {
  const engines = new HandEngines({
    modules: [
      defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [either] }),
    ],
  });

  before(() => engines.prepare());
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** What the steps of a run have handed in, by path. */
  async function outputsOf(id: string): Promise<Readonly<Record<string, string>>> {
    const { rows } = await engines.pool.query<{ path: string; name: string }>(
      `SELECT s.node || '[' || s.item_key || ']' AS path, convert_from(p.body, 'UTF8')::jsonb->>'name' AS name
       FROM tutti.step s JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq WHERE s.run_id = $1 AND s.item_key <> '' ORDER BY 1`,
      [id],
    );
    return Object.fromEntries(rows.map(({ path, name }) => [path, name]));
  }

  it('stays with its items where another dependency than before has opened their list', async () => {
    verifies('R9.restart');
    const { engine, start, dispatcher } = await engines.open();
    const done = async (path: string, name: string, count = 1) =>
      dispatcher.succeed((await dispatcher.next(path, count)).ref, { name });
    const run = await start('lab.either', {
      ...{ left: ['a', 'b'], right: ['c', 'd'], tail: ['e', 'f'] },
    });
    await done('left[a]', 'a');
    dispatcher.fail((await dispatcher.next('left[b]')).ref, {
      code: 'INPUT_INVALID',
      message: 'it is wrong',
    });
    for (const item of ['e', 'f']) await done(`tail[${item}]`, item);
    await done('late', 'late');
    for (const item of ['c', 'd']) await done(`right[${item}]`, item);
    assert.equal(await run.ended, 'partial');

    const { id } = await engine.retryRun({ tenantId: 1, runId: run.id, actor });
    await done('left[b]', 'b', 2);

    assert.equal(await engine.whenEnded(id), 'succeeded');
    assert.deepEqual(await outputsOf(id), {
      ...{ 'left[a]': 'a', 'left[b]': 'b', 'right[c]': 'c' },
      ...{ 'right[d]': 'd', 'tail[e]': 'e', 'tail[f]': 'f' },
    });
    assert.equal(dispatcher.jobs.length, 8);
  });
});
