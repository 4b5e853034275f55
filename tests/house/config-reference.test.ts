import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { configReference, configReferencePath } from '../../scripts/config-reference.ts';

describe('docs/configuration.md', () => {
  it('says what the schema and the variables say', () => {
    const hint = 'It is out of date; write it with: node scripts/config-reference.ts';

    assert.equal(readFileSync(configReferencePath, 'utf8'), configReference(), hint);
  });
});
