import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lint, root } from '../../scripts/checks.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

/** File, text, and the lint rule that it breaks. */
const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  [
    'core/floating.ts',
    'async function run(): Promise<void> {}\nexport function start(): void {\n  run();\n}\n',
    'lint/nursery/noFloatingPromises',
  ],
  [
    'core/forgotten-case.ts',
    "export function one(value: 'a' | 'b'): number {\n  switch (value) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}\n",
    'lint/nursery/useExhaustiveSwitchCases',
  ],
  ['core/untyped.ts', 'export const x: any = 1;\n', 'lint/suspicious/noExplicitAny'],
  ['worker/speaking.ts', "console.log('x');\n", 'lint/suspicious/noConsole'],
  ['modules/one/default.ts', 'export default 1;\n', 'lint/style/noDefaultExport'],
  ['modules/one/now.ts', 'export const now = Date.now();\n', 'lint/style/noRestrictedGlobals'],
  ['modules/one/today.ts', 'export const now = new Date();\n', 'lint/style/noRestrictedGlobals'],
  [
    'core/long.ts',
    `export function long(): void {\n${"  globalThis.name = 'x';\n".repeat(61)}}\n`,
    'lint/complexity/noExcessiveLinesPerFunction',
  ],
  [
    'core/parameters.ts',
    'export const sum = (a: number, b: number, c: number, d: number): number => a + b + c + d;\n',
    'lint/complexity/useMaxParams',
  ],
  ['core/CamelCase.ts', 'export const x = 1;\n', 'lint/style/useFilenamingConvention'],
];

describe('lint', () => {
  it('finds a planted violation of every house rule, and only these', async () => {
    verifies('R14.house-rules');
    using folder = scratchFolder({
      'biome.json': readFileSync(join(root, 'biome.json'), 'utf8'),
      'worker/thread/entry.ts': 'export default 1;\n',
      'bin/speaking.ts': "console.log('x');\n",
      'core/clock.ts': 'export const now = Date.now();\n',
      ...Object.fromEntries(planted.map(([file, text]) => [file, text])),
    });

    const found = await lint(folder.path);

    assert.deepEqual([...found].sort(), planted.map(([file, , rule]) => `${file} ${rule}`).sort());
  });
});
