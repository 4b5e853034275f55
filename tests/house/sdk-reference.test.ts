import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as sdk from 'tutti';
import { sdkReference, sdkReferencePath } from '../../scripts/sdk-reference.ts';
import { verifies } from '../support/verifies.ts';

describe('docs/sdk.md', () => {
  const page = readFileSync(sdkReferencePath, 'utf8');

  it('says what the doc comments of the SDK say', () => {
    verifies('R14.api-reference');
    const hint = 'It is out of date; write it with: node scripts/sdk-reference.ts';

    assert.equal(page, sdkReference(), hint);
  });

  it('tells of everything that is exported, what it is for', () => {
    verifies('R14.api-reference');
    // Zod's own.
    const names = Object.keys(sdk).filter((name) => name !== 'z');
    const missing = names.filter((name) => !page.includes(`\n### ${name}\n`));

    assert.ok(names.length > 25, names.join());
    assert.deepEqual(missing, []);
    assert.match(page, /\n### defineTool\n\nDeclares a tool; .*\n\n```ts\nfunction defineTool</);
    assert.match(page, /\| `priority\?` \| `number` \| 1 \(whenever\) to 10 \(first\)/);
  });
});
