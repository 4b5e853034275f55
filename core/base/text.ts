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
    return toVisible(text.#value);
  }
}

// What Unicode 17 calls default-ignorable (tag characters, variation selectors, zero-width and bidirectional controls, fillers,
// the soft hyphen) and the interlinear marks: a reader's eye passes over them, a model reads them. UTS 55 section 5, UAX 44.
const hidden = /[\p{Default_Ignorable_Code_Point}\u{FFF9}-\u{FFFB}]/gu;

/** A text without invisible and bidirectional control characters: for whatever is read by a model or shown to people. */
export function toVisible(text: string): string {
  return text.replace(hidden, '');
}

/** JSON data, every string and every name of it without such characters. */
export function toVisibleData<T>(data: T): T {
  const json = JSON.stringify(data);
  const visible = json === undefined ? json : toVisible(json);
  return visible === json ? data : (JSON.parse(visible as string) as T);
}

/**
 * The characters of a text, without invisible and bidirectional control characters. For tool handlers: they compute with
 * it and return numbers, codes and ids; what they return as a string counts as system data, so never return the text itself.
 */
export function readText(text: Text): string {
  return Text.read(text);
}

/** The beginning of a text that is too long for a model, with how much is left out. `most`: characters. */
export function beginningOf(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, Math.max(0, most)).toWellFormed();
  return `${kept}\n[cut: ${text.length - kept.length} more characters]`;
}

/** A value of anybody's making as a message names it: text as it is, anything else as JSON; 64 characters of it at most. */
export function namedIn(value: unknown): string {
  return (typeof value === 'string' ? value : toStorableJson(value)).slice(0, 64).toWellFormed();
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
