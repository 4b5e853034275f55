import { toVisible } from '../../base/text.ts';
import { refused } from './refusal.ts';

/** UTF-8 bytes of one name: what ext4, APFS and NTFS take at most. */
const longestNameBytes = 255;
/** UTF-8 bytes of a whole path, far below every system's own limit. */
const longestPathBytes = 1_000;
const deepest = 32;

/** What names a write that has not ended; no path reaches it. */
export const unfinished = '.tutti-';

/**
 * The names that a path consists of, [] for the tenant's folder itself (`''` or `'.'`). Paths mean the same on every system: names
 * divided by `/`, none of which any system reads as a way up, a drive, a share, a device or a stream.
 * @throws FILE_REFUSED
 */
export function namesOf(path: string): readonly string[] {
  if (typeof path !== 'string') throw refused(String(path), 'a path is a text');
  const fault = pathFaults.find(([isFault]) => isFault(path));
  if (fault) throw refused(path, fault[1]);
  if (path === '' || path === '.') return [];
  const names = path.split('/');
  if (names.length > deepest) throw refused(path, `it has more than ${deepest} folders`);
  for (const name of names) {
    const why = nameFault(name);
    if (why !== null) throw refused(path, why);
  }
  return names;
}

/** Whether a path can name it: what lies on the disk under other names is not shown. */
export function isName(name: string): boolean {
  return !pathFaults.some(([isFault]) => isFault(name)) && nameFault(name) === null;
}

type Fault = readonly [isFault: (text: string) => boolean, why: string];

const pathFaults: readonly Fault[] = [
  [
    (path) => Buffer.byteLength(path) > longestPathBytes,
    `it is longer than ${longestPathBytes} bytes`,
  ],
  [(path) => /\p{Cc}/u.test(path), 'it holds a control character'],
  [(path) => !path.isWellFormed(), 'it is no well-formed Unicode'],
  [(path) => toVisible(path) !== path, 'it holds an invisible character'],
  [(path) => path.includes('\\'), "it holds a backslash; divide names by '/'"],
  [(path) => path.startsWith('/'), "it is absolute; name it from the tenant's folder"],
  [(path) => path.startsWith('~'), "it begins with '~'; name it from the tenant's folder"],
  [(path) => path.includes(':'), "it holds ':', which means a drive or a stream to some systems"],
];

const nameFaults: readonly Fault[] = [
  [(name) => name === '', "a name in it is empty; divide names by one '/', and end without one"],
  [(name) => name === '..', "'..' leads out of a folder; name it from the tenant's folder"],
  [(name) => name === '.', "'.' is no name; leave it out"],
  [(name) => /[. ]$/.test(name), 'a name in it ends with a dot or a blank, which Windows drops'],
  [(name) => device.test(name), 'Windows takes a name in it for a device'],
  [(name) => name.toLowerCase().startsWith(unfinished), `names with '${unfinished}' are our own`],
  [
    (name) => Buffer.byteLength(name) > longestNameBytes,
    `a name in it is longer than ${longestNameBytes} bytes`,
  ],
];

/** With any extension, in any case: https://learn.microsoft.com/windows/win32/fileio/naming-a-file (2026-11). */
const device = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\..*)?$/i;

function nameFault(name: string): string | null {
  return nameFaults.find(([isFault]) => isFault(name))?.[1] ?? null;
}
