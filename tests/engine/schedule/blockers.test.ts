import assert from 'node:assert/strict';
import fc from 'fast-check';
import { gateKinds } from '../../../core/engine/schedule/blocker-data.ts';
import { blockersOf, type StepFacts } from '../../../core/engine/schedule/blockers.ts';
import { verifies } from '../../support/verifies.ts';
import { AdmissionLab, type History, histories } from './admission-lab.ts';

const nothing: StepFacts = {
  now: 1_000,
  dependencies: [],
  isPaused: false,
  isOwned: true,
  wait: null,
  wakeAt: null,
  run: 'r1',
  module: 'finance',
  slots: [],
  refusals: [],
  ahead: 0,
};
const refusal = (blocker: (typeof gateKinds)[number] | 'breaker' | 'budget', scope: string) => ({
  blocker,
  scope,
  untilMs: null,
});

const free = { dependencies: [], isPaused: false, isOwned: true } as const;
const start = {
  kind: 'offer',
  service: 'batch',
  run: 'r1',
  module: 'a',
  model: 'm2',
  erp: false,
  priority: 1,
  tokens: 1,
  hold: null,
} as const;
/** A follow-up of module a keeps m2 from module b, until the last start takes the only slot of a. */
const lostSlot: History = {
  acts: [
    { ...start, service: 'follow_up', erp: true },
    { ...start, module: 'b' },
    { ...start, model: 'm1', hold: { ...free, wait: 'timer' } },
    { ...start, model: 'm1', hold: { ...free, wait: 'version' } },
    { ...start, model: 'm1' },
  ],
  limits: { running: 2, perRun: 2, perModule: 1 },
  gates: { m1: { requests: 1, tokens: 60 }, m2: { concurrency: 1 } },
  ill: [],
  isErpIll: true,
};

