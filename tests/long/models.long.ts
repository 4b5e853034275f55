import assert from 'node:assert/strict';
import { loadAccount } from '../support/account-load.ts';
import { limitMicroUsd, RacingLab } from '../support/budget-race.ts';
import { type Refusals, weatherStorm } from '../support/storm.ts';
import { verifies } from '../support/verifies.ts';
import { mostInAnyMinute } from '../support/window-server.ts';

const accounts = {
  requests: {
    requestsPerMinute: 590,
    inputTokensPerMinute: 400_000,
    outputTokensPerMinute: 80_000,
    concurrency: 40,
  },
  'input tokens': {
    requestsPerMinute: 900,
    inputTokensPerMinute: 140_000,
    outputTokensPerMinute: 90_000,
    concurrency: 40,
  },
};

/** Refusals for a minute; a date says when it is over. */
const storms: Readonly<Record<string, () => Refusals['headers']>> = {
  'no Retry-After': () => ({}),
  'Retry-After: 2': () => ({ 'retry-after': '2' }),
  'Retry-After: -1': () => ({ 'retry-after': '-1' }),
  'Retry-After: 1e9': () => ({ 'retry-after': '1e9' }),
  'an HTTP date': () => ({ 'retry-after': new Date(Date.now() + 55_000).toUTCString() }),
};

describe('models under load, in real time', function () {
  this.timeout(600_000);

  for (const [what, allowance] of Object.entries(accounts))
    it(`600 agents use all the ${what} of their account, and are never refused`, async () => {
      verifies('R6.sliding-window', 'R6.utilisation');
      const figures = await loadAccount({ allowance, times: 1, latencyMs: 200 });
      console.error(what, figures);

      const { status, calls, refused, makespanMs, idealMs } = figures;
      assert.deepEqual([status, calls, refused], ['succeeded', 1_800, 0]);
      assert.ok(makespanMs <= 1.05 * idealMs, `${makespanMs} ms instead of ${idealMs} ms`);
    });

  for (const [said, headers] of Object.entries(storms))
    it(`a provider that refuses everything for a minute, with ${said}, has its whole rate back 30 s later`, async () => {
      verifies('R6.retry-after', 'R6.backoff');
      const perMinute = 600;
      const agents = 700;
      const storm = { headers: headers(), stormMs: 60_000, agents, perMinute, untilMs: 45_000 };
      const { calls, endedAt, failed } = await weatherStorm(storm);

      const within = (from: number, to: number) =>
        calls.filter(({ at }) => at >= endedAt + from && at < endedAt + to).length;
      const refused = calls.filter(({ at }) => at < endedAt).length;
      const after = calls.filter(({ at }) => at >= endedAt);
      const inTenSeconds = within(30_000, 40_000);
      console.error(said, { refused, burst: mostInAnyMinute(after, 100, () => 1), inTenSeconds });
      assert.equal(failed, 0);
      assert.ok(after.every(({ status }) => status === 200));
      assert.ok(mostInAnyMinute(after, 60_000, () => 1) <= perMinute);
      assert.ok(mostInAnyMinute(after, 100, () => 1) <= 3);
      // Everyone who did not know yet, and the few calls that find out; see tests/engine/limits/pace.test.ts.
      assert.ok(refused <= Math.min(agents, perMinute) + 80, `${refused} refused`);
      assert.ok(inTenSeconds >= (0.9 * perMinute) / 6, `${inTenSeconds} in ten seconds`);
    });

  it('500 agents on two engines never pass their budget, in 50 rounds', async () => {
    verifies('R7.budget', 'R7.reserve');
    const lab = await RacingLab.open();
    const rounds = await lab.raceScarce(50).finally(() => lab.close());

    const most = Math.max(...rounds.map((round) => round.most));
    const changes = rounds.reduce((sum, round) => sum + round.changes, 0);
    console.error({ rounds: rounds.length, changes, most });
    assert.equal(rounds.filter(({ engines }) => engines === 2).length, 50);
    assert.ok(most <= limitMicroUsd);
    for (const { reserved, settled, cost } of rounds)
      assert.deepEqual([reserved, settled], [0, cost]);
  });
});
