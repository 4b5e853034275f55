import assert from 'node:assert/strict';
import { join } from 'node:path';
import { root } from '../../scripts/checks.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { runCli } from './cli.ts';

const head = 'name: lab\nnodes:\n';
const files = {
  'good.yaml': `${head}  - { id: a, kind: task, agent: finance.subledger_reconciliation, input: { company: X } }\noutput: \${ nodes.a.output.tied }\n`,
  'form.yaml': `${head}  - { id: a, kind: tsk }\n  - { id: b, kind: gate }\n`,
  'graph.yaml': `${head}  - { id: a, kind: gate, when: '1 +' }
  - id: b
    kind: task
    agent: finance.nobody
  - { id: c, kind: gate, when: 'true', after: nowhere }
  - { id: d, kind: gate, when: 'true', after: e }
  - { id: e, kind: gate, when: 'true', after: d }
`,
};

describe('tutti workflow', () => {
  const folder = scratchFolder(files);
  const config = join(root, 'examples/workflows/tutti.config.ts');
  const tutti = (...args: string[]) =>
    runCli({ cwd: folder.path, env: {} }, ['workflow', ...args, '--config', config]);

  after(() => folder[Symbol.dispose]());

  it('check is content with a sound file', async () => {
    const { code, stdout } = await tutti('check', 'good.yaml');

    assert.equal(stdout, '1 workflow checked: 0 errors, 0 warnings.\n');
    assert.equal(code, 0);
  });

  it('check names file, line, column, node and cause of each fault of several files', async () => {
    verifies('R1.document-form', 'R1.validate', 'R2.cycle', 'R2.missing');
    const { code, stdout } = await tutti('check', 'form.yaml', 'graph.yaml');

    const places = [...stdout.matchAll(/^(\S+:\d+:\d+) +(\S+) +\S/gm)].map(
      ([, place, node]) => `${place} ${node}`,
    );
    for (const expected of [
      'form.yaml:3:20 a',
      'form.yaml:4:5 b',
      'graph.yaml:3:32 a',
      'graph.yaml:6:12 b',
      'graph.yaml:7:5 c',
      'graph.yaml:8:5 d',
    ])
      assert.ok(places.includes(expected), `${expected}\n${stdout}`);
    assert.match(stdout, /'nodes\[0\]\.kind' is 'tsk'.*did you mean 'task'\?/);
    assert.match(stdout, /cycle among d, e/);
    assert.match(stdout, /'nowhere', which does not exist/);
    assert.equal(code, 1);
  });

  it('check prints faults as one JSON document', async () => {
    const { code, stdout } = await tutti('check', 'form.yaml', '--json');

    const [first] = JSON.parse(stdout) as readonly Record<string, unknown>[];
    const { message, ...place } = first ?? {};
    assert.match(String(message), /did you mean 'task'/);
    assert.deepEqual(place, {
      ...{ file: 'form.yaml', line: 3, column: 20, node: 'a' },
      ...{ path: 'nodes[0].kind', severity: 'error' },
    });
    assert.equal(code, 1);
  });

  it('lists the workflows of the configuration, and shows one', async () => {
    const [listed, shown] = await Promise.all([tutti('list'), tutti('show', 'basic')]);

    assert.match(listed.stdout, /^erp_multi_module +tutti\.config\.ts +17 nodes /m);
    assert.equal((JSON.parse(shown.stdout) as { readonly name: string }).name, 'basic');
  });

  it('says how it is called', async () => {
    const calls = [['tidy'], ['check'], ['check', 'gone.yaml'], ['show'], ['show', 'nobody']];
    const ended = await Promise.all(calls.map((args) => tutti(...args)));

    const said = [
      /takes check, list, show, versions, .*, not 'tidy'/,
      /needs a FILE/,
      /cannot read 'gone.yaml'/,
    ];
    const expected = [...said, /needs one NAME/, /no workflow 'nobody'; known are .*\bbasic\b/];
    for (const [index, { code, stderr }] of ended.entries()) {
      assert.match(stderr, expected[index] as RegExp);
      assert.equal(code, 2);
    }
  });
});
