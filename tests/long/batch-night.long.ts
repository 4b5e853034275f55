import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiProbe, type Latency, type Looks } from '../support/api-probe.ts';
import { BatchNightLab } from '../support/batch-night-lab.ts';
import { openIdleTransaction, TransactionWatch } from '../support/transaction-watch.ts';
import { verifies } from '../support/verifies.ts';

/*
 * A night over 50,000 records whose server is killed in the middle, while a session of somebody else's stands idle in a transaction, and
 * people look at runs. Beside it a second server, on a database of its own, has no night and the same readers: what a busy machine makes
 * everybody wait is the same for both, and what is left is the night's. NIGHT_RECORDS says how many records; NIGHT_MINUTES how long there are nights, one after the other (the first
 * one is seen to its end however short that is).
 */
const records = Number(process.env.NIGHT_RECORDS ?? '50000');
const nightsMs = Number(process.env.NIGHT_MINUTES ?? '0') * 60_000;
const baselineMs = Number(process.env.NIGHT_BASELINE_MS ?? '60000');
const lookEveryMs = 50;
/** A server that has just begun takes up what its predecessor has left, and its code is not yet warm: told apart. */
const settlingMs = 10_000;
/** What a record may take on a busy machine. */
const patienceMs = 60_000 + records * 60;
const longestTransactionMs = 5_000;
const mostTimesSlower = 2;

type Latencies = Readonly<Record<string, Latency>>;

/** Of the server, and of its neighbour at the same time. */
interface Compared {
  readonly own: Latencies;
  readonly beside: Latencies;
}

describe(`a night over ${records} records`, function () {
  this.timeout(nightsMs + 3 * patienceMs + baselineMs);
  let lab: BatchNightLab;
  let neighbour: BatchNightLab;
  let isSettled = true;

  before(async () => {
    lab = await BatchNightLab.open();
    await lab.serve();
    await lab.load(records);
    neighbour = await BatchNightLab.open();
    await neighbour.serve();
  });
  after(async function () {
    await neighbour?.close(this);
    await lab.close(this);
  });

  it('goes on where a kill has left it, beside an idle transaction, and keeps no reader waiting', async () => {
    verifies('R8.crash', 'R9.restart');
    const looks = await company(lab);
    const theirs = await company(neighbour);
    const both = (goOn: () => Promise<void>) => beside(theirs, () => probed(looks, settled, goOn));
    const before = await both(() => sleep(baselineMs));
    await using watch = await TransactionWatch.open(lab.fresh.url);
    await using _idle = await openIdleTransaction(lab.fresh.url);
    const began = performance.now();

    const tookMs: number[] = [];
    let during: Compared = { own: {}, beside: {} };
    const settling = await probed(looks, unsettled, async () => {
      during = await both(async () => {
        tookMs.push(await killedNight());
        while (performance.now() - began < nightsMs) tookMs.push(await quietNight());
      });
    });

    tell({ before, during, settling, longest: watch.longest, tookMs });
    assert.ok(watch.longest.ms < longestTransactionMs, JSON.stringify(watch.longest));
    for (const name of Object.keys(looks)) assertQuick(name, during);
  });

  /** What was there before the night: a run that has ended, and one that waits for somebody. */
  async function company(of: BatchNightLab): Promise<Looks> {
    const items = Array.from({ length: 20 }, (_, index) => ({ number: `line-${100_000 + index}` }));
    const few = await of.start('night.few', { items });
    assert.equal(await of.whenEnded(few, patienceMs), 'succeeded');
    const question = await of.start('night.question');
    return {
      runs: '/v1/runs',
      run: `/v1/runs/${few}`,
      explain: `/v1/runs/${question}/explain`,
    };
  }

  const settled = (): string | null => (isSettled ? lab.url : null);
  const unsettled = (): string | null => (isSettled ? null : lab.url);

  /** Asks the neighbour half a look later than the server. */
  async function beside(looks: Looks, goOn: () => Promise<Latencies>): Promise<Compared> {
    const going = goOn();
    await sleep(lookEveryMs / 2);
    const probe = new ApiProbe(() => (isSettled ? neighbour.url : null), looks, lookEveryMs);
    const own = await going.finally(() => probe.stop());
    return { own, beside: await probe.stop() };
  }

  async function probed(
    looks: Looks,
    url: () => string | null,
    goOn: () => Promise<void>,
  ): Promise<Latencies> {
    const probe = new ApiProbe(url, looks, lookEveryMs);
    await goOn().catch(async (error: unknown) => {
      await probe.stop();
      throw error;
    });
    const answers = await probe.stop();
    // Those that were under way at the kill.
    assert.ok(probe.refused.length < 20, probe.refused.slice(0, 20).join(', '));
    return answers;
  }

  /** Resolves with how long it took, milliseconds. */
  async function killedNight(): Promise<number> {
    const began = performance.now();
    const known = lab.notices().length;
    const run = await lab.start('night.all');
    await lab.whenDone(run, records / 2, patienceMs);
    isSettled = false;
    await lab.kill();
    const done = await lab.done(run);
    const seen = lab.notices().length;
    await lab.serve();
    await sleep(settlingMs);
    isSettled = true;
    assert.equal(await lab.whenEnded(run, patienceMs), 'succeeded');
    const tookMs = performance.now() - began;

    const notices = lab.notices();
    const again = notices.slice(seen).filter(({ args }) => done.has(args));
    assert.deepEqual(again, [], 'what had ended before the kill was done again');
    assertOnce(notices.slice(known).map(({ args }) => args));
    const [row] = await lab.query<{ attempts: number; lost: number }>(
      `SELECT count(*)::int AS attempts, count(*) FILTER (WHERE outcome = 'lost')::int AS lost FROM tutti.attempt WHERE run_id = $1`,
      [run],
    );
    assert.ok(row && row.lost > 0 && row.lost <= 16, `${row?.lost} attempts were lost`);
    assert.equal(row.attempts - row.lost, records, 'attempts that were not lost');
    return tookMs;
  }

  async function quietNight(): Promise<number> {
    const began = performance.now();
    const known = lab.notices().length;
    const run = await lab.start('night.all');
    assert.equal(await lab.whenEnded(run, patienceMs), 'succeeded');
    assertOnce(
      lab
        .notices()
        .slice(known)
        .map(({ args }) => args),
    );
    return performance.now() - began;
  }

  function assertOnce(sent: readonly string[]): void {
    assert.equal(sent.length, records, 'notices');
    assert.equal(new Set(sent).size, records, 'different notices');
  }
});

function assertQuick(name: string, during: Compared): void {
  const [own, beside] = [during.own[name], during.beside[name]];
  assert.ok(own && beside, `${name} was looked at`);
  const times = own.p99 / beside.p99;
  assert.ok(
    times <= mostTimesSlower,
    `${name}: p99 ${own.p99.toFixed(1)} ms beside ${beside.p99.toFixed(1)} ms, ${times.toFixed(1)} times`,
  );
}

function tell(seen: object): void {
  console.log(
    JSON.stringify(
      seen,
      (_, value) => (typeof value === 'number' ? Math.round(value * 10) / 10 : value),
      1,
    ),
  );
}
