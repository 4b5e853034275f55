import { createHash, createHmac, randomBytes } from 'node:crypto';

const secretBytes = 32;
const form = /^tutti_session_[\w-]{43}$/;

/** Makes what the cookie of a session holds: 256 random bits, behind a word by which they are known and taken out of whatever is told. */
export function makeSessionSecret(): string {
  return `tutti_session_${randomBytes(secretBytes).toString('base64url')}`;
}

/** Whether a text can be what a cookie holds. */
export function isSessionSecret(text: string): boolean {
  return form.test(text);
}

/** What a session is found by. One SHA-256 is enough, as for keys: nobody guesses 256 random bits. */
export function hashOfSession(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/**
 * What a page shows with whatever it changes: a page of another origin makes a browser send the cookie, but cannot read this. Made of the
 * secret, so that nobody keeps it; who has it cannot compute the secret.
 */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('tutti csrf').digest('base64url');
}
