import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What the compiler says of a line, counted from 1. */
export interface Complaint {
  readonly line: number;
  readonly code: number;
  readonly message: string;
}

/** Compiles a file of this repository with a text in its place, whether it is there or not; nothing is written. */
export function complaintsOf(path: string, text: string): readonly Complaint[] {
  const config = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => name === path || fileExists.call(host, name);
  host.readFile = (name) => (name === path ? text : readFile.call(host, name));
  host.getSourceFile = (name, version, ...rest) =>
    name === path
      ? ts.createSourceFile(name, text, version)
      : getSourceFile.call(host, name, version, ...rest);
  const program = ts.createProgram([path], options, host);
  const file = program.getSourceFile(path);
  assert.ok(file);
  return program.getSemanticDiagnostics(file).map(({ start = 0, code, messageText }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    return { line: line + 1, code, message: ts.flattenDiagnosticMessageText(messageText, '\n') };
  });
}
