import type { Mutant } from './mutant.ts';

const deliveries = 'tests/service/webhooks/deliveries.test.ts';
const atLeastOnce = 'tests/service/webhooks/at-least-once.test.ts';
const sealed = 'tests/service/webhooks/sealed.test.ts';
const seal = 'tests/ports/seal.test.ts';

/** Webhooks out: what is told, how often, signed with what, and how that is kept. */
export const webhooks: readonly Mutant[] = [
  {
    id: 'a-redirect-is-a-success',
    file: 'core/service/webhooks/retry.ts',
    find: "if (status >= 200 && status < 300) return 'delivered';",
    replace: "if (status >= 200 && status < 400) return 'delivered';",
    tests: [deliveries],
  },
  {
    id: 'a-rotated-secret-signs-no-more',
    file: 'core/service/webhooks/claims.ts',
    find: 'AND (expires_at IS NULL OR expires_at > $2)',
    replace: 'AND expires_at IS NULL AND $2::timestamptz IS NOT NULL',
    tests: [deliveries],
  },
  {
    id: 'an-endpoint-gets-more-at-once-than-it-allows',
    file: 'core/service/webhooks/claims.ts',
    find: 'greatest(0, w.concurrency - coalesce(',
    replace: 'greatest(0, w.concurrency - 0 * coalesce(',
    tests: [deliveries],
  },
  {
    id: 'what-a-dead-engine-has-claimed-is-its-own-for-ever',
    file: 'core/service/webhooks/claims.ts',
    find: '(d.claimed_until IS NULL OR d.claimed_until <= $NOW)',
    replace: 'd.claimed_until IS NULL',
    tests: [atLeastOnce],
  },
  {
    id: 'a-suspended-tenant-tells-its-endpoints',
    file: 'core/service/webhooks/claims.ts',
    find: 'w.disabled_at IS NULL AND NOT $',
    replace: 'w.disabled_at IS NULL OR NOT $',
    tests: [deliveries],
  },
  {
    id: 'a-taken-delivery-goes-on',
    file: 'core/service/webhooks/claims.ts',
    find: "outcome.kind === 'delivered' ? 'delivered' :",
    replace: '',
    tests: [deliveries],
  },
  {
    id: 'a-secret-is-stored-as-it-is',
    file: 'core/service/webhooks/endpoints.ts',
    find: 'const { body, keyId } = sealed(this.#parts.seal, place, made.secret);',
    replace: 'const { body, keyId } = { body: made.secret, keyId: null };',
    tests: [sealed],
  },
  {
    id: 'an-older-key-is-never-replaced',
    file: 'core/service/webhooks/sealed.ts',
    find: 'WHERE key_id IS DISTINCT FROM $1 FOR UPDATE',
    replace: 'WHERE key_id IS NULL AND $1::text IS NOT NULL FOR UPDATE',
    tests: [sealed],
  },
  {
    id: 'one-secret-that-cannot-be-read-holds-everybody-up',
    file: 'core/service/webhooks/claims.ts',
    find: 'return error as Error;',
    replace: 'throw error;',
    tests: [sealed],
  },
  {
    id: 'keys-of-any-length-seal',
    file: 'core/ports/aead.ts',
    find: 'return key.length === keyBytes && /^[\\w+/-]{43}=?$/.test(text) ? key : null;',
    replace: 'return key.length > 0 ? key : null;',
    tests: [seal],
  },
];
