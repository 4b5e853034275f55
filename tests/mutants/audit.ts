import type { Mutant } from './mutant.ts';

const append = 'tests/engine/audit/append.test.ts';
const verify = 'tests/engine/audit/verify.test.ts';
const log = 'tests/engine/audit/log.test.ts';
const stores = 'tests/engine/audit/stores.test.ts';

/** The audit log: its chain, what is signed of it, and who stands in it. */
export const audit: readonly Mutant[] = [
  {
    id: 'a-chain-forks',
    file: 'core/ports/db/migrations/0010-audit.sql',
    find: '  PERFORM pg_advisory_xact_lock(1953854561, tenant);\n',
    replace: '',
    tests: [append],
  },
  {
    id: 'a-row-is-taken-at-its-word',
    file: 'core/engine/audit/chain.ts',
    find: "return isHashed(row, expected) ? null : { seq: expected, kind: 'edited', mayBeOrder: false };",
    replace: 'return null;',
    tests: [verify],
  },
  {
    id: 'a-chain-that-was-cut-is-whole',
    file: 'core/engine/audit/verify.ts',
    find: 'return verdict(isSound ? truncated(end, each) : signatureFault(each, options));',
    replace: 'return verdict(isSound ? null : signatureFault(each, options));',
    tests: [verify, log],
  },
  {
    id: 'a-chain-that-was-written-anew-is-whole',
    file: 'core/engine/audit/verify.ts',
    find: "if (each.head.hash !== end.hash.toString('hex')) return verdict(rewritten(each));",
    replace: '',
    tests: [verify],
  },
  {
    id: 'a-head-of-another-tenant-counts',
    file: 'core/engine/audit/verify.ts',
    find: 'return isKnown && signed.head.tenantId === tenantId && isSigned(signed);',
    replace: 'return isKnown && isSigned(signed);',
    tests: [verify],
  },
  {
    id: 'what-is-broken-is-signed',
    file: 'core/engine/audit/log.ts',
    find: 'if (verdict.fault) throw broken(tenantId, verdict);\n    return verdict.rows',
    replace: 'return verdict.rows',
    tests: [log],
  },
  {
    id: 'what-agents-do-is-audited',
    file: 'core/engine/audit/append.ts',
    find: "return kind === 'person' || kind === 'key';",
    replace: "return kind !== 'schedule';",
    tests: [stores],
  },
];
