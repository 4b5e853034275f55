import assert from 'node:assert/strict';
import { factsText } from '../../../core/service/console/parts/lines-of.ts';
import { spanText } from '../../../core/service/console/parts/text-of.ts';

describe('texts of the console', () => {
  it('tell how long something took without a unit that is full', () => {
    assert.deepEqual([0, 999.4, 999.6, 59_940, 59_960, 119_700, 3_599_700].map(spanText), [
      '0 ms',
      '999 ms',
      '1.0 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 0 s',
      '1 h 0 min',
    ]);
  });

  it('tell in one line what would be written, with the names of arguments alone', () => {
    const shown = { amount: '8552.70 USD', args: { record: '1082', days: [1, 2] } };

    assert.equal(factsText(shown), 'amount 8552.70 USD · record 1082 · days 1, 2');
    assert.equal(factsText('It has been erased.'), 'It has been erased.');
  });

  it('leave the end of a long line to the page of its own', () => {
    const line = factsText({ note: 'x'.repeat(1_000) });

    assert.ok(line.endsWith('…') && line.length < 320, line);
  });
});