describe('blockersOf', () => {
  it('has nothing to say of a step passed over for a follow-up that then lost its slot: it has started', () => {
    const lab = new AdmissionLab(lostSlot);

    assert.deepEqual(
      [...lab.waiting].map(({ service }) => service),
      ['follow_up'],
    );
    const [followUp] = lab.waiting;
    assert.ok(followUp);
    assert.deepEqual(
      lab.blockers(followUp).map(({ kind }) => kind),
      ['running', 'run', 'module', 'erp', 'model_concurrency'],
    );
  });

  it('lists all that keeps a step from starting at the next tick, and nothing else', () => {
    verifies('R2.limit-aware');
    let checked = 0;
    fc.assert(
      fc.property(histories, fc.nat(), (history, seed) => {
        const lab = new AdmissionLab(history);
        assert.equal(lab.tick(), 0, 'nothing that could start waits');
        for (const work of [...lab.waiting, ...lab.held]) {
          const blockers = lab.blockers(work);
          checked += 1;
          assert.ok(blockers.length > 0);
          assert.ok(lab.startsWith(work, blockers), 'all lifted');
          for (const [index, kept] of blockers.entries()) {
            const others = blockers.filter((each) => each !== kept);
            const some = others.filter((_, at) => ((seed >> at) & 1) === 0);
            assert.ok(!lab.startsWith(work, others), `all but ${index} lifted`);
            assert.ok(!lab.startsWith(work, some), `some lifted, not ${index}`);
          }
        }
      }),
      { numRuns: 600, examples: [[lostSlot, 0]] },
    );
    assert.ok(checked > 300, `${checked}`);
  });

  it('starts a step with one blocker when that is lifted alone, and none by lifting anything but the first', () => {
    const alone = new Map<string, number>();
    fc.assert(
      fc.property(histories, (history) => {
        const lab = new AdmissionLab(history);
        for (const work of [...lab.waiting, ...lab.held]) {
          const [first, ...others] = lab.blockers(work);
          assert.ok(first);
          if (others.length === 0) {
            assert.ok(lab.startsWith(work, [first]));
            alone.set(first.kind, (alone.get(first.kind) ?? 0) + 1);
          } else assert.ok(!lab.startsWith(work, others));
        }
      }),
      { numRuns: 600, examples: [[lostSlot]] },
    );
    for (const kind of [
      'dependency',
      'paused',
      'owner',
      'retry',
      'running',
      'run',
      'module',
      'model_requests',
      'model_concurrency',
      'breaker',
      'erp',
      'queue',
    ])
      assert.ok((alone.get(kind) ?? 0) > 0, `${kind} was never alone: ${[...alone.keys()]}`);
  });

  it('keeps the order of admission, whatever order the facts come in', () => {
    const blockers = blockersOf({
      ...nothing,
      dependencies: [{ path: 'match[V-17]', status: 'running' }],
      isPaused: true,
      isOwned: false,
      wait: 'timer',
      wakeAt: 91_000,
      slots: ['module', 'run', 'running'],
      refusals: [
        ...[...gateKinds].reverse().map((kind) => refusal(kind, 'model:m')),
        refusal('budget', 'tenant'),
        refusal('hour', 'erp'),
        refusal('breaker', 'model:m'),
      ],
      ahead: 3,
    });

    assert.deepEqual(
      blockers.map(({ kind }) => kind),
      [
        'dependency',
        'paused',
        'owner',
        'retry',
        'running',
        'run',
        'module',
        'breaker',
        'erp',
        'budget',
        ...gateKinds,
        'queue',
      ],
    );
  });

  it('says each in a sentence, with how long it lasts where that is known', () => {
    const texts = (facts: Partial<StepFacts>) =>
      blockersOf({ ...nothing, ...facts }).map(({ text }) => text);

    assert.deepEqual(
      texts({
        dependencies: [
          { path: 'match[V-17]', status: 'waiting' },
          { path: 'load', status: 'ready' },
        ],
        wait: 'timer',
        wakeAt: 91_000,
        slots: ['module'],
        refusals: [
          { blocker: 'model_tokens', scope: 'model:m', untilMs: 400 },
          refusal('day', 'erp'),
        ],
        ahead: 1,
      }),
      [
        "It waits for 'match[V-17]' (waiting) and 1 more.",
        'It is tried again after a failure, for 90 s at least.',
        "The module 'finance' has as many running steps as it may have.",
        "The ERP 'erp' has no request left today.",
        "'model:m' has too few tokens left in this minute, for 400 ms at least.",
        'One step goes before it.',
      ],
    );
    assert.deepEqual(texts({ wait: 'review', key: 'abcdef0123456789' }), [
      'A person must say how the effect abcdef012345 ended.',
    ]);
  });

  it('lists no refusal where waiting will not help: the step starts, and goes without its model or fails', () => {
    const refusals = [{ ...refusal('budget', 'run:1'), never: true }, refusal('hour', 'model:m')];

    assert.deepEqual(blockersOf({ ...nothing, refusals }), []);
  });

  it('says which policy it is that lets people decide, where one does', () => {
    const asked = { ...nothing, wait: 'approval', key: 'abcdef0123456789' } as const;
    const policy = { name: 'payables', version: 3 };

    const [byVersion] = blockersOf({ ...asked, policy });
    const [byCode] = blockersOf({ ...asked, policy: { name: 'payables', digest: 'f'.repeat(16) } });

    assert.deepEqual(byVersion?.kind === 'approval' && byVersion.policy, policy);
    assert.deepEqual(
      [byVersion?.text, byCode?.text],
      [
        "A person must approve the effect abcdef012345, as policy 'payables v3' says.",
        "A person must approve the effect abcdef012345, as policy 'payables' says.",
      ],
    );
  });

  it('says everything in a sentence of its own', () => {
    const all = blockersOf({
      ...nothing,
      isPaused: true,
      isOwned: false,
      slots: ['running', 'run', 'module'],
      refusals: [...gateKinds, 'breaker' as const, 'budget' as const].map((kind) =>
        refusal(kind, 'm'),
      ),
      ahead: 12,
    });
    const waits = (['timer', 'review', 'budget', 'approval', 'event', 'version'] as const).flatMap(
      (wait) => blockersOf({ ...nothing, wait }),
    );
    const texts = [...all, ...waits].map(({ text }) => text);

    assert.equal(new Set(texts).size, texts.length);
    for (const text of texts) assert.match(text, /^['A-Z0-9].*\.$/);
  });
});
