import assert from 'node:assert/strict';
import { linesOf } from '../../../core/engine/approvals/shown.ts';

describe('what people are shown', () => {
  const texts = (shown: unknown) =>
    linesOf(shown).map(({ label, text }) => (label === '' ? text : `${label}: ${text}`));

  it('is a line a value, with where it stands', () => {
    const lines = [
      { amount: '10.00', tags: [] },
      { amount: '2.50', tags: ['a', 'b'] },
    ];
    assert.deepEqual(texts({ vendor: { name: 'ACME', blocked: false }, memo: null, lines }), [
      ...['vendor.name: ACME', 'vendor.blocked: false', 'memo: —'],
      ...['lines[0].amount: 10.00', 'lines[0].tags: (none)'],
      ...['lines[1].amount: 2.50', 'lines[1].tags: a, b'],
    ]);
    assert.deepEqual([texts('Pay'), texts(7), texts(null), texts({})], [['Pay'], ['7'], [], []]);
    assert.deepEqual(texts({ empty: {} }), ['empty: (none)']);
  });

  it('holds nothing that hides, and nothing that a terminal would obey', () => {
    const [line, ...others] = texts({ 'na\u200bme\n': 'A\u202eB\u001b[31mC\nD\u2028E' });
    assert.deepEqual([line, others], ['name : AB [31mC D E', []]);
  });
});
