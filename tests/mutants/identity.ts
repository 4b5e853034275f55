import type { Mutant } from './mutant.ts';

const reads = 'tests/ports/db/tenant-reads.test.ts';
const keys = 'tests/service/identity/keys.test.ts';
const issuers = 'tests/service/identity/issuers.test.ts';
const matrix = 'tests/service/identity/auth-matrix.test.ts';
const callers = 'tests/service/identity/identify.test.ts';
const sessions = 'tests/service/identity/sessions.test.ts';
const sessionRoutes = 'tests/service/identity/session-routes.test.ts';
const grants = 'tests/service/identity/grant.test.ts';
const database = 'tests/ports/db/cross-tenant.test.ts';

/** Who calls, what they may do, and whose rows they see. */
export const identity: readonly Mutant[] = [
  {
    id: 'a-prefix-is-enough',
    file: 'core/service/identity/check-key.ts',
    find: 'if (key.prefix === prefix) return isKeyOf(key.hash, text);',
    replace: 'if (key.prefix === prefix) return true;',
    tests: [keys],
  },
  {
    id: 'the-old-text-works-for-ever',
    file: 'core/service/identity/check-key.ts',
    find: 'const isOver = key.old_until === null || isPast(key.old_until, this.#clock.now());',
    replace: 'const isOver = key.old_until === null;',
    tests: [keys],
  },
  {
    id: 'revoked-keys-live-on-for-two-seconds',
    file: 'core/service/identity/check-key.ts',
    find: 'const rememberedMs = 500;',
    replace: 'const rememberedMs = 2_000;',
    tests: [keys],
  },
  {
    id: 'tokens-of-any-kind-count',
    file: 'core/service/identity/tokens.ts',
    find: '...(terms.typ !== undefined && { typ: terms.typ }),',
    replace: '',
    tests: [matrix],
  },
  {
    id: 'tokens-for-anybody-count',
    file: 'core/service/identity/tokens.ts',
    find: 'audience: terms.audience,',
    replace: '',
    tests: [matrix],
  },
  {
    id: 'a-token-makes-owners',
    file: 'core/service/identity/issuers.ts',
    find: "return name === 'owner' ? undefined : name;",
    replace: 'return name;',
    tests: [issuers],
  },
  {
    id: 'tokens-taken-back-count',
    file: 'core/service/identity/issuers.ts',
    find: 'if (id !== undefined && (await this.#parts.denied.isDenied({ tenantId, issuer, id })))',
    replace: 'if (id === null)',
    tests: [issuers],
  },
  {
    id: 'a-stolen-cookie-is-enough',
    file: 'core/service/identity/session-cookie.ts',
    find: 'if (sent.length === own.length && timingSafeEqual(sent, own)) return;',
    replace: 'if (sent.length >= 0 || timingSafeEqual(sent, own)) return;',
    tests: [sessionRoutes],
  },
  {
    id: 'a-session-outlives-its-key',
    file: 'core/service/identity/session-row.ts',
    find: 'if (key === null || key.revokedAt !== null) return false;',
    replace: 'if (key === null) return false;',
    tests: [sessions],
  },
  {
    id: 'a-stream-outlives-its-reader',
    file: 'core/service/identity/watch.ts',
    find: 'if (open && !isLetIn(open.proof, row, judged)) open.ending.abort();',
    replace: 'if (open && row.suspendedAt !== null) open.ending.abort();',
    tests: ['tests/service/identity/watch.test.ts'],
  },
  {
    id: 'a-wrong-key-is-the-owner',
    file: 'core/service/identity/identify.ts',
    find: "if (identity) return identity.knownBy(authorization, request.ip ?? '');",
    replace:
      "if (identity) return identity.knownBy(authorization, request.ip ?? '').catch(async () => ({ principal: await identity.local(), proof: null }));",
    tests: [callers],
  },
  {
    id: 'a-proxy-makes-owners',
    file: 'core/service/identity/identify.ts',
    find: 'if (keysOnly || !isFromHere(request)) throw unknownCaller();',
    replace: 'if (keysOnly) throw unknownCaller();',
    tests: [callers],
  },
  {
    id: 'everybody-may-listen-everywhere',
    file: 'core/service/api/app.ts',
    find: 'if (!isLoopback(host) && app.locals.keysOnly !== true)',
    replace: 'if (host === null)',
    tests: [callers],
  },
  {
    id: 'owners-decide-as-anybody',
    file: 'core/service/identity/grant.ts',
    find: 'if (key.person === null || isPerson(maker, key.person)) return;',
    replace: 'if (maker) return;',
    tests: [grants],
  },
  {
    id: 'an-open-policy-is-none',
    file: 'core/ports/db/tenancy.ts',
    find: 'AND pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid)) <> 1',
    replace: ') <> 1',
    tests: [database],
  },
  {
    id: 'a-read-is-of-the-first-tenant',
    file: 'core/ports/db/tenant-reads.ts',
    find: 'read.setting === oldest?.setting ?',
    replace: 'next !== passed ?',
    tests: [reads, 'tests/ports/db/row-security.test.ts'],
  },
  {
    id: 'a-read-waits-three-times',
    file: 'core/ports/db/tenant-reads.ts',
    find: 'stream.cork();',
    replace: '',
    tests: [reads],
  },
  {
    id: 'a-read-fails-with-its-neighbour',
    file: 'core/ports/db/tenant-reads.ts',
    find: 'code === failedBefore) again.push(read);',
    replace: "code === 'none') again.push(read);",
    tests: [reads],
  },
];
