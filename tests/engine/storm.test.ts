import assert from 'node:assert/strict';
import { stormTurns, type Weathered, weatherStorm } from '../support/storm.ts';
import { verifies } from '../support/verifies.ts';
import { mostInAnyMinute } from '../support/window-server.ts';

const agents = 20;
const perMinute = 600;
/** Times that the gate opens within five seconds: more than eight come once in three million storms (full jitter over 1, 2, 4, 8 s …). */
const openings = 8;

/** What the refusals come with; tests/long/models.long.ts has more, and a minute of them. */
const storms = {
  'no Retry-After': () => ({}),
  'Retry-After: 1e9': () => ({ 'retry-after': '1e9' }),
  'an HTTP date': () => ({ 'retry-after': new Date(Date.now() + 3_000).toUTCString() }),
} as const;
type Said = keyof typeof storms;
const all = Object.keys(storms) as readonly Said[];

describe('a provider that refuses everything for five seconds', function () {
  this.timeout(180_000);
  const weathered = new Map<Said, Weathered>();

  before(async () => {
    const common = { stormMs: 5_000, agents, perMinute };
    await Promise.all(
      all.map(async (said) => {
        weathered.set(said, await weatherStorm({ ...common, headers: storms[said]() }));
      }),
    );
  });

  for (const said of all)
    describe(`with ${said}`, () => {
      const seen = (): Weathered => weathered.get(said) as Weathered;
      const afterwards = () => seen().calls.filter(({ at }) => at >= seen().endedAt);

      it('fails no step, and costs none an attempt', () => {
        verifies('R6.backoff', 'R6.retry-after');
        const { status, failed } = seen();

        assert.deepEqual([status, failed], ['succeeded', 0]);
      });

      it('is asked by all who do not know yet, and then by one or two each time that its gate opens', () => {
        const refused = seen().calls.length - afterwards().length;

        assert.ok(refused >= 1 && refused <= agents + 2 * openings, `${refused} calls`);
      });

      it('meets no burst afterwards, and no more calls than it allows', () => {
        const largest = mostInAnyMinute(afterwards(), 100, () => 1);

        assert.ok(afterwards().every(({ status }) => status === 200));
        // A machine that stands still for a moment gathers some calls; a burst would be all of them at once.
        assert.ok(largest <= agents / 2, `${largest} in 100 ms`);
        assert.ok(mostInAnyMinute(afterwards(), 60_000, () => 1) <= perMinute);
      });

      it('is paid for what it has answered, and for nothing else', () => {
        const { calls, ledger } = seen();
        const refused = calls.filter(({ status }) => status === 429).length;

        assert.deepEqual(ledger, [
          { state: 'released', calls: refused, isPaid: false },
          { state: 'settled', calls: agents * stormTurns, isPaid: true },
        ]);
      });
    });
});
