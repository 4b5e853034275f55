import { EngineError } from '../../base/errors.ts';

// No controls, nothing invisible: two names that look the same are the same, or are no names.
const name = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._@+'-]{0,99}$/u;

/**
 * The person behind an id, as people are compared: without the door that they came through (`cli:`), whatever the case. An account of
 * the command line and the same name given with `--as` are one person.
 */
export function personOf(id: string): string {
  return id
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/^(cli:)+/, '');
}

/** A person's name that somebody has written. @throws INPUT_INVALID */
export function readPerson(text: string): string {
  const person = personOf(text);
  if (name.test(person)) return person;
  throw new EngineError(
    'INPUT_INVALID',
    `${JSON.stringify(text.slice(0, 100))} is no person's name; write letters, digits, spaces and . _ @ + ' - only, at most 100.`,
  );
}
