import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const journal = 'tests/engine/run/journal.test.ts';
const flush = 'tests/engine/run/flush.test.ts';
const once = 'tests/engine/run/settled-once.test.ts';

/** Bugs of the statement that makes changes durable, and of the journal that sends it. */
export const durable: readonly Mutant[] = [
  {
    id: 'fence-dropped',
    file: 'core/engine/run/flush.ts',
    find: `WHERE id = $1 AND state <> 'gone' FOR KEY SHARE`,
    replace: 'WHERE id = $1 FOR KEY SHARE',
    tests: [flush],
  },
  {
    id: 'fence-not-heard',
    file: 'core/engine/run/journal-line.ts',
    find: 'if (row.alive === 0) throw fenced();',
    replace: '',
    tests: [world],
  },
  {
    id: 'flush-number-not-compared',
    file: 'core/engine/run/flush.ts',
    find: ' WHERE f.no = $2::bigint RETURNING 1',
    replace: ' RETURNING 1',
    tests: [flush],
  },
  {
    id: 'flush-not-sent-again',
    file: 'core/engine/run/journal-line.ts',
    find: 'if (row.marked === 0) return this.#readBack(client, flush, no);',
    replace:
      'if (row.marked === 0) return { refused: new Set(), purses: [], newEffects: new Set() };',
    tests: [world, 'tests/engine/run/journal-loss.test.ts'],
  },
  {
    id: 'a-number-that-does-not-fit-is-cut-off',
    file: 'core/engine/run/binary-array.ts',
    find: 'return int === value ? into.writeInt32BE(int, at) - at : refused(into, at, 4);',
    replace: 'return into.writeInt32BE(int, at) - at;',
    tests: ['tests/engine/run/binary-array.test.ts'],
  },
  {
    id: 'budget-below-its-limit',
    file: 'core/engine/run/flush.ts',
    find: 'upto > free + release - settle',
    replace: 'upto >= free + release - settle',
    tests: [flush],
  },
  {
    id: 'budget-without-what-is-reserved',
    file: 'core/engine/run/flush.ts',
    find: 'limit_micro_usd - reserved_micro_usd - settled_micro_usd AS free',
    replace: 'limit_micro_usd - settled_micro_usd AS free',
    tests: [journal],
  },
  {
    id: 'refused-calls-are-written',
    file: 'core/engine/run/flush.ts',
    find: `\${rowsOf('turns')} WHERE d.ask NOT IN (SELECT ask FROM poor)),`,
    replace: `\${rowsOf('turns')}),`,
    tests: [journal],
  },
  {
    id: 'a-poor-tenant-denies-its-neighbours',
    file: 'core/engine/run/flush.ts',
    find: 'OVER (PARTITION BY tenant_id, scope, period ORDER BY ask)',
    replace: 'OVER (ORDER BY ask)',
    tests: [journal],
  },
  {
    id: 'an-end-is-overwritten',
    file: 'core/engine/run/flush.ts',
    find: 'WHERE (t.ended_at IS NULL OR t.ended_at = excluded.ended_at) AND t.attempt <= excluded.attempt',
    replace: 'WHERE t.attempt <= excluded.attempt',
    tests: [flush],
  },
  {
    id: 'an-older-attempt-wins',
    file: 'core/engine/run/flush.ts',
    find: ' AND t.attempt <= excluded.attempt RETURNING 1',
    replace: ' RETURNING 1',
    tests: [flush],
  },
  {
    id: 'effects-not-deduplicated',
    file: 'core/engine/run/flush.ts',
    find: '} RETURNING run_id, seq)',
    replace: '} OR true RETURNING run_id, seq)',
    tests: [journal],
  },
  {
    id: 'told-before-it-is-durable',
    file: 'core/engine/run/journal.ts',
    find: 'this.#gathered.push({ change, durable });',
    replace:
      'this.#gathered.push({ change, durable: undefined });\n    queueMicrotask(() => durable?.({ admitted: true, newEffects: new Set((change.effects ?? []).map(({ key }) => key)) }));',
    tests: [world],
  },
  {
    id: 'a-refusal-takes-the-neighbours',
    file: 'core/engine/run/journal.ts',
    find: 'if (groups.length === 1) {',
    replace: 'if (groups.length > 0) {',
    tests: [journal],
  },
  {
    id: 'a-yes-that-is-used-up-begins-the-effect',
    file: 'core/engine/run/flush.ts',
    find: '  WHERE d.approval IS NULL OR d.approval IN (SELECT id FROM used)\n',
    replace: '',
    tests: ['tests/engine/approvals/two-engines.test.ts'],
  },
  {
    id: 'flushes-are-counted',
    file: 'core/engine/run/journal-line.ts',
    find: 'const no = drawNumber();',
    replace: 'const no = this.#committed + 1;',
    tests: [once],
  },
  {
    id: 'runs-are-given-up-under-a-flush',
    file: 'core/engine/run/lease.ts',
    find: ') FOR UPDATE`, {',
    replace: ') FOR NO KEY UPDATE`, {',
    tests: [once],
  },
  {
    id: 'a-zombie-settles-live-calls',
    file: 'core/engine/run/store.ts',
    find: 'FROM fence, tutti.entry e',
    replace: 'FROM tutti.entry e',
    tests: [once],
  },
  {
    id: 'a-late-statement-settles-live-calls',
    file: 'core/engine/run/store.ts',
    find: 'AND l.seq <= $5',
    replace: 'AND $5::bigint IS NOT NULL',
    tests: [once],
  },
  {
    id: 'a-zombie-fails-the-run-of-another',
    file: 'core/engine/run/run-end.ts',
    find: 'AND owner = $3 AND ended_at IS NULL',
    replace: 'AND $3::uuid IS NOT NULL AND ended_at IS NULL',
    tests: [once],
  },
  {
    id: 'a-refused-end-keeps-its-money',
    file: 'core/engine/run/journal.ts',
    find: 'this.#keepSettled(written);',
    replace: '',
    tests: [once],
  },
  {
    id: 'money-follows-the-end-of-its-run',
    file: 'core/engine/run/journal.ts',
    find: 'const written = moneyFirst(gathered);',
    replace: 'const written = gathered;',
    tests: [once],
  },
  {
    id: 'what-is-not-taken-up-stays-reserved',
    file: 'core/engine/run/claims.ts',
    find: 'await adoption.settle(row);',
    replace: '',
    tests: ['tests/engine/run/given-up.test.ts'],
  },
];
