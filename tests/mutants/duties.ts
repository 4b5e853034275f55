import type { Mutant } from './mutant.ts';

const sdk = 'tests/sdk/duties.test.ts';
const guard = 'tests/guard/duties.test.ts';
const engine = 'tests/engine/duties.test.ts';
const actor = 'core/guard/actor.ts';
const lineage = 'core/ports/db/lineage.ts';

/** Of the separation of duties. */
export const duties: readonly Mutant[] = [
  {
    id: 'a-pair-of-duties-has-an-order',
    file: 'core/sdk/policy/duties.ts',
    find: ' || (a === other && b === one)',
    replace: '',
    tests: [sdk],
  },
  {
    id: 'an-agent-loads-with-two-duties-in-one-company',
    file: 'core/sdk/policy/duties.ts',
    find: 'kindsOf(grants.flatMap(({ companies }) => companies ?? []))',
    replace: 'kindsOf([])',
    tests: [sdk],
  },
  {
    id: 'one-duty-left-to-proposals-is-not-enough',
    file: 'core/sdk/policy/duties.ts',
    find: `if (!rule || !isFree(one) || !isFree(other)) return [];`,
    replace: `if (!rule || (!isFree(one) && !isFree(other))) return [];`,
    tests: [sdk],
  },
  {
    id: 'a-second-persons-duty-is-refused-at-load',
    file: 'core/sdk/policy/duties.ts',
    find: 'first === second ? null : incompatible(',
    replace: 'incompatible(',
    tests: [sdk],
  },
  {
    id: 'a-person-is-another-through-another-door',
    file: actor,
    find: '.map(personOf)',
    replace: '',
    tests: [guard],
  },
  {
    id: 'a-child-run-is-another-actor',
    file: actor,
    find: 'if (!isOneRun && one.rootRunId === other.rootRunId) return true;',
    replace: '',
    tests: [guard],
  },
  {
    id: 'a-tool-node-is-nobody',
    file: actor,
    find: 'if (isOneRun && (isWorkflow(one) || isWorkflow(other))) return true;',
    replace: '',
    tests: [guard],
  },
  {
    id: 'what-may-have-happened-does-not-count',
    file: lineage,
    find: `'replayed', 'uncertain', 'needs_review')`,
    replace: `'replayed')`,
    tests: [guard],
  },
  {
    id: 'only-the-earlier-of-two-looks-back',
    file: lineage,
    find: `d.record_id = $8 AND d.part = 'related'),`,
    replace: `d.record_id = $8 AND d.part = 'none'),`,
    tests: [guard],
  },
  {
    id: 'what-was-made-is-forgotten',
    file: lineage,
    find: `AND record_id = a.id AND part = 'made' OFFSET 0`,
    replace: `AND record_id = a.id AND part = 'none' OFFSET 0`,
    tests: [guard],
  },
  {
    id: 'a-repeated-call-is-in-its-own-way',
    file: lineage,
    find: ' AND e.key <> ALL ($10::bytea[])',
    replace: ' AND $10::bytea[] IS NOT NULL',
    tests: [guard],
  },
  {
    id: 'nobody-looks-again-after-the-intent',
    file: 'core/guard/perform.ts',
    find: 'const clash = isRepeat ? null : await yieldToOthers(call, intent);',
    replace: 'const clash = isRepeat ? await yieldToOthers(call, intent) : null;',
    tests: [guard],
  },
  {
    id: 'who-stands-in-is-not-stored',
    file: 'core/engine/journal/flush-rows.ts',
    find: '...(acting !== null && { acting }) }',
    replace: '}',
    tests: [engine],
  },
  {
    id: 'lineage-is-not-stored',
    file: 'core/engine/journal/flush-rows.ts',
    find: `for (const each of related) putOne(key, 'related', each);`,
    replace: 'void related;',
    tests: [engine],
  },
];
