import { toVisible } from '../../base/text.ts';

/** The longest that a server's words get into an error. */
const longestWords = 2_000;

/** A stranger's words, as they may stand in an error: visible, and not endless. */
export function wordsOf(text: string): string {
  const words = toVisible(text).trim();
  return words.length > longestWords ? `${words.slice(0, longestWords)}…` : words;
}
