import assert from 'node:assert/strict';
import { checks } from '../../scripts/checks.ts';
import { verifies } from '../support/verifies.ts';

describe('the repository', () => {
  for (const { name, claim, run } of checks) {
    // structure.test.ts runs that one, and sees that no file was left out.
    if (name === 'structure') continue;
    it(claim, async () => {
      const { passed, output } = await run();

      assert.ok(passed, `\n${output}\n`);
      verifies('R14.house-rules');
    });
  }
});
