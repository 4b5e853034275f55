import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Cruise, cruise, root, sourcePaths } from '../../scripts/checks.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { sourceFiles } from './source-files.ts';

/** A file, what it imports, and the rule that this breaks. */
const planted: readonly (readonly [file: string, specifier: string, rule: string])[] = [
  ['core/base/a.ts', '../sdk/x.ts', 'floor-base'],
  ['core/sdk/a.ts', '../ports/x.ts', 'floor-sdk'],
  ['core/ports/a.ts', '../guard/x.ts', 'floor-ports'],
  ['core/guard/a.ts', '../engine/x.ts', 'floor-guard'],
  ['core/engine/a.ts', '../service/x.ts', 'floor-engine'],
  ['core/engine/run/a.ts', '../loop/x.ts', 'run-is-pure'],
  ['core/service/a.ts', '../../worker/x.ts', 'core-is-below'],
  ['core/service/b.ts', '../index.ts', 'core-has-no-front-door-inside'],
  ['core/service/console/a.tsx', '../x.ts', 'console-talks-http'],
  ['core/service/console/b.ts', 'zod', 'console-talks-http'],
  ['core/service/c.ts', './console/b.ts', 'nothing-imports-the-console'],
  ['core/index.ts', './guard/x.ts', 'sdk-is-data'],
  ['worker/a.ts', '../core/engine/x.ts', 'worker-is-beside-the-engine'],
  ['modules/one/tools/a.ts', '../../two/index.ts', 'module-knows-tutti-only'],
  ['modules/one/tools/b.ts', 'zod', 'module-knows-tutti-only'],
  ['modules/one/tools/c.ts', 'node:fs', 'module-knows-tutti-only'],
  ['modules/one/tools/d.ts', '../../../core/index.ts', 'module-says-tutti'],
  ['modules/general/tools/a.ts', 'node:fs', 'general-knows-kept-libraries'],
  ['modules/nightly.ts', './two/agents/x.ts', 'module-composition'],
  ['modules/one/agents/a.ts', '../sample.ts', 'truth-is-for-tests'],
  ['modules/one/agents/b.ts', '../through.ts', 'truth-is-for-tests'],
  ['core/base/b.ts', '../../tests/x.ts', 'nothing-imports-tests'],
  ['bin/a.ts', '../tests/x.ts', 'nothing-imports-tests'],
  ['core/base/c.ts', './d.ts', 'no-cycle'],
  ['core/base/e.ts', './absent.ts', 'resolvable'],
  ['core/base/f.ts', 'only-in-tests', 'no-undeclared-package'],
];

/** What is in order and near to a violation. */
const harmless: readonly (readonly [file: string, specifier: string])[] = [
  ['core/service/x.ts', '../engine/x.ts'],
  ['core/service/console/x.tsx', './a.tsx'],
  ['core/service/console/y.ts', 'react'],
  ['core/engine/x.ts', '../guard/x.ts'],
  ['core/engine/loop/x.ts', '../run/x.ts'],
  ['core/engine/run/x.ts', '../x.ts'],
  ['core/guard/x.ts', '../ports/x.ts'],
  ['core/ports/x.ts', '../sdk/x.ts'],
  ['core/sdk/x.ts', 'zod'],
  ['core/base/d.ts', './c.ts'],
  ['worker/x.ts', '../core/guard/x.ts'],
  ['modules/one/index.ts', './sample.ts'],
  ['modules/one/sample.ts', 'tutti'],
  ['modules/one/through.ts', './sample.ts'],
  ['modules/two/index.ts', './agents/x.ts'],
  ['modules/two/agents/x.ts', 'tutti'],
  ['modules/all.ts', './two/index.ts'],
  ['tests/x.ts', 'only-in-tests'],
];

describe('structure', () => {
  it('has no violation, and every source file was looked at', async () => {
    const folders = ['core', 'worker', 'modules', 'bin'].filter((name) =>
      existsSync(join(root, name)),
    );

    const { modules, violations } = await cruise(root, sourcePaths());

    const seen = modules.map(({ source }) => source).filter((source) => isIn(folders, source));
    const files = sourceFiles().filter((file) => isIn(folders, file));
    assert.ok(files.length > 20, `only ${files.length} source files`);
    assert.deepEqual(seen.sort(), files.sort());
    assert.deepEqual(violations, []);
  });

  it('finds a planted violation of every rule, and only these', async () => {
    verifies('R14.house-rules');
    const { violations } = await cruisePlanted();

    const found = violations.map(({ from, rule }) => `${from} breaks ${rule}`);
    const expected = planted.map(([file, , rule]) => `${file} breaks ${rule}`);
    assert.deepEqual([...new Set(found)].sort(), expected.sort());
  });

  it('has a planted violation for every rule', async () => {
    const names = await ruleNames();

    assert.deepEqual([...new Set(planted.map(([, , rule]) => rule))].sort(), names.sort());
  });
});

async function ruleNames(): Promise<string[]> {
  const config: unknown = await import(join(root, '.dependency-cruiser.mjs'));
  const { default: rules } = config as { default: { forbidden: readonly { name: string }[] } };
  return rules.forbidden.map(({ name }) => name);
}

function isIn(folders: readonly string[], file: string): boolean {
  return folders.some((folder) => file.startsWith(`${folder}/`)) && /\.(tsx?|mjs)$/.test(file);
}

/** Cruises a small repository of the same shape in which every rule is broken. */
async function cruisePlanted(): Promise<Cruise> {
  const files: Record<string, string> = {
    'core/base/x.ts': 'export type X = 1;\n',
    'tsconfig.json': JSON.stringify({ compilerOptions: { module: 'nodenext' } }),
    'package.json': JSON.stringify({
      name: 'tutti',
      type: 'module',
      exports: { '.': './core/index.ts' },
      dependencies: { zod: '*' },
      devDependencies: { 'only-in-tests': '*', react: '*' },
    }),
  };
  for (const [file, specifier] of [...planted, ...harmless]) {
    files[file] = `import type { X } from '${specifier}';\nexport type Y = X;\n`;
  }
  for (const name of ['zod', 'only-in-tests', 'react']) {
    files[`node_modules/${name}/package.json`] = JSON.stringify({ name, exports: './index.js' });
    files[`node_modules/${name}/index.js`] = '';
  }
  using folder = scratchFolder(files);
  return await cruise(folder.path, ['core', 'worker', 'modules', 'bin', 'tests']);
}
