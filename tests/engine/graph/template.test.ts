import assert from 'node:assert/strict';
import { isCel, parseTemplate } from '../../../core/engine/graph/template.ts';
import { verifies } from '../../support/verifies.ts';

const scope = {
  input: { vendor: 'V-1', amounts: [1, 2] },
  run: { today: '2026-06-30', company: '' },
  nodes: {},
};

describe('template', () => {
  it('fills expressions at any depth and leaves the rest as it is', () => {
    verifies('R1.output-mapping', 'R1.data-flow');
    const template = {
      vendor: { cel: 'input.vendor' },
      list: ['a', { cel: 'input.amounts' }, 3, null, false],
      deep: { day: { cel: 'run.today' }, plain: { cel: 1 } as never },
    };

    const filled = parseTemplate(template, 'lab.one.input')(scope);

    assert.deepEqual(filled, {
      vendor: 'V-1',
      list: ['a', [1, 2], 3, null, false],
      deep: { day: '2026-06-30', plain: { cel: 1 } },
    });
  });

  it('fills each time anew, whatever the members are called', () => {
    const template = JSON.parse('{"__proto__":{"cel":"input.vendor"},"deep":{"plain":[1]}}');
    const fill = parseTemplate(template, 'lab.one.input');

    const [first, second] = [fill(scope), fill(scope)] as { deep: { plain: number[] } }[];
    first?.deep.plain.push(2);

    assert.equal(JSON.stringify(second), '{"__proto__":"V-1","deep":{"plain":[1]}}');
  });

  it('computes each expression at its own place, however members are named', () => {
    const template = {
      'a.b': { cel: 'size(input.amounts)' },
      a: { b: { cel: 'input.amounts[1] + 1' } },
    };

    const filled = parseTemplate(template, 'lab.one.input')(scope);

    assert.deepEqual(filled, { 'a.b': 2, a: { b: 3 } });
  });

  it('takes an object for an expression only when it holds nothing but `cel`', () => {
    assert.equal(isCel({ cel: 'input' }), true);
    assert.equal(isCel({ cel: 'input', other: 1 }), false);
    assert.equal(isCel({ cel: 1 }), false);
    assert.equal(isCel(null), false);
  });

  it('names the place of an expression that fails', () => {
    const fill = parseTemplate({ a: [{ b: { cel: 'input.gone' } }] }, 'lab.one.input');

    assert.throws(() => fill(scope), {
      code: 'EXPRESSION_INVALID',
      message: /lab\.one\.input\.a\[0\]\.b/,
    });
  });
});
