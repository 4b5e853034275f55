// What both fonts of a PDF have of the letters that are written from left to right without joining: Latin, Greek, Cyrillic, Armenian and
// Georgian, their marks, currencies and signs. Ranges of code points, hexadecimal. Hebrew and Arabic, which the fonts have too, would
// come out in the wrong order.
const ranges = `20-7e a1-ac ae-2e9 2ec-2ee 2f3 2f7 300-34e 351-353 357-358 35a 35c-362 370-377 37a-37f 384-38a 38c 38e-3a1 3a3-3e1
  3f0-525 531-556 559-55f 561-587 589-58a e3f 10a0-10c5 10d0-10fc 1e00-1efb 1f00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b
  1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3 1fd6-1fdb 1fdd-1fef 1ff2-1ff4 1ff6-1ffe 2010-2027 2030-205e 2070-2071 2074-208e 2090-209c
  20a0-20b5 20b8-20ba 20bd 2100-2109 210b-2149 214b 214e 2150-2185 2189 2190-2311 2318-2319 231c-2321 2460-2469 2500-269c 269e-26b8
  2701-2704 2706-2709 270c-2727 2729-274b 274d 274f-2752 2756 2758-275e 2761-2794 2798-27af 27b1-27be 27f0-27ff 2c60-2c77 fb00-fb06
  fb13-fb17 fffd`;

const classOf = ranges.replace(/[0-9a-f]+/g, '\\u{$&}').replace(/\s+/g, '');
const unprintable = new RegExp(`[^\\n${classOf}]`, 'gu');

/** White space that stands as a plain space, and the hyphen that breaks no line. */
const spaces = /[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]/g;
const hyphen = /\u2011/g;
/** What shows nothing: carriage returns, soft hyphens, joiners, selectors of a sign's form. */
const invisible = /[\r\u00ad\u200b\u2060\ufeff]|\p{Join_Control}|\p{Variation_Selector}/gu;

/** A text as the fonts of a PDF print it: composed, white space plain, without what shows nothing. */
export function printable(text: string): string {
  return text.normalize('NFC').replace(spaces, ' ').replace(hyphen, '-').replace(invisible, '');
}

/** The characters of some texts that a PDF cannot print, each once, in their order. */
export function unprintableIn(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => printable(text).match(unprintable) ?? []))];
}
