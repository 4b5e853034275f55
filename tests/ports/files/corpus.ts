import { join } from 'node:path';

const ups = [1, 2, 3, 4, 8, 16, 30];
const separators = ['/', '\\', '//', '/./', '\\/'];
const devices = ['con', 'PRN', 'Aux', 'nul', 'COM1', 'com9', 'LPT1', 'lpt³', 'CONIN$', 'conout$'];
const invisible = [
  ...['\u00AD', '\u034F', '\u061C', '\u115F', '\u180E', '\u200B', '\u200C', '\u200D', '\u200E'],
  ...['\u200F', '\u202A', '\u202D', '\u202E', '\u2060', '\u2066', '\u2069', '\u3164', '\uFEFF'],
  ...['\uFFA0', '\u{E0041}', '\u{E0100}'],
];

/** Paths that are refused for what they are, whatever lies on the disk. `root` is a real folder around the tenant's. */
export function wrongPaths(root: string): readonly string[] {
  const up = ups.flatMap((times) =>
    separators.flatMap((by) => [
      `${Array(times).fill('..').join(by)}${by}canary.txt`,
      `reports${by}${Array(times + 1)
        .fill('..')
        .join(by)}${by}canary.txt`,
    ]),
  );
  const controls = [...Array(32).keys(), ...Array.from({ length: 33 }, (_, code) => 127 + code)];
  return [
    ...up,
    ...controls.map((code) => `note${String.fromCodePoint(code)}.txt`),
    ...invisible.flatMap((sign) => [`note${sign}.txt`, `.${sign}./canary.txt`]),
    ...devices.flatMap((name) => [name, `reports/${name}`, `${name}.txt`, `${name} .tar.gz`]),
    ...absolute(root),
    ...windows,
    ...shapes,
  ];
}

/** Ways of writing that are plain names to a file system: they may be read and written, inside. */
export const literalPaths: readonly string[] = [
  ...['%2e%2e/canary.txt', '%2e%2e%2fcanary.txt', '..%2fcanary.txt', '%252e%252e%252fcanary.txt'],
  ...[
    '..%c0%afcanary.txt',
    '%c0%ae%c0%ae/canary.txt',
    '..%00/canary.txt',
    '%00',
    '%2fetc%2fpasswd',
  ],
  ...['．．/canary.txt', '‥/canary.txt', '․․/canary.txt', '..∕canary.txt', '..／canary.txt'],
  ...['..⁄canary.txt', '..＼canary.txt', '...a/canary.txt', '..a/canary.txt'],
  ...[
    '$HOME/canary.txt',
    '$'.concat('{HOME}/canary.txt'),
    '`pwd`/canary.txt',
    '$(pwd)/canary.txt',
    '*/canary.txt',
  ],
  ...[
    'file;cat canary.txt',
    'a|b',
    'a&b',
    '<note.txt',
    '-rf',
    '--help',
    '@note.txt',
    '#',
    '?',
    '%USERPROFILE%',
  ],
  ...['PROGRA~1/canary.txt', 'canary.txt~', '.git/config', '.env', 'proc/self/environ', 'dev/null'],
  ...[
    'etc/passwd',
    'constable.txt',
    'nulls',
    'com10',
    'auxiliary/note.txt',
    'É',
    'é',
    '１',
    'ſ',
    'ﬁ',
  ],
];

function absolute(root: string): string[] {
  return [
    ...['/', '//', '/.', '/..', '/etc/passwd', '/proc/self/environ', '/proc/self/root/etc/passwd'],
    ...['/dev/null', '/dev/zero', '/dev/stdin', '/dev/fd/0', '//etc/passwd', '///etc/passwd'],
    ...['canary.txt', 'outside/canary.txt', 'files/2/canary.txt', 'files/1/note.txt'].map((file) =>
      join(root, file),
    ),
    ...[
      `file://${root}/canary.txt`,
      `/./${root}/canary.txt`,
      '~',
      '~/canary.txt',
      '~root/canary.txt',
    ],
  ];
}

const windows: readonly string[] = [
  ...[
    'C:',
    'C:/',
    'C:\\',
    'c:canary.txt',
    'C:..\\canary.txt',
    'z:/canary.txt',
    '1:/a',
    'C:/canary.txt',
  ],
  ...[
    '\\canary.txt',
    '\\\\server\\share\\canary.txt',
    '//server/share/canary.txt',
    '\\\\?\\C:\\canary.txt',
  ],
  ...[
    '\\\\.\\PhysicalDrive0',
    '//./pipe/canary',
    '//?/C:/canary.txt',
    '\\??\\C:\\canary.txt',
    '\\\\?\\UNC\\s\\x',
  ],
  ...[
    'note.txt:stream',
    'note.txt::$DATA',
    ':note',
    'reports::$INDEX_ALLOCATION/june.txt',
    'a:b/c',
  ],
  ...[
    'note.txt.',
    'note.txt ',
    'note.txt. .',
    'reports./june.txt',
    'reports /june.txt',
    '.. /canary.txt',
  ],
  ...['... /canary.txt', '.. ./canary.txt', '...', '....', '.../canary.txt', '..../canary.txt'],
];

const shapes: readonly string[] = [
  ...[
    'reports/',
    'reports//june.txt',
    './note.txt',
    'reports/./june.txt',
    'reports/.',
    './/note.txt',
    './',
  ],
  ...[
    '..',
    'reports/..',
    'reports/../note.txt',
    'reports/../../1/note.txt',
    '../1/note.txt',
    '../2/canary.txt',
  ],
  ...[
    'note.txt\u0000',
    'note.txt\u0000.png',
    '\u0000',
    '../canary.txt\u0000.txt',
    'reports/\u0000/june.txt',
  ],
  ...[
    '\uD800',
    'note\uDC00.txt',
    '\uD83D/x',
    '.tutti-x',
    'reports/.tutti-0',
    '.TUTTI-x',
    '.tutti-/june.txt',
  ],
  ...[
    'a'.repeat(256),
    `reports/${'b'.repeat(256)}`,
    'é'.repeat(128),
    'x/'.repeat(600),
    'c'.repeat(100_000),
  ],
  ...[
    `${'d/'.repeat(32)}x`,
    `${'d/'.repeat(40)}x`,
    `${'../'.repeat(400)}etc/passwd`,
    `${'e'.repeat(250)}/`.repeat(4),
  ],
];
