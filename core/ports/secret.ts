import { readFileSync } from 'node:fs';
import { EngineError } from '../base/errors.ts';
import type { Scrubber } from '../base/telemetry/scrub.ts';

/** Where secrets are named: the environment of a process. */
export type SecretPlace = Readonly<Record<string, string | undefined>>;

/** Who is told what has been read, by the environment that it was read from. */
const told = new WeakMap<SecretPlace, Set<Scrubber>>();

/** Lets a scrubber know every secret that is read from an environment from now on, so that none of them leaves the process. */
export function tellSecrets(place: SecretPlace, scrubber: Scrubber): void {
  const known = told.get(place) ?? new Set();
  told.set(place, known.add(scrubber));
}

/**
 * The secret that an environment variable holds or, when it is not set, the file that `NAME_FILE` names: the way of Docker and Kubernetes
 * to hand secrets over. Read again at every call, so that a file may be replaced. Without white space around; undefined: neither is set.
 * @throws CONFIG_INVALID for a file that cannot be read
 */
export function readSecret(name: string, place: SecretPlace): string | undefined {
  const secret = place[name]?.trim() || fileOf(name, place);
  if (!secret) return undefined;
  for (const scrubber of told.get(place) ?? []) scrubber.learn(secret);
  return secret;
}

/** Where a secret is, for people; never what it is. */
export function secretState(name: string, place: SecretPlace): string {
  if (place[name]?.trim()) return '(set)';
  const path = place[`${name}_FILE`]?.trim();
  if (!path) return '(not set)';
  try {
    return fileOf(name, place) ? `(set, by ${path})` : `(not set: ${path} is empty)`;
  } catch {
    return `(not set: ${path} cannot be read)`;
  }
}

function fileOf(name: string, place: SecretPlace): string | undefined {
  const path = place[`${name}_FILE`]?.trim();
  if (!path) return undefined;
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
    throw new EngineError(
      'CONFIG_INVALID',
      `${name}_FILE is '${path}', which cannot be read (${code}); put the secret there, or set ${name}.`,
      { cause },
    );
  }
}
