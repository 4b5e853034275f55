import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { toolCategories } from 'tutti';
import { general } from '../../modules/general/index.ts';

const page = readFileSync(new URL('../../docs/tools.md', import.meta.url), 'utf8');

describe('the page on tools', () => {
  it('lists every general tool as it declares itself', () => {
    const listed = [...page.matchAll(/^\| `(general\.\w+)` \| (\w+) \| (\w+) \| ([\w ]*?) ?\| /gm)];
    const declared = general.tools.map(({ name, category, effect, outside = [] }) =>
      [name, category, effect, [...outside].toSorted().join(' ')].join(', '),
    );

    assert.deepEqual(
      listed.map(([, name, category, effect, outside = '']) =>
        [name, category, effect, outside.trim()].join(', '),
      ),
      declared,
    );
    assert.ok(general.tools.every(({ access }) => access === 'public'));
  });

  it('names every category', () => {
    const missing = toolCategories.filter((category) => !page.includes(`\`${category}\``));
    assert.deepEqual(missing, []);
  });
});
