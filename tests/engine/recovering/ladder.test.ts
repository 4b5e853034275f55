import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ErrorCode, errorCodes, errorRow } from '../../../core/base/errors.ts';
import {
  afterFailure,
  mostFailures,
  noTries,
  type Recourse,
} from '../../../core/engine/recovery/ladder.ts';
import { beyondRecovery, type Recovery, type RecoveryRule } from '../../../core/sdk/recovery.ts';
import { verifies } from '../../support/verifies.ts';

interface Options {
  readonly attempts?: number;
  readonly canFallBack?: boolean;
}

/** Lets a step fail with these codes, one after the other, until it ends. */
function fail(
  rules: readonly RecoveryRule[],
  codes: Iterable<ErrorCode>,
  { attempts, canFallBack = false }: Options = {},
): readonly Recourse[] {
  const recourses: Recourse[] = [];
  let tries = noTries;
  let onPlaybook = false;
  for (const code of codes) {
    const recourse = afterFailure({
      rules,
      limits: attempts === undefined ? undefined : { attempts },
      error: { code, message: 'It failed.' },
      tries,
      canFallBack: canFallBack && !onPlaybook,
      random: 0.5,
    });
    recourses.push(recourse);
    tries = recourse.tries;
    if (recourse.kind !== 'again') break;
    onPlaybook ||= recourse.playbook === true;
  }
  return recourses;
}

function* always(code: ErrorCode): Iterable<ErrorCode> {
  for (;;) yield code;
}

/** The course of a step in words. */
function course(recourses: readonly Recourse[]): readonly string[] {
  return recourses.flatMap((each) => [
    ...each.told.map((to) => `tell ${to}`),
    each.kind === 'again' ? [each.strategy, each.agent ?? ''].join(' ').trim() : each.kind,
  ]);
}

