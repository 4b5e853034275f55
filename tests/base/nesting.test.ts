import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isDeeper, isDeeperJson, mostLevels, valuesIn } from '../../core/base/nesting.ts';

const around = (value: unknown, levels: number): unknown =>
  levels === 0
    ? value
    : around(levels % 3 === 0 ? { '"[': value, '\\': ']"' } : ['[{\\"', value], levels - 1);

const counted = (value: unknown): number =>
  value !== null && typeof value === 'object'
    ? Object.values(value).reduce((sum: number, each) => sum + counted(each), 1)
    : 1;

describe('nesting', () => {
  it('may be a hundred levels deep', () => {
    const [most, more] = [around(1, mostLevels), around(1, mostLevels + 1)];

    assert.deepEqual([isDeeper(most), isDeeper(more)], [false, true]);
  });

  it('is the same of data and of its JSON, whatever its texts hold', () => {
    const levels = fc.nat(mostLevels + 20);
    fc.assert(
      fc.property(fc.jsonValue(), levels, fc.boolean(), (value, depth, isSpaced) => {
        const data = around(value, depth);
        const json = JSON.stringify(data, null, isSpaced ? 1 : 0);

        assert.equal(isDeeperJson(json), isDeeper(JSON.parse(json)));
      }),
    );
  });

  it('tells how many values there are, whatever their texts hold', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(9), (value, depth) => {
        const json = JSON.stringify(around(value, depth));

        assert.equal(valuesIn(json), counted(JSON.parse(json)));
      }),
    );
  });
});
