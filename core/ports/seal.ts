import { createHash } from 'node:crypto';
import { EngineError } from '../base/errors.ts';
import { keyBytes, keyFrom, openedAt, sealedFor } from './aead.ts';
import { readSecret, type SecretPlace } from './secret.ts';

/** A secret as the database holds it. */
export interface Sealed {
  /** The key that it is sealed under; null: it lies there as it is. */
  readonly keyId: string | null;
  readonly body: Buffer;
}

/** Seals what this installation has to be able to read again, such as the secrets that it signs with, before it is stored. */
export interface Seal {
  /** What is sealed from now on is sealed under this key; null: there is none, and secrets are stored as they are. */
  readonly keyId: string | null;
  /** `place`: the row that it goes to, so that it opens nowhere else. */
  seal(secret: Buffer, place: string): Sealed;
  /** @throws CONFIG_INVALID when its key is not there, or when it was sealed for another place or altered */
  open(sealed: Sealed, place: string): Buffer;
}

/** Where the keys are: one or more, the first of which seals. */
export const sealVariable = 'TUTTI_SECRETS_KEY';

/**
 * Opens the keys of an environment: `TUTTI_SECRETS_KEY`, or the file that `TUTTI_SECRETS_KEY_FILE` names, holds keys of 32 bytes in base64,
 * apart from each other by white space or commas. The first seals, all open, so that keys can be changed. Without any, secrets are stored
 * as they are. @throws CONFIG_INVALID for anything else
 */
export function openSeal(env: SecretPlace): Seal {
  const keys = (readSecret(sealVariable, env) ?? '').split(/[\s,]+/).filter((text) => text !== '');
  return sealOf(new Map(keys.map(keyOf).map((key) => [idOf(key), key])));
}

function sealOf(keys: ReadonlyMap<string, Buffer>): Seal {
  const [[keyId, own] = [null, null]] = keys;
  return {
    keyId,
    seal(secret, place) {
      if (own === null) return { keyId: null, body: secret };
      return { keyId, body: sealedFor(place, secret, own) };
    },
    open({ keyId: id, body }, place) {
      if (id === null) return body;
      const key = keys.get(id);
      if (!key)
        throw unreadable(
          `A secret is sealed under key '${id}', which ${sealVariable} does not hold; add it.`,
        );
      try {
        return openedAt(place, body, key);
      } catch (cause) {
        throw unreadable(
          `A secret that is sealed under key '${id}' was altered; make a new one.`,
          cause,
        );
      }
    },
  };
}

/** Its value is told to nobody, and so is nothing of it. */
function keyOf(text: string): Buffer {
  const key = keyFrom(text);
  if (key) return key;
  throw unreadable(
    `${sealVariable} has to hold keys of ${keyBytes} bytes in base64, as \`openssl rand -base64 ${keyBytes}\` makes one; one of them is not.`,
  );
}

/** Tells keys apart, and nothing about them. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('tutti secrets key\n').update(key).digest('hex').slice(0, 16);
}

function unreadable(message: string, cause?: unknown): EngineError {
  return new EngineError('CONFIG_INVALID', message, { cause });
}
