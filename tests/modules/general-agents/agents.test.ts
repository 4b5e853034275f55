import assert from 'node:assert/strict';
import { taskInput } from '../../../core/engine/tasks/text-input.ts';
import {
  anthropicDialect,
  openaiDialect,
  toJsonSchema,
  toStrictSchema,
} from '../../../core/ports/models/json-schema.ts';
import { nothingOutside } from '../../../core/ports/outside.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import {
  codeReviewer,
  dataAnalyst,
  documentationWriter,
  general,
  securityAnalyst,
} from '../../../modules/general/index.ts';
import { fixtureConnector, runAgent, type TestScope } from '../../../worker/testing.ts';
import { verifies } from '../../support/verifies.ts';

const scope: TestScope = { module: 'general', connector: fixtureConnector([], new Map()) };
/** Files of a folder that is a map. */
const withFiles = (files: Readonly<Record<string, string>>): TestScope => ({
  ...scope,
  outside: () => ({
    ...nothingOutside,
    files: {
      ...nothingOutside.files,
      read: async (path: string) => new TextEncoder().encode(files[path] ?? ''),
    },
  }),
});
type Output<A extends { readonly output: { readonly _output: unknown } }> = A['output']['_output'];

describe('the general agents', () => {
  it('name in their instructions each of their tools and findings, and no other tool', () => {
    verifies('R3.team-templates', 'R1.agent-declaration');
    for (const { name, instructions, tools, findings = {} } of general.agents) {
      const own = Object.values(tools as Readonly<Record<string, AnyTool>>).map(
        (each) => each.name,
      );
      for (const each of [...own, ...Object.keys(findings)])
        assert.ok(instructions.includes(each), `${name}: ${each}`);
      const named = instructions.match(/\bgeneral\.[a-z_]+/g) ?? [];
      assert.deepEqual(
        named.filter((each) => !own.includes(each)),
        [],
        name,
      );
    }
  });

  it('take a task in words, can be found by a capability and hand in what models can be held to', () => {
    verifies('R2.capability', 'R3.list');
    for (const agent of general.agents) {
      assert.equal(taskInput(agent, { text: 'Look.' }).kind, 'input', agent.name);
      assert.ok(agent.capabilities?.[0]?.inputTypes.includes('text'), agent.name);
      for (const dialect of [openaiDialect, anthropicDialect])
        assert.ok(toStrictSchema(toJsonSchema(agent.output, 'input'), dialect), agent.name);
    }
  });
});

describe('the data analyst', () => {
  const rows = [
    { region: 'North', revenue: '10.10', units: 1, note: 'a' },
    { region: 'North', revenue: '0.20', units: null, note: '' },
    { region: 'South', revenue: '5', units: 3, note: 'b' },
  ];

  it('computes exact figures of every field that holds numbers, by group, and says what is missing', async () => {
    const input = { task: 'Sums?', rows, groupBy: ['region'] };
    const run = await runAgent(dataAnalyst, { ...scope, input });

    const { figures, caveats, summary } = run.output as Output<typeof dataAnalyst>;
    const sum = figures.find((each) => each.name === 'sum of revenue, region = North');
    assert.deepEqual(
      [sum?.value, sum?.basis],
      ['10.3', "sum of 'revenue' over 2 values, region = North"],
    );
    assert.equal(figures.filter(({ name }) => name.startsWith('sum of units')).length, 2);
    assert.match(summary, /^3 rows with 4 fields, 2 of them numbers \(revenue, units\)/);
    assert.ok(caveats.includes("'units' is missing in 1 rows."), caveats.join());
    assert.equal(run.toolCalls, 1);
  });

  it('reads a JSON file, amounts as they are written', async () => {
    const files = { 'a.json': '[{"amount": 0.10, "deep": {"x": 1}}, {"amount": 0.2}]' };
    const input = { task: 'Sum?', file: 'a.json' };
    const { output } = await runAgent(dataAnalyst, { ...withFiles(files), input });

    const { figures } = output as Output<typeof dataAnalyst>;
    assert.equal(figures.find(({ name }) => name === 'sum of amount')?.value, '0.3');
  });

  it('says that it needs a model for a question without rows', async () => {
    const asked = runAgent(dataAnalyst, { ...scope, input: { task: 'Why did sales fall?' } });
    await assert.rejects(asked, { code: 'MODEL_REQUIRED', message: /give it rows or a JSON file/ });
    const none = { ...scope, input: { task: 'x', rows: [{ name: 'a' }] } };
    await assert.rejects(runAgent(dataAnalyst, none), { code: 'INPUT_INVALID' });
  });
});

