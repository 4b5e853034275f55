import assert from 'node:assert/strict';
import { z } from 'zod';
import { checkPins } from '../../../core/engine/adoption/pins.ts';
import { type Pinned, pinnedBy } from '../../../core/engine/run/pinned.ts';
import type { HistoryEntry } from '../../../core/engine/store/store.ts';
import type { Policy } from '../../../core/sdk/policy/policy.ts';
import type { RegisteredAgent } from '../../../core/sdk/registry.ts';
import { foreach, labAgents, runOf, task, workflow } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

const nodes = [task('a'), task('b', { agent: 'lab.other', after: ['a'] })];
const policies: readonly Policy[] = [];
const declared = { agents: labAgents, policies };
const pinned = pinnedBy(declared, workflow(nodes));

/** The same agents, one of them changed. */
function changed(name: string, what: object): typeof declared {
  const registered = labAgents.get(name) as RegisteredAgent;
  const agent = Object.freeze({ ...registered.agent, ...what });
  return { policies, agents: new Map(labAgents).set(name, { ...registered, agent }) };
}

/** What taking a run up records, with the entries that it had before. */
function recorded(
  now: typeof declared,
  { entries = [], pins = pinned, run = runOf(nodes) }: Partial<Recording> = {},
) {
  const history = entries.map((entry, at): HistoryEntry => {
    return { seq: at + 2, step: null, body: null, data: {}, ...entry };
  });
  const changes = checkPins(run, { pinned: pins ?? undefined, history, declared: now });
  const made = changes.flatMap((change) => change.entries ?? []);
  return { run, entries: made.map(({ kind, data }) => ({ kind, data })) };
}

interface Recording {
  readonly entries: readonly (Pick<HistoryEntry, 'kind'> & Partial<HistoryEntry>)[];
  readonly pins: Pinned | null;
  readonly run: ReturnType<typeof runOf>;
}

const otherPrompt = changed('lab.work', { instructions: 'Work harder.' });
const otherContract = changed('lab.work', { output: z.object({ n: z.int() }) });

describe('what a run is pinned to', () => {
  it('is each agent of its workflow, those of items and tools included, and the policies', () => {
    const names = workflow([
      task('a'),
      foreach('each', { body: [task('b', { agent: 'lab.other' })] }),
    ]);

    assert.deepEqual(Object.keys(pinnedBy(declared, names).agents), ['lab.work', 'lab.other']);
    assert.match(pinned.policies, /^[0-9a-f]{16}$/);
  });

  it('changes nothing while the same is loaded, and nothing of a run that has no pins', () => {
    assert.deepEqual(recorded(declared).entries, []);
    assert.deepEqual(recorded(otherContract, { pins: null }).entries, []);
  });

  it('lets a run go on with other prompts and policies, and says so once', () => {
    verifies('R1.versions');
    const grants = [{ agents: ['lab.*'], autonomy: 'observe' as const }];
    const policy = { kind: 'policy' as const, name: 'p', grants };
    const now = { ...otherPrompt, policies: [policy] };

    const first = recorded(now);
    const again = recorded(now, { entries: first.entries });

    const [entry] = first.entries;
    assert.deepEqual(
      first.entries.map(({ kind }) => kind),
      ['run.repinned'],
    );
    assert.deepEqual(Object.keys(entry?.data.prompts as object), ['lab.work']);
    assert.match(String(entry?.data.policies), /^[0-9a-f]{16}$/);
    assert.equal(first.run.isPaused, false);
    assert.deepEqual(again.entries, []);
    // Back to the old ones: that is another change.
    assert.equal(recorded(declared, { entries: first.entries }).entries.length, 1);
  });

  it('holds a run back when an agent that it still needs has another contract, and says so once', () => {
    verifies('R1.versions');
    const first = recorded(otherContract);
    const again = recorded(otherContract, { entries: first.entries });

    const [entry] = first.entries;
    assert.equal(entry?.kind, 'run.paused');
    assert.match(JSON.stringify(entry?.data.error), /"VERSION_GONE"/);
    assert.deepEqual(Object.keys(entry?.data.contracts as object), ['lab.work']);
    assert.deepEqual([first.run.isPaused, again.run.isPaused], [true, true]);
    assert.deepEqual(again.entries, []);
  });

  it('goes on with the new contract once a person has resumed it', () => {
    const { entries } = recorded(otherContract);
    const resumed = [...entries, { kind: 'run.resumed' }];

    assert.deepEqual(recorded(otherContract, { entries: resumed }).entries, []);
    // The old release takes it up: that is another contract again.
    assert.equal(recorded(declared, { entries: resumed }).entries[0]?.kind, 'run.paused');
  });

  it('goes on by itself when the old contract is back, unless a person has paused it, too', () => {
    const { entries } = recorded(otherContract);
    const run = runOf(nodes);
    run.pause();

    const back = recorded(declared, { entries, run });
    const held = recorded(declared, {
      entries: [{ kind: 'run.paused' }, ...entries],
      run: paused(),
    });

    assert.deepEqual(back.entries, [{ kind: 'run.resumed', data: { reason: 'version' } }]);
    assert.equal(back.run.isPaused, false);
    assert.deepEqual(
      held.entries.map(({ kind }) => kind),
      ['run.resumed', 'run.paused'],
    );
    assert.equal(held.run.isPaused, true);
    // What was asked is no longer: the other contract has to be allowed anew.
    const later = recorded(otherContract, { entries: [...entries, ...back.entries] });
    assert.equal(later.entries[0]?.kind, 'run.paused');
  });

  it('does not look at agents whose steps have ended', () => {
    const run = runOf(nodes);
    run.start(0);
    const [first] = run.steps;
    assert.ok(first);
    run.begin(first, 0);
    run.settle(first, { kind: 'succeeded', output: null, json: 'null' }, 0);

    assert.deepEqual(recorded(otherContract, { run }).entries, []);
  });

  function paused(): ReturnType<typeof runOf> {
    const run = runOf(nodes);
    run.pause();
    return run;
  }
});
