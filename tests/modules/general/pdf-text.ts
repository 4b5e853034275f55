import { inflateSync } from 'node:zlib';

/** What a PDF holds, as far as a test asks. */
export interface ReadPdf {
  readonly pages: number;
  /** The text of each page's content, by hexadecimal strings as the writer lays them down. */
  readonly texts: readonly string[];
  /** Whether each object lies where the table of references says. */
  readonly isSound: boolean;
}

/** Reads a PDF of the writer's own kind: a plain table of references, streams compressed with Flate, text as hexadecimal strings. */
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
  const texts = [...file.matchAll(/\/Filter \/FlateDecode\s*>>\s*stream\n/g)].map((found) => {
    const from = found.index + found[0].length;
    const to = file.indexOf('\nendstream', from);
    return textIn(inflateSync(Buffer.from(file.slice(from, to), 'latin1')).toString('latin1'));
  });
  const pages = [...file.matchAll(/\/Type \/Page\b(?!s)/g)].length;
  return { pages, texts: texts.filter((text) => text !== ''), isSound };
}

/** Each TJ is a line; numbers between its strings move letters closer. */
function textIn(content: string): string {
  const lines = [...content.matchAll(/\[([^\]]*)\] TJ/g)].map(([, line = '']) =>
    [...line.matchAll(/<([0-9a-f]*)>/g)]
      .map(([, hex = '']) => Buffer.from(hex, 'hex').toString('latin1'))
      .join(''),
  );
  return lines.join('\n');
}
