import assert from 'node:assert/strict';
import { checks } from '../../scripts/checks.ts';
import { verifies } from '../support/verifies.ts';

describe('the repository', () => {
  for (const { claim, run } of checks) {
    it(claim, async () => {
      const { passed, output } = await run();

      assert.ok(passed, `\n${output}\n`);
      verifies('R14.house-rules');
    });
  }
});
