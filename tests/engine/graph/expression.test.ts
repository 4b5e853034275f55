import assert from 'node:assert/strict';
import { type ExpressionScope, parseExpression } from '../../../core/engine/graph/expression.ts';
import { verifies } from '../../support/verifies.ts';

const scope: ExpressionScope = {
  input: { open: true, count: 3, rate: 1.5, name: 'Nord', list: [{ id: 'a' }, { id: 'b' }] },
  run: { today: '2026-06-30', company: 'DE01' },
  nodes: { match: { output: { status: 'held', difference: 2 } } },
  item: { id: 'V-1', lines: 4 },
  each: { first: { output: { ok: false } } },
};

function evaluate(cel: string): unknown {
  return parseExpression({ cel }, 'lab.node.when')(scope);
}

describe('expression', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['input.open', true],
    ['run.today', '2026-06-30'],
    ['nodes.match.output', { status: 'held', difference: 2 }],
    ['item.lines', 4],
    ['each.first.output.ok', false],
    ['true', true],
    ['nodes.match.output.status == "held"', true],
    ['nodes.match.output.status != "held"', false],
    ['input.count > 2', true],
    ['input.count > 2.5', true],
    ['input.rate < 2', true],
    ['input.rate == 1.5', true],
    ['(input.open) && (nodes.match.output.difference == 2)', true],
    ['(input.open == false) || (item.id == "V-1")', true],
    ['!(input.open)', false],
    ['input.count + 1', 4],
    ['input.list[1].id', 'b'],
    ['input.list.size()', 2],
    ['[input.count, item.lines]', [3, 4]],
    ['{"n": [input.count]}', { n: [3] }],
  ];
  for (const [cel, expected] of cases) {
    it(`gives ${JSON.stringify(expected)} for ${cel}`, () => {
      verifies('R1.condition', 'R1.inputs');
      assert.deepEqual(evaluate(cel), expected);
    });
  }

  it('says which member a path does not find', () => {
    assert.throws(() => evaluate('nodes.match.output.gone'), {
      code: 'EXPRESSION_INVALID',
      message: /lab\.node\.when: 'nodes\.match\.output\.gone' has no 'gone'/,
    });
    assert.throws(() => evaluate('nodes.match.output.gone == 1'), { code: 'EXPRESSION_INVALID' });
  });

  it('reads own members only', () => {
    assert.throws(() => evaluate('input.constructor'), { code: 'EXPRESSION_INVALID' });
    assert.throws(() => evaluate('input.toString'), { code: 'EXPRESSION_INVALID' });
  });

  it('refuses what is no CEL when it is parsed', () => {
    for (const cel of ['', '1 +', 'a b', '"open'])
      assert.throws(
        () => parseExpression({ cel }, 'lab.node.when'),
        { code: 'EXPRESSION_INVALID' },
        cel,
      );
  });

  it('refuses functions that can take long, and operands that never go', () => {
    for (const cel of ['input.name.matches("(a+)+$")', 'input.name.split("")', '1 + "a"', '!1'])
      assert.throws(
        () => parseExpression({ cel }, 'lab.node.when'),
        { code: 'EXPRESSION_INVALID' },
        cel,
      );
  });

  it('refuses what is too long or too deep to read', () => {
    const long = `input.count == ${'1 + '.repeat(1_000)}1`;
    const wide = Array.from({ length: 300 }, () => 'input.count').join(' + ');
    const deep = `${'('.repeat(40)}input.open${')'.repeat(40)}`;
    for (const cel of [long, wide, deep, 'a'.repeat(5_000)])
      assert.throws(() => parseExpression({ cel }, 'lab.node.when'), {
        code: 'EXPRESSION_INVALID',
      });
  });

  it('goes through a list of 100,000, and refuses what would take more than a million operations', () => {
    const ids = Array.from({ length: 100_000 }, (_, index) => `V-${index}`);
    const large = { ...scope, input: { ids, few: ids.slice(0, 500) } };
    const ask = (cel: string): unknown => parseExpression({ cel }, 'lab.node.when')(large);
    assert.equal(ask('input.ids.exists(id, id == "V-99999")'), true);
    assert.equal(ask('input.few.all(id, id in input.few)'), true);
    for (const cel of [
      'input.ids.all(id, id in input.ids)',
      'input.few.all(a, input.few.all(b, a != b && b != a))',
      'input.ids.map(id, concat(input.ids, [id]))',
    ])
      assert.throws(() => ask(cel), /at most 1000000 are allowed/, cel);
  });

  it('mixes whole numbers and fractions', () => {
    assert.equal(evaluate('input.rate + 1'), 2.5);
    assert.equal(evaluate('input.count * 0.5'), 1.5);
  });

  it('gives no number that JSON would change', () => {
    assert.equal(evaluate('9007199254740990 + 1'), 9007199254740991);
    for (const cel of ['9007199254740991 + 2', '[-9007199254740991 - 2]', '{"n": int(1e300)}'])
      assert.throws(() => evaluate(cel), {
        code: 'EXPRESSION_INVALID',
        message: /a number holds whole ones up to 2\^53 - 1 exactly; write decimal\(…\)/,
      });
    assert.equal(evaluate('decimal(9007199254740991 + 2)'), '9007199254740993');
    assert.equal(evaluate('9007199254740991 + 2 == 9007199254740993'), true);
    for (const cel of ['input.rate / 0', '0.0 / 0.0'])
      assert.throws(() => evaluate(cel), {
        message: /it gives no number, such as after a division/,
      });
  });

  it('asks whether an output is there', () => {
    assert.equal(evaluate('has(nodes.match.output)'), true);
    assert.equal(evaluate('has(nodes.skipped.output)'), false);
    assert.equal(evaluate('nodes.skipped.?output.orValue("none")'), 'none');
  });
});