describe('the code reviewer', () => {
  const review = async (files: readonly { path: string; content: string }[], more: object = {}) => {
    const run = await runAgent(codeReviewer, { ...scope, input: { files, ...more } });
    return { ...run, output: run.output as Output<typeof codeReviewer> };
  };

  it('finds what cannot be read and what is nearly always wrong, with file and line', async () => {
    const { output, findings } = await review([
      { path: 'a.json', content: '{\n  "a": 1,\n}\n' },
      { path: 'b.ts', content: 'const x = 1;\nexport const y = eval(x);\n' },
      { path: 'c.py', content: 'try:\n  run()\nexcept: pass\napi_key = "abcdefgh12345678"\n' },
      { path: 'd.ts', content: `db.query(\`SELECT * FROM bill WHERE id = \${id}\`); // TO-DO\n` },
    ]);

    const places = output.comments.map((each) => `${each.file}:${each.line} ${each.severity}`);
    assert.equal(output.verdict, 'request_changes');
    assert.match(places[0] ?? '', /^a\.json:3 critical$/);
    assert.deepEqual(places.slice(1), [
      'b.ts:2 high',
      'c.py:3 medium',
      'c.py:4 high',
      'd.ts:1 high',
      'd.ts:1 low',
    ]);
    assert.deepEqual(
      findings.map(({ kind, severity }) => [kind, severity]),
      [['review.blocking', 'critical']],
    );
  });

  it('has nothing to say about plain code', async () => {
    const content = [
      'export const evaluate = (token: string) => retrieval(token);',
      'const password = process.env.PASSWORD;',
      'catch (error) { report(error); }',
      'db.query("SELECT name FROM bill WHERE id = $1", [id]);',
    ];
    const { output, findings } = await review([{ path: 'a.txt', content: content.join('\n') }]);

    assert.deepEqual([output.verdict, output.comments, findings], ['approve', [], []]);
  });

  it('reads the files that it is told to, and needs something to review', async () => {
    const input = { paths: ['x.yaml'] };
    const run = await runAgent(codeReviewer, { ...withFiles({ 'x.yaml': 'a: [1\n' }), input });

    const { comments } = run.output as Output<typeof codeReviewer>;
    assert.ok(comments.some(({ file, severity }) => file === 'x.yaml' && severity === 'critical'));
    await assert.rejects(review([]), { code: 'MODEL_REQUIRED', message: /files or paths/ });
  });
});

describe('the security analyst', () => {
  const analyse = async (given: object, scoped: TestScope = scope) => {
    const run = await runAgent(securityAnalyst, { ...scoped, input: given });
    return { ...run, output: run.output as Output<typeof securityAnalyst> };
  };

  it('names what can be abused by file, line and CWE, the worst first, and repeats no secret', async () => {
    verifies('R3.team-templates');
    const secret = 'sk-abcdefghijklmnopqrstuvwx';
    const files = [
      { path: 'a.ts', content: `// TO-DO\nget({ rejectUnauthorized: false });\n` },
      { path: 'b.env', content: `KEY=${secret}\n` },
    ];
    const { output, findings } = await analyse({ files });

    assert.deepEqual(
      output.weaknesses.map((each) => [each.file, each.line, each.severity, each.weakness]),
      [
        ['b.env', 1, 'critical', 'CWE-798: use of hard-coded credentials'],
        ['a.ts', 2, 'high', 'CWE-295: improper certificate validation'],
      ],
    );
    assert.equal(output.isSafe, false);
    assert.deepEqual(
      findings.map(({ kind, severity }) => [kind, severity]),
      [['security.exposed', 'critical']],
    );
    assert.ok(!JSON.stringify([output, findings]).includes(secret));
  });

  it('reads the files that it is told to, calls plain ones safe, and needs something to look at', async () => {
    const folder = withFiles({ 'a.ts': 'export const verify = true;\n' });
    const { output, findings } = await analyse({ paths: ['a.ts'] }, folder);

    assert.deepEqual([output.isSafe, output.weaknesses, findings], [true, [], []]);
    await assert.rejects(analyse({}), { code: 'MODEL_REQUIRED', message: /files or paths/ });
  });

  it('is chosen for no task that gives something else than it takes', () => {
    const given = { text: 'Is this safe?', input: { settings: 'debug: true' } };
    assert.equal(taskInput(securityAnalyst, given).kind, 'fault');
  });
});

describe('the documentation writer', () => {
  const material = [{ heading: 'Summary', text: 'It is fine.' }];
  const figures = [{ name: 'sum | all', value: '10.30', basis: 'two\nrows' }];

  it('puts material, figures and caveats in order', async () => {
    const input = { task: 'Write.', title: 'June', material, figures, caveats: ['Guessed.'] };
    const run = await runAgent(documentationWriter, { ...scope, input });

    const { document, gaps, title } = run.output as Output<typeof documentationWriter>;
    assert.equal(
      document,
      '# June\n\n## Summary\n\nIt is fine.\n\n## Figures\n\n| figure | value | of |\n|---|---|---|\n| sum \\| all | 10.30 | two rows |\n\n## Caveats\n\n- Guessed.\n',
    );
    assert.deepEqual([title, gaps, run.effects], ['June', [], []]);
  });

  it('proposes the file of a report, and writes none by itself', async () => {
    const input = { task: 'Write.', material, figures, path: 'june.html' };
    const { output, effects } = await runAgent(documentationWriter, { ...scope, input });

    assert.deepEqual(
      effects.map(({ tool, state }) => [tool, state]),
      [['general.generate_report', 'proposed']],
    );
    const { gaps } = output as Output<typeof documentationWriter>;
    assert.deepEqual(gaps, ['The file waits for the yes of a person.']);
  });

  it('needs something to write from', async () => {
    const asked = runAgent(documentationWriter, { ...scope, input: { task: 'Write a book.' } });
    await assert.rejects(asked, { code: 'MODEL_REQUIRED' });
  });
});
