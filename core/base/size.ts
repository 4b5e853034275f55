import { valuesIn } from './nesting.ts';

/** How large data may be. */
export interface Largest {
  /** Of its JSON, UTF-8. */
  readonly bytes: number;
  /** Lists and objects among them. */
  readonly values: number;
}

/** What JSON without spaces has too much of, in words: `has 5 bytes of JSON, where 4 are allowed`. Null: nothing. */
export function excessOf(json: string, largest: Largest): string | null {
  const bytes = Buffer.byteLength(json);
  if (bytes > largest.bytes)
    return `has ${bytes} bytes of JSON, where ${largest.bytes} are allowed`;
  // Each value has a byte, and one that stands between it and the next.
  const values = bytes > 2 * largest.values ? valuesIn(json) : 0;
  return values > largest.values
    ? `has ${values} values, where ${largest.values} are allowed`
    : null;
}
