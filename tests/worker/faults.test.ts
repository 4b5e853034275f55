import assert from 'node:assert/strict';
import { type Ended, type LabPool, openLabPool, type Sent, until } from '../support/lab-pool.ts';
import { OwnDelay } from '../support/own-delay.ts';
import { verifies } from '../support/verifies.ts';

/** Faults that take their thread down, with the reason that is told. */
const deadly: readonly (readonly [string, RegExp])[] = [
  ['loop', /did not yield/],
  ['native', /did not yield/],
  ['hash', /did not yield/],
  ['sort', /did not yield/],
  ['memory', /memory|did not yield/],
  ['leap', /memory|did not yield/],
  ['hoard', /its heap held/],
  ['buffers', /MB of buffers/],
  ['real_exit', /exited with code: 1/],
];

/** Faults that concern their own step alone, with code and message. */
const harmless: readonly (readonly [string, string, RegExp])[] = [
  ['exit', 'AGENT_FAILED', /process\.exit\(3\)/],
  ['clean_exit', 'AGENT_FAILED', /process\.exit\(0\)/],
  ['abort', 'AGENT_FAILED', /process\.abort\(\)/],
  ['timer', 'AGENT_FAILED', /thrown in a timer/],
  ['rejection', 'AGENT_FAILED', /nobody catches this/],
  ['bigint', 'RESULT_UNCLONABLE', /JSON/],
  ['cycle', 'RESULT_UNCLONABLE', /JSON/],
  ['details', 'ERP_REJECTED', /^no$/],
  ['wordy', 'AGENT_FAILED', /^(word )+… \(\d+ characters more\)$/],
  ['wordless', 'AGENT_FAILED', /cannot be read/],
  ['odd_words', 'AGENT_FAILED', /no text/],
  ['nested', 'RESULT_UNCLONABLE', /levels/],
  ['long', 'OUTPUT_INVALID', /has 16000002 bytes/],
  ['many', 'OUTPUT_INVALID', /has 200001 values/],
  ['findings', 'OUTPUT_INVALID', /more than 2000 findings/],
  ['finding_much', 'OUTPUT_INVALID', /findings of more than 2000000 bytes/],
];

const neighbours = 5;
/** A thread is replaced within this time of its fault, or within so many times that the first one took to load; median, for others may keep this machine busy. */
const wholeWithinMs = 1_000;
const loadTimes = 4;
/** Longest delay of the main loop's turns by its own doing, 99th percentile. */
const longestDelayMs = 50;

describe('a lane, under a fault of one of its agents', () => {
  let delay: OwnDelay;
  const wholeMs: number[] = [];
  let lab: LabPool;
  let loadMs: number;

  before(async () => {
    const from = performance.now();
    lab = await openLabPool(1);
    loadMs = performance.now() - from;
    delay = new OwnDelay();
  });
  after(() => lab.pool.stop());

  /** Runs a fault among neighbours on one lane. */
  async function run(what: string): Promise<{ readonly fault: Ended; readonly beside: Ended[] }> {
    const sent: Sent[] = [];
    for (let index = 0; index < neighbours; index += 1)
      sent.push(lab.jobs.send('waiter', { ms: 100 }));
    const fault = lab.jobs.send('fault', { what });
    assert.equal(new Set([fault, ...sent].map(({ worker }) => worker)).size, 1);
    return { fault: await fault.ended, beside: await Promise.all(sent.map(({ ended }) => ended)) };
  }

  for (const [what, reason] of deadly) {
    it(`gives the thread up for '${what}' and names who did it; its neighbours are moved`, async () => {
      verifies('R8.isolation', 'R13.non-blocking', 'R3.health');
      const { fault, beside } = await run(what);
      wholeMs.push(await until(() => lab.pool.health.ready === 1, 'the lane is replaced'));

      assert.ok(fault.kind === 'lost' && fault.suspect, JSON.stringify(fault));
      assert.match(fault.reason, reason);
      for (const ended of beside)
        assert.ok(ended.kind === 'succeeded' || (ended.kind === 'lost' && !ended.suspect));
      const again = await Promise.all(beside.map(() => lab.jobs.send('waiter', { ms: 10 }).ended));
      assert.deepEqual([...new Set(again.map(({ kind }) => kind))], ['succeeded']);
    });
  }

  for (const [what, code, message] of harmless) {
    it(`fails only the step that did '${what}'; its neighbours end well where they are`, async () => {
      verifies('R8.isolation', 'R8.classify');
      const { fault, beside } = await run(what);

      assert.ok(fault.kind === 'failed', JSON.stringify(fault).slice(0, 200));
      assert.equal(fault.error.code, code);
      assert.match(fault.error.message, message);
      assert.ok(fault.error.message.length < 11_000);
      assert.deepEqual([...new Set(beside.map(({ kind }) => kind))], ['succeeded']);
    });
  }

  it('believes nothing of what an agent posts to whoever has opened the thread', async () => {
    verifies('R8.isolation');
    const { fault, beside } = await run('forges');

    assert.deepEqual([...new Set([fault, ...beside].map(({ kind }) => kind))], ['succeeded']);
    assert.equal((await lab.jobs.send('quick', { id: 'a' }).ended).kind, 'succeeded');
  });

  for (const [how, alone] of [
    ['on a thread', false],
    ['as a suspect', true],
  ] as const) {
    it(`ends a step alone that is given what cannot be sent, ${how}`, async () => {
      verifies('R8.isolation');
      const beside = lab.jobs.send('quick', { id: 'a' }, { alone });
      const odd = lab.jobs.send('fault', { what: () => {} }, { alone });
      const after = lab.jobs.send('quick', { id: 'b' }, { alone });

      const ended = await odd.ended;
      assert.ok(ended.kind === 'failed', JSON.stringify(ended));
      assert.equal(ended.error.code, 'INPUT_INVALID');
      assert.match(ended.error.message, /'lab\.fault'.*cannot be sent/);
      const others = await Promise.all([beside.ended, after.ended]);
      assert.deepEqual([...new Set(others.map(({ kind }) => kind))], ['succeeded']);
    });
  }

  it('ends a step that ignores its abort signal, and goes on with its neighbours', async () => {
    verifies('R8.cancel');
    const deaf = lab.jobs.send('fault', { what: 'signal_ignored' });
    const beside = lab.jobs.send('waiter', { ms: 100 });

    lab.pool.cancel(deaf.ref, { code: 'CANCELLED', message: 'by the test' });

    const ended = await deaf.ended;
    assert.ok(ended.kind === 'failed' && ended.error.code === 'CANCELLED', JSON.stringify(ended));
    assert.equal((await beside.ended).kind, 'succeeded');
  });

  it('is replaced within a second', () => {
    verifies('R3.health');
    const sorted = wholeMs.toSorted((a, b) => a - b);
    assert.equal(sorted.length, deadly.length);
    const median = sorted[sorted.length >> 1] ?? Number.NaN;

    const withinMs = Math.max(wholeWithinMs, loadTimes * loadMs);
    assert.ok(median <= withinMs, `${sorted.map(Math.round).join(', ')} ms`);
  });

  it('keeps the main loop free through all of this', () => {
    verifies('R13.non-blocking');
    const { count, p99Ms } = delay.end();

    assert.ok(count > 100, `${count} turns`);
    assert.ok(p99Ms <= longestDelayMs, `99 of 100 delays are at most ${p99Ms} ms`);
  });
});
