import { toVisible } from '../../../base/text.ts';

/** Markup that is safe to put into a page as it is. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Part = Html | string | number | false | null | readonly Part[];

/**
 * Makes markup from a template. Every value is escaped unless it is markup itself, so nothing that an agent or a record says
 * can become part of the page; lists are joined, `null` and `false` are left out.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    strings
      .map((text, index) => (index === 0 ? '' : render(parts[index - 1] ?? null)) + text)
      .join(''),
  );
}

function render(part: Part): string {
  if (part === null || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part));
  return part.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return toVisible(text)
    .toWellFormed()
    .replace(/[&<>"']/g, (sign) => entities[sign] as string);
}
