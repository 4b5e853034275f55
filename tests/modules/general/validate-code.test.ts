import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from 'tutti/testing';
import { validateCode } from '../../../modules/general/tools/validate-code.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

const good: readonly (readonly [language: string, code: string])[] = [
  ['json', '{"a": [1, 2.5e3, "x\\n"], "b": null}'],
  ['yaml', 'a: 1\nb:\n  - x\n  - { y: "z" }\n---\nc: &k [1]\nd: *k\n'],
  ['yaml', ''],
  ['javascript', 'import { x } from "y";\nexport const z = await x`1`;\n'],
  ['javascript', 'var a = 010; with (a) { delete a }'],
  [
    'javascript',
    '#!/usr/bin/env node\nclass A { #b = 1; static { this.c = (x) => x?.y ?? /[x]/v; } }',
  ],
  [
    'typescript',
    'interface A<T> { b: T }\nexport const c = <T,>(a: A<T>): T => a.b satisfies T;\n',
  ],
  ['typescript', 'enum A { B = 1 }\nnamespace C { export const d = A.B }\n'],
  ['typescript', 'class A { @dec() b(@arg c: string): void {} }'],
];

/** What is wrong, and where the parser sees it. */
const bad: readonly (readonly [string, string, line: number | null, column: number | null])[] = [
  ['json', '{"a": 1,\n "b": }', 2, 7],
  ['json', '{"a": [1, 2}', 1, 12],
  ['json', "{'a': 1}", 1, 2],
  ['yaml', 'a: 1\nb: [1, 2\nc: 3\n', 3, 1],
  ['yaml', 'a: 1\na: 2\n', 2, 1],
  ['javascript', 'let a = {;\n', 1, 10],
  ['javascript', 'let a = 1;\n  let a = 2;', 2, 7],
  ['javascript', 'import x from "y";\nlet b = = 1;', 2, 9],
  ['javascript', 'import x from "y";\nlet x = 1;', null, null],
  ['javascript', 'let a: number = 1;', 1, 6],
  ['javascript', 'f(\n1, 2', 2, 4],
  ['typescript', 'let a: number = 1;\nlet b: = 2;', 2, 8],
  ['typescript', 'const a: number = 1;\nconst a = 2;', 2, 7],
  ['typescript', 'enum A { B\nlet c = 1;', 2, 7],
];

describe('general.validate_code', () => {
  it('finds nothing wrong in code that its language reads', async () => {
    verifies('R5.code-tool');
    for (const [language, code] of good)
      assert.deepEqual(await check(language, code), { isValid: true, problems: [] }, code);
  });

  it('names the place of what no parser reads', async () => {
    verifies('R5.code-tool');
    for (const [language, code, line, column] of bad) {
      const { isValid, problems } = await check(language, code);

      assert.equal(isValid, false, code);
      const [first] = problems;
      assert.deepEqual(
        [first?.line, first?.column],
        [line, column],
        JSON.stringify({ code, first }),
      );
      assert.ok(first && first.message.length > 5);
    }
  });

  it('runs nothing of it', async () => {
    using folder = scratchFolder({});
    const mark = join(folder.path, 'ran');
    const writes = `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')`;
    const module = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, '');`;

    await check('javascript', `process.mainModule.${writes}; ${writes}; throw new Error('ran');`);
    await check('javascript', module);
    await check('typescript', `${module}\nconst a: number = (() => { throw new Error('ran') })();`);

    assert.equal(existsSync(mark), false);
  });

  it('gives up what is nested too deeply, and reads the next code as well as before', async () => {
    for (const code of [
      `${'('.repeat(100_000)}`,
      `x = ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    ]) {
      const run = await runTool(validateCode, { language: 'typescript', code });
      assert.ok(run.kind === 'error' && run.error.code === 'INPUT_INVALID', JSON.stringify(run));
    }

    assert.equal((await check('typescript', 'let a: number = 1;')).isValid, true);
  });

  it('keeps its thread free for others while a parser works hard', async () => {
    const code = Array.from({ length: 8_000 }, (_, index) => `k${index}: 1`).join('\n');
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);

    assert.equal((await check('yaml', code)).isValid, true);
    clearInterval(timer);

    assert.ok(turns > 20, `${turns} turns`);
  });

  it('finds characters that show code in another order than it runs', async () => {
    const { problems } = await check('json', '{\n  "a": "x\u202Ey"\n}');

    assert.deepEqual([problems[0]?.line, problems[0]?.column], [2, 10]);
    assert.match(problems[0]?.message ?? '', /U\+202E/);
  });
});

interface Checked {
  readonly isValid: boolean;
  readonly problems: readonly { line: number | null; column: number | null; message: string }[];
}

async function check(language: string, code: string): Promise<Checked> {
  const run = await runTool(validateCode, { language, code });
  assert.ok(run.kind === 'result', JSON.stringify(run));
  return run.value as Checked;
}
