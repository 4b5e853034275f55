import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import type { HookVerification } from '../../ports/hooks-config.ts';

/** A post as it came, not yet believed. */
export interface Post {
  /** Lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The bytes that were sent; nobody has parsed them. */
  readonly body: Buffer;
  /** When it came, ms since the epoch. */
  readonly now: number;
}

/** Whether a post is its source's; `id` is what the scheme itself calls the message by. */
export type Verdict =
  | { readonly kind: 'genuine'; readonly id: string | null }
  | { readonly kind: 'refused'; readonly why: string };

/** Tells the posts of one source from all others, before anybody parses them. */
export type Verify = (post: Post) => Verdict;

/** How far a post's time may lie from ours, either way, inclusive. Standard Webhooks 1.0, "Verifying webhook authenticity". */
const toleranceMs = 300_000;

/** Makes the verifier of a source; any of the secrets may be the one that was used. */
export function verifierOf(verification: HookVerification, secrets: readonly string[]): Verify {
  switch (verification.kind) {
    case 'standard-webhooks':
      return standardWebhooks(secrets);
    case 'frappe':
      return hmac({ header: 'x-frappe-webhook-signature', encoding: 'base64' }, secrets);
    case 'hmac':
      return hmac(verification, secrets);
    case 'token':
      return token(verification, secrets);
  }
}

type Library = typeof import('standardwebhooks');

/**
 * Standard Webhooks 1.0: `id.timestamp.body` under HMAC-SHA256, several signatures and several keys while they are rotated. The time is
 * compared to the millisecond, by our clock.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
function standardWebhooks(secrets: readonly string[]): Verify {
  // Whoever receives nothing of the kind need not load it, and nobody need wait for it.
  const { Webhook } = createRequire(import.meta.url)('standardwebhooks') as Library;
  const keys = secrets.map((secret) => new Webhook(secret));
  return ({ headers, body, now }) => {
    const id = headers['webhook-id'];
    const given = headers['webhook-signature'];
    const seconds = headers['webhook-timestamp'];
    if (!id || !given || !seconds)
      return refused('has no webhook-id, webhook-timestamp or webhook-signature');
    const at = timeOf(seconds, 's');
    if (at === null) return refused('has a webhook-timestamp that is no time');
    if (!isNear(at, now)) return refused('was not sent within the last five minutes');
    const signatures = given.split(' ');
    const expected = keys.map((key) => key.sign(id, new Date(at), body));
    const isGenuine = countOf(expected, (each) => signatures.filter((one) => isSame(one, each)));
    return isGenuine ? { kind: 'genuine', id } : refused('has no signature that fits');
  };
}

type Signed = Omit<Extract<HookVerification, { kind: 'hmac' }>, 'kind' | 'secretEnv'>;

function hmac(signed: Signed, secrets: readonly string[]): Verify {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', signs = '{body}' } = signed;
  const header = signed.header.toLowerCase();
  const parts = signs.split(/(\{body\}|\{timestamp\})/);
  return ({ headers, body, now }) => {
    const text = headers[header];
    if (!text?.startsWith(prefix)) return refused(`has no signature in ${header}`);
    const sent = signed.timestamp ? (headers[signed.timestamp.header.toLowerCase()] ?? '') : '';
    if (signed.timestamp) {
      const at = timeOf(sent, signed.timestamp.unit ?? 's');
      if (at === null) return refused('has no time that can be read');
      if (!isNear(at, now)) return refused('was not sent within the last five minutes');
    }
    const given = text.slice(prefix.length).trim();
    const isGenuine = countOf(secrets, (secret) => {
      const mac = createHmac(algorithm, secret);
      for (const part of parts)
        mac.update(part === '{body}' ? body : part === '{timestamp}' ? sent : part);
      // Hexadecimal is the same in capitals; base64 is not.
      return isSame(encoding === 'hex' ? given.toLowerCase() : given, mac.digest(encoding))
        ? [secret]
        : [];
    });
    return isGenuine ? { kind: 'genuine', id: null } : refused('has no signature that fits');
  };
}

type Token = Extract<HookVerification, { kind: 'token' }>;

function token({ header, query = 'token' }: Token, secrets: readonly string[]): Verify {
  const digests = secrets.map(digest);
  return ({ headers, query: asked }) => {
    const given =
      header === undefined
        ? asked.get(query)
        : headers[header.toLowerCase()]?.replace(/^Bearer /i, '');
    if (!given) return refused(`has no token in ${header ?? `the parameter '${query}'`}`);
    const own = digest(given);
    const isGenuine = countOf(digests, (each) => (timingSafeEqual(each, own) ? [each] : []));
    return isGenuine ? { kind: 'genuine', id: null } : refused('has a token that does not fit');
  };
}

/** Whether any fits; all are tried, so that the time that it takes does not tell which. */
function countOf<T>(all: readonly T[], fits: (each: T) => readonly unknown[]): boolean {
  return all.reduce((count, each) => count + fits(each).length, 0) > 0;
}

function isSame(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function isNear(at: number, now: number): boolean {
  return Math.abs(now - at) <= toleranceMs;
}

/** Whole seconds or milliseconds since the epoch; null for anything else. */
function timeOf(text: string, unit: 's' | 'ms'): number | null {
  if (!/^\d{1,14}$/.test(text)) return null;
  return Number(text) * (unit === 's' ? 1_000 : 1);
}

/** Texts of any length as texts of one length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refused(why: string): Verdict {
  return { kind: 'refused', why };
}
