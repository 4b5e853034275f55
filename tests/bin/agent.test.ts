import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('tutti agent', function () {
  this.timeout(120_000);
  const lab = useCli(fixtureConfig('agents'));
  const { tutti } = lab;
  const agent = (...args: string[]) => tutti('agent', ...args);
  const file = (name: string, text: string): string => {
    const path = join(lab.cwd, name);
    writeFileSync(path, text);
    return path;
  };

  it('makes an agent from a template by flags, and it answers a task by its playbook', async () => {
    verifies('R5.one-shot');
    const flags = ['--name', 'our_counter', '--template', 'desk.counter', '--as', 'anna'];
    const made = await agent('create', ...flags, '--purpose', 'Counts for us.');
    const asked = await tutti('ask', 'custom.our_counter', 'two words', '--json');
    const versions = await agent('versions', 'our_counter', '--json');

    assert.equal(made.stdout, 'custom.our_counter is made: version 1.\n', made.stderr);
    assert.deepEqual(JSON.parse(asked.stdout).output, { words: 2 }, asked.stderr);
    const [version] = JSON.parse(versions.stdout).versions;
    assert.deepEqual([version.runs, version.inForce], [1, true]);
  });

  it('makes, changes and shows one that stands in a file', async () => {
    const yaml = `name: reader
purpose: Reads.
instructions: Read it twice.
tools: [desk.word.count]
output:
  type: object
  properties: { score: { type: integer } }
  required: [score]
  additionalProperties: false
`;
    const made = await agent('create', '--file', file('reader.yaml', yaml));
    const text = file('words.txt', 'Read it once.');
    const changed = await agent('change', 'reader', '--instructions', `@${text}`, '--tools', '');
    const again = await agent('change', 'custom.reader', '--instructions', 'Read it once.');
    const shown = await agent('show', 'reader', '--json');
    const first = await agent('show', 'reader', '--version', '1');

    assert.match(made.stdout, /^custom\.reader is made: version 1; it works with a model only\.$/m);
    assert.match(changed.stdout, /^custom\.reader is changed: version 2;/);
    assert.match(again.stdout, /^custom\.reader was that already: version 2\.$/m);
    const { instructions, tools, output, document } = JSON.parse(shown.stdout);
    assert.deepEqual([instructions, tools, document.name], ['Read it once.', [], 'reader']);
    assert.deepEqual(output.properties.score.type, 'integer');
    assert.match(
      first.stdout,
      /^custom\.reader, version 1[\s\S]*desk\.word\.count[\s\S]*Read it twice\.$/m,
    );
  });

  it('clones, rolls back, deletes and lists', async () => {
    const cloned = await agent('clone', 'desk.counter', 'twin', '--instructions', 'Count twice.');
    const back = await agent('clone', 'twin', 'third', '--model', 'fast');
    const deleted = await agent('delete', 'twin');
    const rolled = await agent('rollback', 'twin', '--to', '1');
    await agent('delete', 'twin', '--version', '1');
    const list = await agent('list', '--json');

    assert.match(cloned.stdout, /^custom\.twin is made: version 1; it works with a model/);
    assert.match(back.stdout, /^custom\.third is made/);
    assert.match(
      deleted.stdout,
      /^custom\.twin is deleted; runs under way go on with version 1\.$/m,
    );
    assert.match(rolled.stdout, /^custom\.twin is rolled back: version 1/);
    const names = JSON.parse(list.stdout).map(({ name }: { name: string }) => name);
    assert.ok(names.includes('custom.third') && names.includes('desk.counter'), names.join());
    assert.ok(!names.includes('custom.twin') && !names.includes('tool:desk.word.count'));
  });

  it('ends with 2 for an agent that may not be, and for a call that is none', async () => {
    const wrong: readonly [readonly string[], RegExp][] = [
      [['show', 'nobody'], /^AGENT_UNKNOWN: There is no agent 'nobody'/],
      [
        ['create', '--name', 'x', '--template', 'desk.opener'],
        /^AGENT_INVALID: .*'desk\.box\.open'/,
      ],
      [['create', '--file', file('bad.yaml', 'name: [')], /^AGENT_INVALID: .*line 1/],
      [['create', '--purpose', 'x'], /^INPUT_INVALID: .*--name/],
      [['change', 'desk.counter', '--purpose', 'x'], /^AGENT_CONFLICT: .*loaded code/],
      [['clone', 'desk.counter'], /^INPUT_INVALID: .*clone takes NAME and NEW/],
      [['fly'], /^INPUT_INVALID: .*list, show, create/],
    ];
    const ended = await Promise.all(wrong.map(([args]) => agent(...args)));
    for (const [index, { code, stderr }] of ended.entries()) {
      assert.match(stderr, wrong[index]?.[1] as RegExp);
      assert.equal(code, 2, stderr);
    }
  });
});
