// What WinAnsiEncoding has beyond Latin-1 (PDF 32000-1:2008, annex D).
const beyondLatin1 = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';
// White space that stands as a plain space, and signs that stand as their nearest.
const near: Readonly<Record<string, string>> = {
  '\u00a0': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u2007': ' ',
  '\u2011': '-',
  '\u2212': '-',
  '\t': ' ',
  '\r': '',
};

/** A text as the standard fonts of a PDF print it: characters of the same look in place of those that they lack. */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u00a0\u2007\u2009\u2011\u202f\u2212\t\r]/g, (each) => near[each] ?? '');
}

const unprintable = new RegExp(`[^\\n\\x20-\\x7e\\u00a1-\\u00ff${beyondLatin1}]`, 'u');

/** The first character of some texts that the standard fonts of a PDF lack, or null. */
export function firstUnprintable(texts: readonly string[]): string | null {
  for (const text of texts) {
    const found = unprintable.exec(printable(text));
    if (found) return found[0];
  }
  return null;
}
