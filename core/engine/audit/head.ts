import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from '../../base/ids.ts';

/** How far a chain went at a moment. */
export interface Head {
  readonly tenantId: number;
  /** Of the last row; 0 where there was none. */
  readonly seq: number;
  /** Of the last row, hex. */
  readonly hash: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** The same with who vouches for it. */
export interface SignedHead {
  readonly head: Head;
  /** SubjectPublicKeyInfo in DER, hex. */
  readonly publicKey: string;
  /** Hex. */
  readonly signature: string;
}

/** The key of an installation. */
export interface AuditKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo in DER, hex. */
  readonly publicKey: string;
}

/** Ed25519 (RFC 8032) over what the head says, in canonical JSON behind words that no other signature of this key has. */
export function signHead(head: Head, { privateKey, publicKey }: AuditKey): SignedHead {
  const signature = sign(null, signedBytes(head), privateKey).toString('hex');
  return { head, publicKey, signature };
}

/** Whether the key in a head has signed it. Whose key that is, is for its reader to know. */
export function isSigned({ head, publicKey, signature }: SignedHead): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(publicKey, 'hex'),
      format: 'der',
      type: 'spki',
    });
    return (
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, signedBytes(head), key, Buffer.from(signature, 'hex'))
    );
  } catch {
    return false;
  }
}

/** What people compare keys by: the first 16 hex digits of the SHA-256 of the public key. */
export function keyIdOf(publicKey: string): string {
  const der = Buffer.from(publicKey, 'hex');
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function signedBytes(head: Head): Buffer {
  return Buffer.from(`tutti audit head\n${canonicalJson(head)}`);
}
