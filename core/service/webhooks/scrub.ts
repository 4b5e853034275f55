const shown = 200;

/** What a stranger's answer may hold and a log may not: addresses, account and other long numbers, whatever looks like a key. */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/[\w.+%-]+@[\w-]+(\.[\w-]+)+/g, '[mail]'],
  [/\b[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?\b/g, '[account]'],
  [/(?<!\d)\+?\d(?:[ ./-]?\d){7,}/g, '[number]'],
  [/[\w+/=-]{24,}/g, '[token]'],
];

/** The beginning of somebody else's words on one line, without what might be personal or secret. */
export function scrub(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\ufffd]+/gu, ' ').trim();
  return secrets
    .reduce((left, [pattern, word]) => left.replace(pattern, word), line)
    .slice(0, shown);
}
