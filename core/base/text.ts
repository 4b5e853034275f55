import { inspect } from 'node:util';

/**
 * Free text of a record (a memo, a vendor's name, a CV): opaque, because anybody outside may have written it.
 *
 * It is not a string, prints as its length, and turns into JSON as a placeholder, so it cannot slip into a prompt, a log
 * or the journal. A tool handler reads it with `readText`; a model sees it only through a tool that says `reveals`.
 */
export class Text {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Number of characters (UTF-16 code units). */
  get length(): number {
    return this.#value.length;
  }

  toJSON(): string {
    return `[text of ${this.#value.length} characters]`;
  }

  toString(): string {
    return this.toJSON();
  }

  [inspect.custom](): string {
    return this.toJSON();
  }

  static read(text: Text): string {
    return text.#value.replace(hidden, '');
  }
}

// Tag characters, variation selectors, zero-width and bidirectional controls: they hide instructions from a reader's eye.
// Unicode 17, TR 36 section 3; the ranges are those of docs/architecture.md "Untrusted text".
const hidden =
  /[\u{FE00}-\u{FE0F}\u{E0000}-\u{E007F}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{2069}\u{FEFF}]/gu;

/**
 * The characters of a text, without invisible and bidirectional control characters. For tool handlers: they compute with
 * it and return numbers, codes and ids; what they return as a string counts as system data, so never return the text itself.
 */
export function readText(text: Text): string {
  return Text.read(text);
}

/** Text that every store takes: NUL and lone surrogates, which PostgreSQL refuses, become U+FFFD. */
export function toStorableText(value: string): string {
  return value.toWellFormed().replaceAll('\u0000', '\uFFFD');
}

/**
 * JSON that every store takes, by the same rule.
 * @throws TypeError for what JSON cannot hold
 */
export function toStorableJson(value: unknown): string {
  const json = JSON.stringify(value ?? null) ?? 'null';
  return json.includes('\\u')
    ? json.replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (all, what: string) =>
        what.length > 1 ? '\\ufffd' : all,
      )
    : json;
}
