import { EngineError } from '../../base/errors.ts';
import { personOf } from '../../base/person.ts';

// No controls, nothing invisible: two names that look the same are the same, or are no names.
const name = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._@+'-]{0,99}$/u;

/** A person's name that somebody has written. @throws INPUT_INVALID */
export function readPerson(text: string): string {
  const person = personOf(text);
  if (name.test(person)) return person;
  throw new EngineError(
    'INPUT_INVALID',
    `${JSON.stringify(text.slice(0, 100))} is no person's name; write letters, digits, spaces and . _ @ + ' - only, at most 100.`,
  );
}
