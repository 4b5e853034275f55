import assert from 'node:assert/strict';
import { drawNumber } from '../../core/base/drawn.ts';

describe('a number that is drawn', () => {
  it('is a whole one that JavaScript holds, above 0, and another each time', () => {
    const drawn = Array.from({ length: 10_000 }, drawNumber);

    assert.ok(drawn.every((number) => Number.isSafeInteger(number) && number > 0));
    assert.equal(new Set(drawn).size, drawn.length);
  });
});
