import { isDeeperJson } from './nesting.ts';

/**
 * Data as JSON has it: what comes from anybody's code must be such that it can be sent and stored. What JSON has no word for is left out, a large
 * integer is its text; null where it holds itself, is nested too deep, or cannot be read.
 */
export function toPlainData(value: unknown): unknown {
  const json = toPlainJson(value);
  return json === null ? null : JSON.parse(json);
}

/** The same as JSON. */
export function toPlainJson(value: unknown): string | null {
  try {
    const json = JSON.stringify(value, (_name, member: unknown) =>
      typeof member === 'bigint' ? String(member) : member,
    );
    return json === undefined || isDeeperJson(json) ? null : json;
  } catch {
    return null;
  }
}
