import { EngineError } from '../../base/errors.ts';
import type { Principal } from '../identity/principal.ts';

/** The person who votes when somebody calls, and the door. @throws PERMISSION_DENIED for a program that stands for nobody */
export function voterOf({ actor: { kind, id }, person }: Principal): {
  readonly person: string;
  readonly via: string;
} {
  if (kind === 'person') return { person: id, via: 'api' };
  if (person !== undefined) return { person, via: `${kind}:${id}` };
  throw new EngineError(
    'PERMISSION_DENIED',
    `People decide, and '${id}' stands for nobody; call with a key that stands for one person.`,
  );
}
