import assert from 'node:assert/strict';
import type { ErrorData } from '../../core/base/errors.ts';
import type { FromThread, Job, ToThread } from '../../core/ports/dispatcher.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import { refusal } from '../../worker/pool/delivery.ts';
import { Roster, type Taker } from '../../worker/pool/roster.ts';
import { verifies } from '../support/verifies.ts';

const error: ErrorData = { code: 'CANCELLED', message: 'by the test' };

/** Somebody who takes jobs, and remembers what was sent. */
interface Hand extends Taker {
  readonly sent: ToThread[];
}

function hand(): Hand {
  const sent: ToThread[] = [];
  return { jobs: new Set(), sent, send: (message) => sent.push(message) };
}

const jobOf = (ref: number): Job => ({ ref }) as Job;
const go = (ref: number): ToThread => ({ kind: 'go', job: jobOf(ref) });
const cancel = (ref: number): ToThread => ({ kind: 'cancel', ref, error });
const done = (ref: number): FromThread => ({
  kind: 'done',
  ref,
  done: { kind: 'succeeded', output: '{}', degraded: false, trust: 'system' },
});
const entry = (ref: number): FromThread => ({
  kind: 'entry',
  ref,
  entry: { kind: 'noted', data: {} },
});

describe('a roster of jobs that leave this process', () => {
  let freshness: Freshness;
  let told: FromThread[];
  let lost: (readonly [ref: number, reason: string, suspect: boolean | null])[];
  let roster: Roster<string, Hand>;

  beforeEach(() => {
    freshness = new Freshness();
    told = [];
    lost = [];
    roster = new Roster({
      freshness,
      events: {
        messages: (batch) => void told.push(...batch),
        lost: (...end) => void lost.push(end),
      },
    });
  });

  /** Has jobs wait, each for one of these names. */
  const wait = (...names: readonly string[]): void => {
    for (const [index, name] of names.entries()) roster.add({ job: jobOf(index + 1), for: name });
  };
  const waiting = (): readonly number[] => roster.waiting.map(({ job }) => job.ref);
  /** Whether some job may be writing to the ERP, as threads see it. */
  const isWriting = (): boolean => freshness.mark(1, 'Bill') === null;

  it('keeps jobs until somebody takes them, the oldest first, each seeing what those before it have taken', () => {
    const [a, b] = [hand(), hand()];
    wait('a', 'b', 'a', 'c');

    // One of each name only.
    roster.assign(({ for: name }) =>
      ({ a, b })[name]?.jobs.size === 0 ? { a, b }[name] : undefined,
    );
    assert.deepEqual([a.sent, b.sent, waiting()], [[go(1)], [go(2)], [3, 4]]);
    assert.deepEqual([...a.jobs, ...b.jobs], [1, 2]);
    assert.deepEqual(roster.busy, new Set([a, b]));

    roster.assign(() => b);
    assert.deepEqual([b.sent, waiting()], [[go(2), go(3), go(4)], []]);
  });

  it('passes messages on to whoever has the job, and says where nobody has', () => {
    const a = hand();
    wait('a', 'b');
    roster.assign(({ for: name }) => (name === 'a' ? a : undefined));
    const granted = (ref: number) => ({ kind: 'granted', ref }) as const;

    assert.deepEqual(
      [1, 2, 3].map((ref) => roster.tell(granted(ref))),
      [true, false, false],
    );
    assert.deepEqual(a.sent, [go(1), granted(1)]);
  });

  it('ends a job from outside: one that waits at once, one that runs by its taker, an unknown one not at all', () => {
    verifies('R8.cancel');
    const a = hand();
    wait('a', 'b', 'c');
    roster.assign(({ for: name }) => (name === 'a' ? a : undefined));

    assert.deepEqual(
      [1, 2, 4].map((ref) => roster.cancel(ref, error)),
      [true, true, false],
    );

    assert.deepEqual(a.sent, [go(1), cancel(1)]);
    assert.deepEqual([told, waiting()], [[refusal(2, error)], [3]]);
    roster.assign(() => a);
    assert.deepEqual([...a.jobs], [1, 3]);
  });

  it('refuses those that wait in vain, and nobody else', () => {
    wait('a', 'b', 'a');

    assert.ok(roster.refuse(error, ({ for: name }) => name === 'a'));
    assert.deepEqual([told, waiting()], [[refusal(1, error), refusal(3, error)], [2]]);

    assert.ok(!roster.refuse(error, ({ for: name }) => name === 'a'));
    assert.ok(roster.refuse(error));
    assert.deepEqual([told.length, waiting()], [3, []]);
  });

  it('passes on what somebody says of its own jobs, after it has told which have ended', () => {
    verifies('R8.isolation');
    const [a, b] = [hand(), hand()];
    wait('a', 'a', 'b');
    roster.assign(({ for: name }) => (name === 'a' ? a : b));
    const heard: string[] = [];
    const hear = (batch: readonly FromThread[]): boolean =>
      roster.hear(a, batch, ({ kind }) => heard.push(`${kind}, ${told.length} told`));

    assert.equal(hear([entry(1), entry(3), done(3)]), false);
    assert.deepEqual([told, heard, [...b.jobs]], [[entry(1)], [], [3]]);

    assert.equal(hear([entry(2), done(1), done(1), entry(1)]), true);
    assert.deepEqual(heard, ['succeeded, 1 told']);
    assert.deepEqual(told.slice(1), [entry(2), done(1)]);
    assert.deepEqual([[...a.jobs], roster.busy], [[2], new Set([a, b])]);
    assert.equal(roster.cancel(1, error), false);
  });

  it('loses a job with whoever says an end of it that is none', () => {
    const a = hand();
    wait('a');
    roster.assign(() => a);
    const broken = { kind: 'done', ref: 1 } as unknown as FromThread;

    assert.throws(() => roster.hear(a, [broken], ({ kind }) => assert.ok(kind)), TypeError);
    roster.lose(a, 'what came cannot be used', null);

    assert.deepEqual([told, lost], [[], [[1, 'what came cannot be used', null]]]);
  });

  it('loses a job with whoever says an end of it that nobody can use', () => {
    verifies('R8.isolation');
    const a = hand();
    const unused = (): never => {
      throw new SyntaxError('no JSON');
    };
    const messages = (batch: readonly FromThread[]): void =>
      batch.some(({ kind }) => kind === 'done') ? unused() : void told.push(...batch);
    roster = new Roster({ freshness, events: { messages, lost: (...end) => void lost.push(end) } });
    wait('a', 'a');
    roster.assign(() => a);

    assert.throws(() => roster.hear(a, [done(2)]), SyntaxError);
    roster.lose(a, 'what came cannot be used', null);

    assert.deepEqual(
      lost.map(([ref]) => ref),
      [1, 2],
    );
    assert.deepEqual([isWriting(), roster.busy.size], [false, 0]);
  });

  it('takes a job for a writer from when it leaves until its end, however it ends', () => {
    verifies('R9.caching');
    const a = hand();
    wait('a', 'a');
    assert.equal(isWriting(), false, 'what waits writes nothing');
    roster.assign(() => a);

    roster.hear(a, [done(1)]);
    assert.equal(isWriting(), true, 'the other one still may');
    roster.lose(a, 'it died', 2);

    assert.equal(isWriting(), false);
    assert.deepEqual([[...a.jobs], roster.busy.size], [[], 0]);
  });

  it('knows who ended whom only where one was given up for it, or was alone', () => {
    verifies('R8.quarantine');
    const [a, b, c] = [hand(), hand(), hand()];
    wait('a', 'a', 'b', 'c');
    const takers: Readonly<Record<string, Hand>> = { a, b, c };
    roster.assign(({ for: name }) => takers[name]);

    roster.lose(a, 'it computes', 2);
    roster.lose(b, 'it was killed', 0);
    roster.lose(c, 'its network broke', null);

    assert.deepEqual(lost, [
      [1, 'it computes', false],
      [2, 'it computes', true],
      [3, 'it was killed', true],
      [4, 'its network broke', null],
    ]);
  });
});
