import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { errorReference, errorReferencePath } from '../../scripts/error-reference.ts';

describe('docs/errors.md', () => {
  it('says what the error catalogue says', () => {
    const hint = 'It is out of date; write it with: node scripts/error-reference.ts';

    assert.equal(readFileSync(errorReferencePath, 'utf8'), errorReference(), hint);
  });
});
