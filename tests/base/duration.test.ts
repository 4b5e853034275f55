import assert from 'node:assert/strict';
import { durationMs } from '../../core/base/duration.ts';

describe('duration', () => {
  for (const [text, ms] of [
    ['PT6H', 21_600_000],
    ['P1DT30M', 88_200_000],
    ['PT1H2M3S', 3_723_000],
    ['P2D', 172_800_000],
  ] as const) {
    it(`reads ${text}`, () => {
      assert.equal(durationMs(text), ms);
    });
  }

  for (const text of ['', 'P', 'PT', '6H', 'P1M', 'P1Y', 'PT-1H', 'PT1.5H']) {
    it(`refuses '${text}', which has no fixed length or no sense`, () => {
      assert.throws(() => durationMs(text), { code: 'INPUT_INVALID' });
    });
  }
});
