import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join, relative, sep } from 'node:path';
import { root, tsc } from '../../scripts/checks.ts';
import { scratchFolder } from './scratch.ts';

/** What the compiler says of a line, counted from 1. */
export interface Complaint {
  readonly line: number;
  readonly code: number;
  readonly message: string;
}

const complaint =
  /^(?<file>.+?)\((?<line>\d+),\d+\): error TS(?<code>\d+): (?<message>.*(?:\n .*)*)$/gm;

/** Compiles a file of this repository with a text in its place, whether it is there or not; nothing is written there. */
export function complaintsOf(path: string, text: string): readonly Complaint[] {
  const name = relative(root, path).replaceAll(sep, '/');
  using folder = scratchFolder({
    [name]: text,
    'package.json': '{"type": "module"}',
    'tsconfig.json': JSON.stringify({ ...projectInPlace, files: [name], include: [] }),
  });
  const args = [...tsc, '-p', '.', '--pretty', 'false'];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: folder.path,
    encoding: 'utf8',
  });
  const complaints = [...stdout.matchAll(complaint)].map(({ groups = {} }) => {
    assert.equal(groups.file, name, stdout);
    return {
      line: Number(groups.line),
      code: Number(groups.code),
      message: String(groups.message),
    };
  });
  assert.equal(status === 0, complaints.length === 0, stdout);
  return complaints;
}

/** The project of the repository, from a folder that holds a file of it. */
const projectInPlace = {
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    incremental: false,
    // What the file imports by a relative path is looked for here and there.
    rootDirs: ['.', root],
    paths: { tutti: [join(root, 'core/index.ts')] },
    typeRoots: [join(root, 'node_modules/@types')],
  },
};
