import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

const document = (text: string) => `name: by_hand
nodes:
  - { id: say, kind: task, agent: press.say, input: { value: ${text} } }
output: '\${ nodes.say.output.value }'
`;

describe('tutti workflow, with versions', function () {
  this.timeout(180_000);
  const lab = useCli(fixtureConfig('versions'), {
    'one.yaml': document('one'),
    'two.yaml': document('two'),
  });
  const { tutti } = lab;
  const workflow = (...args: string[]) => tutti('workflow', ...args);

  it('publishes a file, which runs when the file has gone, goes back, and compares', async () => {
    verifies('R1.versions', 'R1.rollback');
    const published = await workflow('publish', 'one.yaml');
    assert.equal(
      published.stdout,
      "Version 1 of 'by_hand' is in force; runs that live keep theirs.\n",
      published.stderr,
    );
    assert.match((await workflow('publish', 'two.yaml')).stdout, /^Version 2 of 'by_hand' is in/);
    assert.match((await workflow('publish', 'two.yaml')).stdout, /was in force already/);
    rmSync(join(lab.cwd, 'one.yaml'));
    rmSync(join(lab.cwd, 'two.yaml'));

    const run = await tutti('run', 'by_hand', '--json');
    assert.equal((JSON.parse(run.stdout) as { status: string }).status, 'succeeded', run.stderr);

    assert.match((await workflow('rollback', 'by_hand')).stdout, /^Version 1 .* is in force/);
    const { stdout } = await workflow('versions', 'by_hand');
    assert.match(stdout, /^2 +[0-9a-f]{12} +\d{4}-\S+ +cli:\S+ +1 run$/m);
    assert.match(stdout, /^1 .* 0 runs +in force$/m);
    assert.match(stdout, /^A plain run takes version 1, rolled back by cli:/m);
    assert.match((await workflow('versions')).stdout, /^by_hand +1 +0 runs +in force$/m);

    const diff = await workflow('diff', 'by_hand', '1', '2');
    assert.equal(diff.stdout, '~ say\n    input.value: "one" → "two"\n');
    const second = await tutti('run', 'by_hand', '--version', '2', '--json');
    assert.equal(second.code, 0, second.stderr);
  });

  it('shows a version as data and as a document that can be published again', async () => {
    const data = await workflow('show', 'by_hand', '--version', '1');
    assert.equal((JSON.parse(data.stdout) as { name: string }).name, 'by_hand');

    const { stdout } = await workflow('show', 'by_hand', '--version', '1', '--yaml');
    writeFileSync(join(lab.cwd, 'again.yaml'), stdout);

    assert.match((await workflow('check', 'again.yaml')).stdout, /: 0 errors, 0 warnings\.$/m);
    assert.match((await workflow('publish', 'again.yaml')).stdout, /^Version 1 .*already/);
  });

  it('publishes what the code says, and lets it decide again', async () => {
    assert.match((await workflow('publish', 'note')).stdout, /^Version 1 of 'note' is in force/);
    const released = await workflow('release', 'note');
    assert.equal(released.stdout, "A plain run of 'note' takes what the loaded code says.\n");
    const again = await workflow('versions', 'note');
    assert.match(again.stdout, /of the code\nA plain run takes what the loaded code says, which/);
  });

  it('says every fault of a version that does not fit, and how it is called', async () => {
    writeFileSync(
      join(lab.cwd, 'bad.yaml'),
      document('x').replace('press.say', 'press.gone').replace('.say.', '.nowhere.'),
    );
    const cases: readonly (readonly [string[], RegExp, number])[] = [
      [['publish', 'bad.yaml'], /WORKFLOW_INVALID: .*press\.gone[\s\S]*nowhere/, 1],
      [['publish', 'gone.yaml'], /cannot read 'gone\.yaml'/, 2],
      [['publish'], /publish needs FILE\|NAME/, 2],
      [['diff', 'note', '1'], /diff needs NAME N M/, 2],
      [['diff', 'note', '1', 'x'], /takes the number of a version, not 'x'/, 2],
      [['rollback', 'by_hand', '--to', '9'], /has no version 9/, 2],
      [['versions', 'nobody'], /no workflow 'nobody'/, 2],
    ];

    for (const [args, said, code] of cases) {
      const ended = await workflow(...args);
      assert.match(ended.stderr, said);
      assert.equal(ended.code, code, ended.stderr);
    }
  });

  it('writes a workflow from a template, and no file twice', async () => {
    verifies('R1.templates');
    const made = await workflow('new', 'companies-fan-out', 'all_companies', '--dir', 'flows');
    const file = join(lab.cwd, 'flows/all-companies.yaml');

    assert.equal(made.code, 0, made.stderr);
    assert.ok(existsSync(file));
    assert.match(
      readFileSync(file, 'utf8'),
      /^# yaml-language-server: .*\n# .*\nname: all_companies$/m,
    );
    // Its agents are not of this configuration: that is said.
    assert.match(made.stderr, /flows\/all-companies\.yaml:\d+: .*inventory\.valuation/);
    const again = await workflow('new', 'companies-fan-out', 'all_companies', '--dir', 'flows');
    assert.match(again.stderr, /leaves 'flows\/all-companies\.yaml' as it is/);
    assert.match((await workflow('new', 'nothing', 'x')).stderr, /takes one of access-review, /);
    assert.match((await workflow('new', 'erp-event', 'No')).stderr, /lower snake case/);
    const { stdout } = await workflow('templates');
    assert.ok(stdout.split('\n').length >= 9, stdout);
  });
});