describe('what follows a failure', () => {
  it('without rules is a retry up to the limit of attempts, when the failure may pass', () => {
    verifies('R8.retry', 'R8.fail-fast');
    assert.deepEqual(course(fail([], always('AGENT_FAILED'))), ['retry', 'retry', 'fail']);
    assert.deepEqual(course(fail([], always('AGENT_FAILED'), { attempts: 1 })), ['fail']);
    assert.deepEqual(course(fail([], always('OUTPUT_INVALID'))), ['fail']);
    assert.deepEqual(course(fail([{ on: ['TOOL_ERROR'], ways: [] }], always('AGENT_TIMEOUT'))), [
      'retry',
      'retry',
      'fail',
    ]);
  });

  it('is the first rule that is about its code or category', () => {
    verifies('R8.classify');
    const rules: readonly RecoveryRule[] = [
      { on: ['MODEL_UNAVAILABLE'], ways: [{ strategy: 'abort' }] },
      { on: ['NETWORK_ERROR', 'PERMISSION_ERROR'], ways: [{ strategy: 'skip' }] },
      { ways: [] },
    ];

    assert.deepEqual(course(fail(rules, ['MODEL_UNAVAILABLE'])), ['abort']);
    assert.deepEqual(course(fail(rules, ['BREAKER_OPEN'])), ['skip']);
    assert.deepEqual(course(fail(rules, ['TOOL_REFUSED'])), ['skip']);
    assert.deepEqual(course(fail(rules, ['TOOL_FAILED'])), ['fail']);
  });

  it('goes through the ways of its rule in turn, each as often as it may', () => {
    verifies('R8.reset', 'R8.reassign', 'R8.fallback', 'R8.escalate', 'R8.skip');
    const ways: readonly Recovery[] = [
      { strategy: 'retry', retry: { attempts: 2 } },
      { strategy: 'reset', retry: { attempts: 3 } },
      { strategy: 'escalate', to: 'controller' },
      { strategy: 'reassign', to: 'lab.other' },
      { strategy: 'fallback' },
      { strategy: 'escalate', to: 'head of finance' },
      { strategy: 'skip' },
    ];

    const recourses = fail([{ ways }], always('AGENT_FAILED'), { canFallBack: true });

    assert.deepEqual(course(recourses), [
      'retry',
      'reset',
      'reset',
      'tell controller',
      'reassign lab.other',
      'fallback',
      'tell head of finance',
      'skip',
    ]);
    const fresh = recourses.map((each) => each.kind === 'again' && each.fresh);
    assert.deepEqual(fresh, [false, true, true, true, true, false]);
  });

  it('passes over a playbook that is not there, and tells nobody twice', () => {
    const ways: readonly Recovery[] = [
      { strategy: 'escalate', to: 'clerk' },
      { strategy: 'fallback' },
      { strategy: 'retry', retry: { attempts: 3 } },
    ];

    assert.deepEqual(course(fail([{ ways }], always('AGENT_FAILED'))), [
      'tell clerk',
      'retry',
      'retry',
      'fail',
    ]);
  });

  it('repeats what the catalogue calls hopeless only for a code that is named', () => {
    const ways: readonly Recovery[] = [{ strategy: 'retry' }, { strategy: 'reassign', to: 'a.b' }];

    assert.deepEqual(course(fail([{ on: ['AGENT_ERROR'], ways }], ['OUTPUT_INVALID'])), [
      'reassign a.b',
    ]);
    assert.deepEqual(course(fail([{ on: ['OUTPUT_INVALID'], ways }], ['OUTPUT_INVALID'])), [
      'retry',
    ]);
  });

  it('begins a rule anew when another one was followed last, and counts all failures on', () => {
    const rules: readonly RecoveryRule[] = [
      { on: ['TOOL_FAILED'], ways: [{ strategy: 'retry', retry: { attempts: 2 } }] },
      { on: ['AGENT_TIMEOUT'], ways: [{ strategy: 'retry', retry: { attempts: 2 } }] },
    ];

    const recourses = fail(rules, ['TOOL_FAILED', 'AGENT_TIMEOUT', 'TOOL_FAILED', 'TOOL_FAILED']);

    assert.deepEqual(course(recourses), ['retry', 'retry', 'retry', 'fail']);
    assert.equal(recourses.at(-1)?.tries.failures, 4);
  });

  it('begins rules anew that were changed to fewer ways than the step has been through', () => {
    const recourse = afterFailure({
      rules: [{ ways: [{ strategy: 'retry', retry: { attempts: 5 } }] }],
      limits: undefined,
      error: { code: 'AGENT_FAILED', message: 'It failed.' },
      tries: { failures: 4, rule: 0, rung: 2, rungFailures: 1 },
      canFallBack: false,
      random: 0.5,
    });

    assert.deepEqual(course([recourse]), ['retry']);
    assert.deepEqual(recourse.tries, { failures: 5, rule: 0, rung: 0, rungFailures: 1 });
  });

  it('waits longer at each failure of a way, and from its first delay at the next way', () => {
    const retry = { attempts: 3, baseMs: 100, jitter: 'none' } as const;
    const ways: readonly Recovery[] = [
      { strategy: 'retry', retry },
      { strategy: 'reset', retry },
      { strategy: 'reassign', to: 'a.b' },
    ];

    const recourses = fail([{ ways }], always('AGENT_FAILED'));

    const delays = recourses.map((each) => (each.kind === 'again' ? each.delayMs : null));
    assert.deepEqual(delays, [100, 200, 100, 200, 0, null]);
  });

  it('of what no rule is for is the end', () => {
    const rules: readonly RecoveryRule[] = [
      { on: ['AGENT_ERROR', 'SYSTEM_ERROR', 'TOOL_ERROR'], ways: [{ strategy: 'skip' }] },
    ];

    for (const code of beyondRecovery) assert.deepEqual(course(fail(rules, [code])), ['fail']);
  });

  it('comes to an end under every rule and every order of failures', () => {
    verifies('R8.retry-policy');
    const codes = fc.constantFrom(...errorCodes);
    const attempts = fc.integer({ min: 1, max: 25 });
    const way: fc.Arbitrary<Recovery> = fc.oneof(
      fc.record({
        strategy: fc.constantFrom('retry', 'reset'),
        retry: fc.record({ attempts }),
      } as const),
      fc.constant({ strategy: 'reassign', to: 'a.b' } as const),
      fc.constant({ strategy: 'fallback' } as const),
      fc.constant({ strategy: 'escalate', to: 'somebody' } as const),
      fc.constantFrom({ strategy: 'skip' } as const, { strategy: 'abort' } as const),
    );
    const rules = fc.array(
      fc.record(
        {
          on: fc.array(codes.map((code) => errorRow(code).category)),
          ways: fc.array(way, { maxLength: 6 }),
        },
        { requiredKeys: ['ways'] },
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(rules, fc.infiniteStream(codes), fc.boolean(), (list, failures, canFallBack) => {
        const recourses = fail(list, failures, { canFallBack });

        assert.ok(recourses.length <= mostFailures, `${recourses.length} failures`);
        assert.notEqual(recourses.at(-1)?.kind, 'again');
        recourses.forEach(({ tries }, index) => {
          assert.equal(tries.failures, index + 1);
        });
      }),
    );
  });
});
