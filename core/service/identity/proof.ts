import type { Principal } from './principal.ts';

/** What a caller was let in by; each can end while its bearer is still there. */
export type Proof = KeyProof | TokenProof | SessionProof;

/** An API key. */
export interface KeyProof {
  readonly kind: 'key';
  readonly id: string;
  /** Of the text that was shown: the old one of a rotated key ends before the key does. */
  readonly prefix: string;
  /** When that text works no more; null: it does not expire. */
  readonly expiresAt: Date | null;
}

/** A token of an issuer. */
export interface TokenProof {
  readonly kind: 'token';
  readonly issuer: string;
  /** Its `jti`; null: it has none, and nobody can take it back. */
  readonly id: string | null;
  readonly expiresAt: Date;
}

/** A session that was begun with one of them. */
export interface SessionProof {
  readonly kind: 'session';
  readonly id: string;
  /** What a page sends with whatever it changes. */
  readonly csrfToken: string;
}

/** Who calls, and how that is known. */
export interface Known<P extends Proof = Proof> {
  readonly principal: Principal;
  readonly proof: P;
}
