// `npm run requirements` lists what Tutti promises and which test files cite each line; those without a test come last.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requirements } from '../tests/requirements.ts';
import { root } from './checks.ts';

const citing = new Map<string, string[]>();
for (const file of readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.test.ts')) continue;
  const text = readFileSync(join(root, 'tests', file), 'utf8');
  for (const [, list = ''] of text.matchAll(/\bverifies\(([^)]*)\)/g)) {
    for (const [, id = ''] of list.matchAll(/'(R\d+\.[a-z0-9-]+)'/g)) {
      citing.set(id, [...(citing.get(id) ?? []), file]);
    }
  }
}

const width = Math.max(...requirements.map(({ id }) => id.length));
const print = (wanted: boolean): void => {
  for (const { id, behavior } of requirements) {
    const files = citing.get(id);
    if ((files !== undefined) !== wanted) continue;
    console.log(
      `${id.padEnd(width)}  ${behavior}${files ? `  [${[...new Set(files)].join(', ')}]` : ''}`,
    );
  }
};
console.log('Cited by tests:\n');
print(true);
console.log('\nWithout a test:\n');
print(false);
console.log(`\n${citing.size} of ${requirements.length} cited.`);
