import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/checks.ts';
import { keptFiles, sourceFiles } from './source-files.ts';

const product = /^(core|worker|modules|bin)\//;

interface Rule {
  readonly claim: string;
  readonly files: RegExp;
  readonly forbidden: RegExp;
  /** A line that breaks the rule; it is cut in two here, because this file keeps the rules too. */
  readonly example: string;
}

const rules: readonly Rule[] = [
  {
    claim: 'throws from the error catalogue only',
    files: product,
    forbidden: /\bnew (Type|Range|Aggregate)?Error\(/,
    example: "throw new Error('no');",
  },
  {
    claim: 'leaves no work behind in comments',
    files: /^(core|worker|modules|bin|tests|bench|examples|scripts)\//,
    forbidden: /\b(T[O]DO|F[I]XME|X[X]X)\b/,
    example: `// ${'TO'}DO: later`,
  },
  {
    claim: 'takes time and chance in modules from the context',
    files: /^modules\//,
    forbidden: /\bnew Date\b|\bDate\.now\b|\bMath\.random\b/,
    example: 'const now = Date.now();',
  },
  {
    claim: 'merges declarations by one star export only',
    files: /^(?!core\/index\.ts$).*\.tsx?$/,
    forbidden: /^export \* from/m,
    example: "export * from './a.ts';",
  },
];

const anywhere: readonly Rule[] = [
  {
    claim: 'names no registry host',
    files: /./,
    forbidden: /https?:\/\/[^\s/"']*\br[e]gistry\b[^\s/"']*\/|"r[e]solved":/,
    example: `https://${'registry'}.example.org/tutti`,
  },
  {
    claim: 'names no folder of a certain machine',
    files: /./,
    forbidden: /(?<![\w.$~-])\/(?:work|root|home\/\w+|Users\/\w+)\/|\bC:\\Users\\/,
    example: `/${'home'}/anna/tutti`,
  },
];

describe('the text of the sources', () => {
  for (const { claim, files, forbidden, example } of [...rules, ...anywhere]) {
    it(claim, () => {
      const candidates = anywhere.some((rule) => rule.claim === claim)
        ? textFiles()
        : sourceFiles();

      const broken = candidates
        .filter((file) => files.test(file))
        .flatMap((file) => linesWith(file, forbidden));

      assert.match(example, forbidden, 'the rule cannot find its example');
      assert.deepEqual(broken, []);
    });
  }

  it('has no file of more than 400 lines', () => {
    const long = sourceFiles()
      .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > 400);

    assert.deepEqual(long, []);
  });

  it('names every file after what it holds', () => {
    // A project manager is somebody, and no vague word for a part.
    const vague = sourceFiles().filter((file) =>
      /(^|[/.-])(utils?|helpers?|(?<!project-)manager|misc|common)([/.-])/.test(file),
    );

    assert.deepEqual(vague, []);
  });
});

function textFiles(): readonly string[] {
  return keptFiles().filter(
    (file) =>
      !/\.(png|svg|ico|woff2?|gz|tgz|zip)$/.test(file) && statSync(join(root, file)).size < 2e6,
  );
}

function linesWith(file: string, forbidden: RegExp): readonly string[] {
  return read(file)
    .split('\n')
    .flatMap((line, index) =>
      forbidden.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
    );
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
