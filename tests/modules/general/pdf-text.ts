import { inflateSync } from 'node:zlib';

/** What a PDF holds, as far as a test asks. */
export interface ReadPdf {
  readonly pages: number;
  /** The text of each page's content, as its fonts say that it reads; each string that the writer lays down is a line. */
  readonly texts: readonly string[];
  /** Whether each object lies where the table of references says. */
  readonly isSound: boolean;
}

/** By glyph, four hexadecimal digits: the characters that it stands for. */
type Letters = ReadonlyMap<string, string>;

/** Reads a PDF of the writer's own kind: a plain table of references, streams compressed with Flate, text as glyphs of embedded fonts. */
export function readPdf(bytes: Uint8Array): ReadPdf {
  const file = Buffer.from(bytes).toString('latin1');
  const start = Number(/startxref\s+(\d+)\s+%%EOF\s*$/.exec(file)?.[1] ?? -1);
  const offsets = [...file.slice(start).matchAll(/^(\d{10}) 00000 n/gm)].map(([, at]) =>
    Number(at),
  );
  const isSound =
    file.startsWith('%PDF-1.') &&
    file.startsWith('xref', start) &&
    offsets.length > 0 &&
    offsets.every((at, index) => file.startsWith(`${index + 1} 0 obj`, at));
  const fonts = new Map(
    [...file.matchAll(/\/(F\d+) (\d+) 0 R/g)].map(([, name = '', id]) => [
      name,
      lettersOf(file, offsets[Number(id) - 1] ?? -1, offsets),
    ]),
  );
  const pages = [...file.matchAll(/\/Type \/Page\b(?!s)[^>]*?\/Contents (\d+) 0 R/gs)];
  const texts = pages.map(([, id]) => textIn(streamAt(file, offsets[Number(id) - 1] ?? -1), fonts));
  return { pages: pages.length, texts, isSound };
}

function streamAt(file: string, at: number): string {
  const from = file.indexOf('stream\n', at) + 'stream\n'.length;
  const to = file.indexOf('\nendstream', from);
  return inflateSync(Buffer.from(file.slice(from, to), 'latin1')).toString('latin1');
}

/** PDF 32000-1:2008, 9.10.3: each range gives for its glyphs, one by one, UTF-16 in hexadecimal. */
function lettersOf(file: string, at: number, offsets: readonly number[]): Letters {
  const id = /\/ToUnicode (\d+) 0 R/.exec(file.slice(at, file.indexOf('endobj', at)))?.[1];
  const ranges = streamAt(file, offsets[Number(id) - 1] ?? -1).matchAll(
    /<([0-9a-f]{4})> <[0-9a-f]{4}> \[([^\]]*)\]/g,
  );
  return new Map(
    [...ranges].flatMap(([, first = '', entries = '']) =>
      [...entries.matchAll(/<([^>]*)>/g)].map(([, codes = ''], index) => {
        const glyph = (Number.parseInt(first, 16) + index).toString(16).padStart(4, '0');
        const units = codes.split(' ').map((code) => Number.parseInt(code, 16));
        return [glyph, String.fromCharCode(...units)] as const;
      }),
    ),
  );
}

/** Each TJ is a line; numbers between its strings move letters closer. */
function textIn(content: string, fonts: ReadonlyMap<string, Letters>): string {
  let letters: Letters = new Map();
  const lines: string[] = [];
  for (const [, name, line = ''] of content.matchAll(/\/(F\d+) [\d.]+ Tf|\[([^\]]*)\] TJ/g)) {
    if (name !== undefined) letters = fonts.get(name) ?? new Map();
    else {
      const glyphs = [...line.matchAll(/<([0-9a-f]*)>/g)].flatMap(
        ([, hex = '']) => hex.match(/.{4}/g) ?? [],
      );
      lines.push(glyphs.map((glyph) => letters.get(glyph) ?? '\ufffd').join(''));
    }
  }
  return lines.join('\n');
}
