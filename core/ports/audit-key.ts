import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { readSecret } from './secret.ts';

/** Where the key is that signs the audit log. */
export interface AuditKeyPlace {
  readonly dataFolder: string;
  /** `TUTTI_AUDIT_KEY`, or the file that `TUTTI_AUDIT_KEY_FILE` names, has it instead: PKCS #8, as PEM or as the same DER in base64. @default the process's */
  readonly env?: NodeJS.ProcessEnv;
}

/** An Ed25519 key pair. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo in DER, hex. */
  readonly publicKey: string;
}

const fileName = 'audit-key.pem';
const variable = 'TUTTI_AUDIT_KEY';

/** The key of this installation; null while none has been made. @throws CONFIG_INVALID · DATA_FOLDER */
export async function readAuditKey(place: AuditKeyPlace): Promise<SigningKey | null> {
  const given = readSecret(variable, place.env ?? process.env);
  if (given) return keyOf(given, variable);
  const path = join(place.dataFolder, fileName);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw unusable(path, error);
  });
  return text === null ? null : keyOf(text, path);
}

/** The same; it is made where there is none, in a file that only this user may read. Two who make it at once have the same. @throws CONFIG_INVALID · DATA_FOLDER */
export async function openAuditKey(place: AuditKeyPlace): Promise<SigningKey> {
  const known = await readAuditKey(place);
  if (known) return known;
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
  const path = join(place.dataFolder, fileName);
  const draft = `${path}.${newId()}`;
  try {
    await mkdir(place.dataFolder, { recursive: true, mode: 0o700 });
    await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true });
    // Whatever the umask is.
    await chmod(draft, 0o600);
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await unlink(draft);
  } catch (error) {
    throw unusable(path, error as Error);
  }
  return (await readAuditKey(place)) as SigningKey;
}

/** @throws CONFIG_INVALID */
function keyOf(text: string, place: string): SigningKey {
  const message = `${place} holds no Ed25519 key in PKCS #8; make one with: openssl genpkey -algorithm ed25519`;
  const privateKey = parsed(text, message);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new EngineError('CONFIG_INVALID', message);
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: der.toString('hex') };
}

function parsed(text: string, message: string): KeyObject {
  try {
    return text.startsWith('-----')
      ? createPrivateKey(text)
      : createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new EngineError('CONFIG_INVALID', message, { cause });
  }
}

function unusable(path: string, cause: Error): EngineError {
  const message = `The key that signs the audit log cannot be kept in ${path}: ${cause.message}; give it in ${variable} instead.`;
  return new EngineError('DATA_FOLDER', message, { cause });
}
