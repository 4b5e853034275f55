import assert from 'node:assert/strict';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('tutti ask', function () {
  this.timeout(120_000);
  const lab = useCli(fixtureConfig('tasks'));
  const ask = (...args: string[]) => lab.tutti('ask', ...args);

  it('prints what an agent answers, what it found and what that cost', async () => {
    verifies('R5.one-shot');
    const { code, stdout } = await ask('desk.alpha', 'two words');

    assert.equal(code, 0);
    assert.match(stdout, /^Task [0-9a-f-]{36} for desk\.alpha\. It was named\./m);
    assert.match(
      stdout,
      /^words: 2\n\nfirst:\ntwo\n {2}low: The text is short\.\n\n1 finding, .*0/m,
    );
  });

  it('finds the agent by capability, and prints one JSON document when asked to', async () => {
    verifies('R2.capability');
    const { code, stdout } = await ask(
      '--capability',
      'doubling',
      '--input',
      '{"number":4}',
      '--json',
    );

    const { agent, why, state, output, findings } = JSON.parse(stdout);
    assert.deepEqual([code, agent, state, output], [0, 'desk.clerk', 'succeeded', { number: 8 }]);
    assert.match(why, /^desk\.clerk can 'doubling'/);
    assert.deepEqual(findings, []);
  });

  it('waits for the task that a key has already, and can leave one to whoever serves', async () => {
    verifies('R10.idempotency');
    const left = await ask('counts the words of it', '--no-wait', '--key', 'k', '--json');
    const waited = await ask('counts the words of it', '--key', 'k', '--json');

    const [first, second] = [JSON.parse(left.stdout), JSON.parse(waited.stdout)];
    assert.equal(first.state, 'queued');
    assert.deepEqual([second.id, second.state, second.output.words], [first.id, 'succeeded', 5]);
  });

  it('takes its capabilities from what tutti modules lists', async () => {
    verifies('R2.discovery');
    const modules = (...flags: string[]) => lab.tutti('modules', ...flags);
    const [listed, shown] = await Promise.all([modules('--json'), modules()]);

    const [{ agents }] = JSON.parse(listed.stdout);
    assert.deepEqual(agents[3].capabilities, [
      { name: 'doubling', inputTypes: ['number'], outputTypes: ['figures'] },
    ]);
    assert.match(shown.stdout, /desk\.clerk +Doubles a number\. \(doubling\)/);
  });

  it('ends with 1 for a task that failed, and with 2 for one that could not be given', async () => {
    const failed = await ask('desk.beta', 'fail');
    assert.deepEqual([failed.code, /OUTPUT_INVALID: /.test(failed.stdout)], [1, true]);

    const wrong: readonly [readonly string[], RegExp][] = [
      [['desk.gamma', 'x'], /^AGENT_UNKNOWN: .*tutti agent list/],
      [['desk.alpha'], /^INPUT_INVALID: .*needs a task for desk\.alpha/],
      [[], /^INPUT_INVALID: .*needs an agent/],
      [['desk.alpha', 'a', '--capability', 'counting'], /not both/],
      [['desk.clerk', 'x'], /^INPUT_INVALID: Agent 'desk\.clerk' takes no task in words/],
    ];
    const ended = await Promise.all(wrong.map(([args]) => ask(...args)));
    for (const [index, { code, stderr }] of ended.entries()) {
      assert.equal(code, 2, stderr);
      assert.match(stderr, wrong[index]?.[1] as RegExp);
    }
    const modelless = await ask('desk.dreamer', 'Do they dream?');
    assert.equal(modelless.code, 1);
    assert.match(modelless.stderr, /^MODEL_REQUIRED: .*OPENAI_API_KEY/);
  });
});
