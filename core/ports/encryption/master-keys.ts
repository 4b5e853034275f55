import { createHash } from 'node:crypto';
import { EngineError } from '../../base/errors.ts';
import { keyBytes, keyFrom } from '../aead.ts';
import { readSecret, type SecretPlace } from '../secret.ts';
import type { EncryptionConfig } from './config.ts';

/** A key that data keys are sealed under. */
export interface MasterKey {
  /** Tells keys apart, and nothing about them. */
  readonly id: string;
  readonly key: Buffer;
}

/** The master keys of an installation. */
export interface MasterKeys {
  /** What is sealed from now on is sealed under it. */
  readonly current: MasterKey;
  /** By their ids, with the current one. */
  readonly all: ReadonlyMap<string, MasterKey>;
}

/** Reads the keys that a configuration names. @throws ENCRYPTION_KEY · CONFIG_INVALID for what is no key */
export function readMasterKeys(
  { keyFrom: name, previousFrom = [] }: EncryptionConfig,
  env: SecretPlace,
): MasterKeys {
  const current = readKey(name, env);
  const all = [current, ...previousFrom.map((each) => readKey(each, env))];
  return { current, all: new Map(all.map((each) => [each.id, each])) };
}

/** Its value is told to nobody, and so is nothing of it. */
function readKey(name: string, env: SecretPlace): MasterKey {
  const text = readSecret(name, env);
  if (text === undefined)
    throw new EngineError(
      'ENCRYPTION_KEY',
      `'encryption' names ${name}, which is not set; give the key there, or a file that holds it in ${name}_FILE. Without it nothing encrypted can be read.`,
    );
  const key = keyFrom(text);
  if (key) return { id: idOf(key), key };
  throw new EngineError(
    'CONFIG_INVALID',
    `${name} has to hold ${keyBytes} bytes in base64, as \`openssl rand -base64 ${keyBytes}\` makes them; it does not.`,
  );
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('tutti master key\n').update(key).digest('hex').slice(0, 16);
}
