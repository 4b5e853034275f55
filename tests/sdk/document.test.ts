// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions
import assert from 'node:assert/strict';
import { readDocument } from '../../core/sdk/document/document.ts';
import type { ForeachNode, Node, WorkflowData } from '../../core/sdk/node.ts';
import { verifies } from '../support/verifies.ts';

/** The data of a document of some nodes, which has no fault. */
function read(nodes: string, head = ''): WorkflowData {
  const { data, faults } = readDocument(`name: lab\n${head}\nnodes:\n${nodes}`, { file: 'lab' });
  assert.deepEqual(faults, []);
  return data as WorkflowData;
}

/** Its faults as `line:column node path: message`. */
function faultsOf(text: string): readonly string[] {
  const { data, faults } = readDocument(text, { file: 'lab.yaml' });
  if (faults.length > 0) assert.equal(data, null);
  return faults.map(
    ({ line, column, node, path, message }) => `${line}:${column} ${node} ${path}: ${message}`,
  );
}

const node = (id: string, more: string) => `  - { id: ${id}, kind: ${more} }\n`;

describe('a workflow document', () => {
  it('is the same workflow in YAML and in JSON', () => {
    verifies('R1.document-form');
    const yaml = `name: lab\nnodes:\n${node('a', "task, agent: x.y, input: { n: '${ input.n }' }")}`;
    const task = { id: 'a', kind: 'task', agent: 'x.y', input: { n: '${ input.n }' } };
    const json = JSON.stringify({ name: 'lab', nodes: [task] });

    const [one, other] = [yaml, json].map((text) => readDocument(text, { file: 'lab' }).data);

    assert.ok(one);
    assert.deepEqual(one, other);
  });

  it('has the defaults of the TypeScript form', () => {
    const { nodes, ...workflow } = read(node('a', 'approval, title: Go on?, by: cfo'));

    assert.deepEqual(workflow, {
      name: 'lab',
      input: { type: 'object', properties: {}, required: [], additionalProperties: false },
      ...{ deadline: null, budgetMicroUsd: null, partial: false, concurrency: null },
    });
    assert.deepEqual(nodes, [
      {
        ...{ id: 'a', kind: 'approval', after: [], join: 'all_succeeded', title: 'Go on?' },
        ...{ show: null, by: ['cfo'], required: 1, expires: 'P1D', onRefusal: 'fail' },
      },
    ]);
  });

  it('says who decides as well when nobody has decided for a while', () => {
    const escalate = 'escalate: { after: PT4H, to: head }';
    const [asked] = read(node('a', `approval, title: Go on?, by: [cfo, anna], ${escalate}`)).nodes;

    const { by, escalate: further } = asked as Node & { kind: 'approval' };
    assert.deepEqual([by, further], [['cfo', 'anna'], { after: 'PT4H', to: ['head'] }]);
  });

  it('takes a text that is an expression for it, and one that holds some for a text', () => {
    const value = (text: string) => {
      const [first] = read(node('a', `compute, value: ${JSON.stringify(text)}`)).nodes;
      return (first as Node & { kind: 'compute' }).value;
    };

    assert.deepEqual(value('${ input.n }'), { cel: 'input.n' });
    assert.deepEqual(value('plain'), 'plain');
    assert.deepEqual(value(''), '');
    assert.deepEqual(value('$${ input.n }'), '${ input.n }');
    assert.deepEqual(value('a ${ input.n } b'), { cel: '"a " + string(input.n) + " b"' });
    assert.deepEqual(value('${ {"}": 1}["}"] }'), { cel: '{"}": 1}["}"]' });
    assert.deepEqual(value("${ '\\'}' }${ 2 }"), { cel: "string('\\'}') + string(2)" });
  });

  it('waits for what its expressions mention, in texts not', () => {
    const { nodes } = read(
      node('a', 'compute, value: 1') +
        node('b', 'compute, value: 1') +
        node('c', 'compute, value: 1') +
        `  - id: d
    kind: compute
    after: c
    when: nodes.a.output == "nodes.x.output" && x.nodes.y
    value: { n: '\${ nodes["b"].output }' }
`,
    );

    assert.deepEqual(nodes.at(-1)?.after, ['c', 'b', 'a']);
  });

  it('lets a foreach wait for what its items mention outside of them', () => {
    const { nodes } = read(
      node('a', 'compute, value: 1') +
        `  - id: all
    kind: foreach
    items: { entity: bill, filter: { number: '\${ input.n }' }, order: [number, { field: date, descending: true }] }
    key: item.id
    each:
      - { id: one, kind: compute, value: '\${ nodes.a.output }' }
      - { id: two, kind: compute, value: '\${ each.one.output }' }
`,
    );
    const all = nodes[1] as Node & { kind: 'foreach' };

    assert.deepEqual(all.after, ['a']);
    assert.deepEqual(
      all.body.map(({ after }) => after),
      [[], ['one']],
    );
    assert.deepEqual(all.outputs, ['two']);
    assert.deepEqual(all.items, {
      entity: 'bill',
      filter: { number: { cel: 'input.n' } },
      order: [{ field: 'number' }, { field: 'date', descending: true }],
    });
  });

  it('sends items through one agent or one tool by a shorthand', () => {
    const { nodes } = read(
      node(
        'a',
        'foreach, items: input.list, key: item, agent: x.y, input: { n: 1 }, timeout: PT2S',
      ) + node('b', 'foreach, items: input.list, key: item, tool: x.y.z, args: { n: 2 }'),
    );
    const bodies = nodes.map((each) => (each.kind === 'foreach' ? each.body : []));

    const place = { after: [], join: 'all_succeeded', priority: null, critical: null };
    assert.deepEqual(bodies, [
      [{ id: 'a', kind: 'task', agent: 'x.y', input: { n: 1 }, timeoutMs: 2_000, ...place }],
      [{ id: 'b', kind: 'tool', tool: 'x.y.z', args: { n: 2 }, ...place }],
    ]);
  });

  it('puts items together where it says so, and an agent goes through them', () => {
    verifies('R1.batching');
    const each = 'foreach, items: input.list, key: item.id';
    const [a, b] = read(
      node('a', `${each}, agent: x.y, batch: { by: item.of + nodes.b.output, most: 9 }`) +
        node('b', `${each}, agent: x.y, input: { all: '\${ items }' }, batch: { most: 2 }`),
    ).nodes as readonly ForeachNode[];

    assert.deepEqual(a?.batch, { by: { cel: 'item.of + nodes.b.output' }, most: 9 });
    assert.deepEqual(a?.after, ['b']);
    assert.deepEqual(b?.batch, { most: 2 });
    assert.match(
      faultsOf(
        `name: lab\nnodes:\n${node('a', `${each}, tool: x.y.z, batch: { most: 2 }`)}`,
      ).join(),
      /a nodes\[0\].batch: .* does not go with 'tool'/,
    );
    assert.match(
      faultsOf(`name: lab\nnodes:\n${node('a', `${each}, agent: x.y, batch: {}`)}`).join(),
      /a nodes\[0\].batch.most: .* is missing/,
    );
  });

  it('keeps money exactly, in micro-USD', () => {
    const budgets = ['0.1', "'0.000001'", '12', "'999999999.999999'", '0.30'];

    const read2 = budgets.map((usd) => read(node('a', 'gate, when: "true"'), `budgetUsd: ${usd}`));

    const expected = [100_000, 1, 12_000_000, 999_999_999_999_999, 300_000];
    assert.deepEqual(
      read2.map(({ budgetMicroUsd }) => budgetMicroUsd),
      expected,
    );
  });

  it('takes a map of names for an input, and a JSON Schema as it is', () => {
    const gate = node('a', 'gate, when: input.n > 1');
    const short = read(gate, 'input: { n: { type: integer }, of: { type: string, default: x } }');
    const schema = read(gate, 'input: { type: object, properties: { n: { type: integer } } }');

    assert.deepEqual(short.input, {
      type: 'object',
      properties: { n: { type: 'integer' }, of: { type: 'string', default: 'x' } },
      required: ['n'],
      additionalProperties: false,
    });
    assert.deepEqual(schema.input, { type: 'object', properties: { n: { type: 'integer' } } });
  });

  it('tells every fault at once, with line, column, node, path and cause', () => {
    verifies('R1.document-form', 'R1.validate');
    const text = `name: lab
foo: 1
nodes:
  - { id: a, kind: tsk }
  - id: b
    kind: task
    agnet: x.y
    retry: { atempts: 3 }
  - { id: c, kind: foreach, items: { entity: x, fliter: {} }, key: item.id, each: [{ id: in, kind: tool, tool: x }] }
  - { id: d, kind: wait, for: { kind: duration, duration: P1Y } }
`;

    const faults = faultsOf(text);

    const starts = [
      "2:1 null foo: 'foo' is not known here; known are $schema, name,",
      "4:20 a nodes[0].kind: 'nodes[0].kind' is 'tsk', which is no kind here; did you mean 'task'?",
      "5:5 b nodes[1].agent: 'nodes[1].agent' is missing.",
      "7:5 b nodes[1].agnet: 'nodes[1].agnet' is not known here; did you mean 'agent'?",
      "8:14 b nodes[1].retry.atempts: 'nodes[1].retry.atempts' is not known here; did you mean 'attempts'?",
      "9:49 c nodes[2].items.fliter: 'nodes[2].items.fliter' is not known here; did you mean 'filter'?",
      "9:112 c.in nodes[2].each[0].tool: 'nodes[2].each[0].tool' must be a tool: module.entity.verb.",
      "10:59 d nodes[3].for.duration: 'nodes[3].for.duration' must be an ISO 8601 duration",
    ];
    assert.equal(faults.length, starts.length, faults.join('\n'));
    for (const [index, start] of starts.entries())
      assert.ok(faults[index]?.startsWith(start), `${faults[index]}\n${start}`);
  });

  it('tells of a kind that is no text', () => {
    const faults = faultsOf('name: lab\nnodes:\n  - { id: a, kind: { toString: null } }\n');

    assert.match(
      faults.join(),
      /'nodes\[0\]\.kind' is '\{"toString":null\}', which is no kind here/,
    );
  });

  it('tells of expressions that do not end, and of schemas that cannot be checked', () => {
    const faults = faultsOf(
      `name: lab\ninput: { n: { type: txt } }\nnodes:\n${node('a', "compute, value: { deep: ['${ 1'] }")}`,
    );

    assert.deepEqual(faults, [
      "2:8 null input: 'input' is no JSON Schema that can be checked: Unsupported type: txt.",
      "4:45 a nodes[0].value.deep[0]: 'nodes[0].value.deep[0]' has '${' without its '}'; close it, or write '$${' for the text itself.",
    ]);
  });

  it('refuses a foreach that says twice or not at all what its items go through', () => {
    const head = 'name: lab\nnodes:\n';
    const each = 'foreach, items: input.x, key: item';
    assert.match(
      faultsOf(head + node('a', each)).join(),
      /a nodes\[0\].kind: .* agent, tool or each/,
    );
    assert.match(
      faultsOf(head + node('a', `${each}, agent: x.y, tool: x.y.z`)).join(),
      /a nodes\[0\].tool: .* agent, tool or each/,
    );
    assert.match(
      faultsOf(head + node('a', `${each}, agent: x.y, args: {}`)).join(),
      /a nodes\[0\].args: .* does not go with 'agent'/,
    );
  });

  it('refuses what is no JSON: names that stand twice, tags, numbers that lose digits, aliases without end', () => {
    const refused: Readonly<Record<string, RegExp>> = {
      'a: 1\nb: 2\na: 3': /^3:1 null : The name 'a' stands twice/,
      '': /^1:1 null : The document is not right: expected object, received null/,
      'a: !foo 1': /Unresolved tag: !foo/,
      'a: 12345678901234567890': /^1:4 null a: .* no number that is kept exactly/,
      'a: .nan': /^1:4 null a: NaN is no number/,
      'a: &x [*x]': /^1:8 null a\[0\]: The alias '\*x' stands within itself/,
      'a: *x': /^1:4 null a: The alias '\*x' stands for nothing before it/,
      'a: "\\0"': /^1:4 null a: .* NUL/,
      '"__proto__": 1': /^1:1 null : The name '__proto__' cannot be used/,
      'a: 1\n---\nb: 1': /more than one document/,
      'a: [': /^1:\d+ null : This is no YAML/,
    };
    for (const [text, expected] of Object.entries(refused))
      assert.match(faultsOf(text).join('\n'), expected);
  });

  it('resolves aliases, and says where what they stand for is', () => {
    const { data, locate } = readDocument(
      `name: lab\nnodes:\n  - { id: a, kind: task, agent: x.y, input: &same { n: 1 } }\n  - { id: b, kind: task, agent: x.y, input: *same }\n`,
      { file: 'lab' },
    );

    assert.deepEqual(
      data?.nodes.map((each) => each.kind === 'task' && each.input),
      [{ n: 1 }, { n: 1 }],
    );
    const { line, path } = locate('b', 'input.n');
    assert.deepEqual({ line, path }, { line: 3, path: 'nodes[1].input.n' });
  });

  it('is bounded: in size, in depth, in words, and in what aliases repeat', () => {
    const laughs = Array.from({ length: 30 }, (_, level) => {
      const inner =
        level === 0
          ? 'ha'
          : Array(10)
              .fill(`*l${level - 1}`)
              .join(', ');
      return `l${level}: &l${level} [${inner}]`;
    });
    const bounds: readonly (readonly [text: string, expected: RegExp])[] = [
      [laughs.join('\n'), /more than 100000 values, aliases included/],
      ['a'.repeat(2_000_000), /has 2000000 characters/],
      ['['.repeat(100_000), /more than 64 deep/],
      ['- '.repeat(100_000), /more than 64 deep/],
      ['#\n'.repeat(300_000), /more than 200000 words/],
      ['? a\n'.repeat(200_000), /more than 200000 words/],
    ];
    for (const [text, expected] of bounds) {
      const faults = faultsOf(text);
      assert.equal(faults.length, 1);
      assert.match(String(faults[0]), expected);
    }
  });
});
