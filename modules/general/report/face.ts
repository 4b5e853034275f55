import { createRequire } from 'node:module';

/** The names of a document's fonts. */
export const face = { plain: 'plain', bold: 'bold' } as const;

/**
 * Where the fonts of a PDF are. DejaVu Sans Condensed is as wide as the Helvetica of old forms, and has the same letters in both weights;
 * of each, a document holds those that it uses. https://dejavu-fonts.github.io
 */
export function fontFiles(): Readonly<Record<keyof typeof face, string>> {
  const require = createRequire(import.meta.url);
  return {
    plain: require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf'),
    bold: require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf'),
  };
}
