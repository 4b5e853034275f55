import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { verifies } from '../support/verifies.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const casesFile = fileURLToPath(new URL('type-cases.ts', import.meta.url));

/** A line that the compiler must refuse. */
interface Refusal {
  readonly code: number;
  /** The one below the comment, counted from 1. */
  readonly line: number;
}

describe('the types of the SDK', () => {
  it('refuse each wrong use, with the error given, and nothing else', () => {
    verifies('R1.typescript-form');
    const source = readFileSync(casesFile, 'utf8');
    const refusals = refusalsIn(source);

    const errors = errorsIn(source.replaceAll('@ts-expect-error', 'refused:'));

    assert.ok(refusals.length > 30);
    assert.deepEqual(
      errors,
      refusals.map(({ line, code }) => `${line}: TS${code}`),
    );
  }).timeout(60_000);
});

function refusalsIn(source: string): readonly Refusal[] {
  return source.split('\n').flatMap((text, index) => {
    const match = /@ts-expect-error (\d+) ./.exec(text);
    return match ? [{ code: Number(match[1]), line: index + 2 }] : [];
  });
}

/** Compiles the cases, with the given text in their place, and lists their errors as `line: TScode`. */
function errorsIn(text: string): readonly string[] {
  const config = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (name) => (name === casesFile ? text : readFile(name));
  host.getSourceFile = (name, version, ...rest) =>
    name === casesFile
      ? ts.createSourceFile(name, text, version)
      : getSourceFile(name, version, ...rest);
  const program = ts.createProgram([casesFile], options, host);
  const file = program.getSourceFile(casesFile);
  assert.ok(file);
  return program.getSemanticDiagnostics(file).map((diagnostic) => {
    const { line } = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
    return `${line + 1}: TS${diagnostic.code}`;
  });
}
