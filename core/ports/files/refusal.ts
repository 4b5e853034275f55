import { EngineError, isEngineError } from '../../base/errors.ts';
import { toVisible } from '../../base/text.ts';

/** A file or folder that tools may not touch; `why` goes on after "is refused: ". */
export function refused(path: string, why: string): EngineError {
  return new EngineError('FILE_REFUSED', `The file '${shown(path)}' is refused: ${why}.`);
}

/** Nothing by that name. */
export function unknown(path: string): EngineError {
  return new EngineError(
    'FILE_UNKNOWN',
    `There is no file or folder '${shown(path)}'; list the folder above it to see what there is.`,
  );
}

/** A failure of the file system in words that hold no path of the machine: the original names one. Anything else stays what it is. */
export function fromSystem(error: unknown, path: string): unknown {
  if (isEngineError(error) || !(error instanceof Error && 'syscall' in error)) return error;
  const code = codeOf(error);
  return code === 'ENOENT' ? unknown(path) : refused(path, causes[code] ?? `it answers ${code}`);
}

/** The name of a failure of the file system, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'EUNKNOWN';
}

const causes: Readonly<Record<string, string>> = {
  ENOTDIR: 'on its way lies something that is no folder, or a link, and links are not followed',
  ELOOP: 'it is a link, and links are not followed',
  EISDIR: 'it is a folder',
  EACCES: "the machine's own permissions forbid it",
  EPERM: "the machine's own permissions forbid it",
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  ENAMETOOLONG: 'its name is longer than the disk takes',
  EINVAL: 'its name holds what the disk does not take',
  ENXIO: 'it is no regular file',
  EMFILE: 'too many files are open; try again',
  ENFILE: 'too many files are open; try again',
};

const longestShown = 120;

function shown(path: string): string {
  const visible = toVisible(path).replace(/\p{Cc}/gu, '\uFFFD');
  return visible.length > longestShown ? `${visible.slice(0, longestShown)}…` : visible;
}
