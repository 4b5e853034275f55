import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { Gate } from '../../../core/engine/limits/gate.ts';
import type { Tier } from '../../../core/engine/limits/tier.ts';
import { Tiers } from '../../../core/engine/limits/tiers.ts';
import { openPool } from '../../../core/ports/db/connection.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const hourMs = 3_600_000;
const one = { inputTokens: 0, outputTokens: 0 };

/** An engine's hour of one gate. */
interface Side {
  readonly clock: FakeClock;
  readonly tiers: Tiers;
  readonly tier: Tier;
}

function sideOf(pool: pg.Pool | null, name: string, limit: number): Side {
  const clock = new FakeClock();
  const tiers = new Tiers({ pool, clock, onCredit: () => {} });
  const { hour } = tiers.of(name, { requestsPerHour: limit });
  return { clock, tiers, tier: hour as Tier };
}

/** Takes one request when there is credit, or when the store gives some. */
async function tryTake({ tier, clock }: Side): Promise<boolean> {
  const now = clock.monotonic();
  if (!tier.allows(1, now)) {
    await tier.settled();
    if (!tier.allows(1, clock.monotonic())) return false;
  }
  tier.take(1, clock.monotonic());
  return true;
}

/** Takes until nothing comes any more, also not a little later. */
async function takeAll(side: Side): Promise<number> {
  let taken = 0;
  for (let refused = 0; refused < 3; ) {
    if (await tryTake(side)) taken += 1;
    else {
      refused += 1;
      side.clock.pass(100);
    }
  }
  return taken;
}

describe('Tier', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let names = 0;
  const aName = () => {
    names += 1;
    return `model:${names}`;
  };
  const points = async (name: string): Promise<number | undefined> => {
    const key = `hour:${name}`;
    const { rows } = await pool.query('SELECT points FROM tutti.rate_window WHERE key = $1', [key]);
    return rows[0]?.points;
  };

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });
  after(function () {
    return fresh.drop(this);
  });

  it('lets engines have all of a limit between them, to the last request, and never more', async () => {
    verifies('R6.tiers', 'R6.several-engines');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 60 }),
        async (limit, turns) => {
          const name = aName();
          const sides = [0, 1, 2].map(() => sideOf(pool, name, limit));
          // At the same time, so that they are in each other's way.
          const took = await Promise.all(turns.map((side) => tryTake(sides[side] as Side)));
          let taken = took.filter(Boolean).length;
          assert.ok(taken <= limit, `${taken} of ${limit}`);
          for (const side of sides) taken += await takeAll(side);

          assert.equal(taken, limit);
          assert.equal(await points(name), limit);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('remembers over a restart what was used', async () => {
    const name = aName();
    const before = sideOf(pool, name, 20);
    for (let each = 0; each < 15; each += 1) assert.ok(await tryTake(before));
    await before.tiers.close();

    assert.equal(await takeAll(sideOf(pool, name, 20)), 5);
  });

  it('lets others have what it has fetched and nobody uses', async () => {
    const name = aName();
    const idle = sideOf(pool, name, 100);
    assert.ok(await tryTake(idle));
    const other = sideOf(pool, name, 100);
    const first = await takeAll(other);
    assert.ok(first < 99, `${first}: the other has fetched more than one`);

    await idle.tiers.tend();
    assert.equal(await points(name), 100);
    idle.clock.pass(6_000);
    await idle.tiers.tend();
    other.clock.pass(5_000);

    assert.equal(first + (await takeAll(other)), 99);
    assert.equal(await takeAll(idle), 0);
  });

  it('begins anew when its window is over; what is given back late widens nothing', async () => {
    const name = aName();
    const side = sideOf(pool, name, 10);
    const { clock, tier } = side;
    await tryTake(side);
    const late = tier.take(0, clock.monotonic());
    assert.equal(await takeAll(side), 9);
    await pool.query('UPDATE tutti.rate_window SET expire = 1 WHERE key = $1', [`hour:${name}`]);
    clock.pass(hourMs);
    assert.ok(await tryTake(side));

    tier.giveBack({ ...late, amount: 5 }, clock.monotonic());

    assert.equal(await takeAll(side), 9);
    clock.pass(hourMs - 1_000);
    await side.tiers.close();
    assert.equal(await points(name), 10);
  });

  it('gives back a call that was never made', async () => {
    const side = sideOf(pool, aName(), 3);
    const { clock, tier } = side;
    await takeAll(side);

    tier.giveBack({ amount: 1, window: tier.take(0, clock.monotonic()).window }, clock.monotonic());

    assert.equal(await takeAll(side), 1);
    assert.deepEqual(tier.stats(clock.monotonic()), { used: 3, limit: 3 });
  });

  it('lets nothing pass while its store does not answer, and asks again a second later', async () => {
    const name = aName();
    const away = openPool(fresh.database.connectionConfig, 'tutti_engine', { size: 1 });
    const side = sideOf(away, name, 10);
    await away.end();

    assert.equal(await tryTake(side), false);
    assert.equal(side.tier.waitMs(1, side.clock.monotonic()), 1_000);
  });

  it('says when there is credit again, and how long it will be without', async () => {
    const clock = new FakeClock();
    let told = 0;
    const onCredit = () => {
      told += 1;
    };
    const tiers = new Tiers({ pool, clock, onCredit });
    const { day } = tiers.of(aName(), { requestsPerDay: 1 });
    const gate = new Gate({}, { day });

    assert.equal(gate.blocker(one, clock.monotonic()), 'day');
    assert.equal(gate.waitMs(one, clock.monotonic()), null);
    await day?.settled();
    assert.equal(told, 1);
    assert.equal(gate.blocker(one, clock.monotonic()), null);
    gate.take(one, clock.monotonic());
    assert.equal(gate.blocker(one, clock.monotonic()), 'day');
    await day?.settled();
    assert.equal(gate.waitMs(one, clock.monotonic()), 5_000);
  });

  it('forgets rows that are long over, and only those', async () => {
    const over = aName();
    const side = sideOf(pool, aName(), 5);
    await tryTake(side);
    const { clock } = side;
    await pool.query('INSERT INTO tutti.rate_window VALUES ($1, 3, $2)', [
      `hour:${over}`,
      clock.now() - hourMs,
    ]);
    const rows = async () => (await pool.query('SELECT FROM tutti.rate_window')).rowCount as number;
    const before = await rows();

    clock.pass(hourMs + 1);
    await side.tiers.tend();

    assert.equal(await points(over), undefined);
    assert.equal(await rows(), before - 1);
  });

  it('looks for rows that are long over once an hour that has passed, however its clock is set', async () => {
    const side = sideOf(pool, aName(), 5);
    const { clock, tiers } = side;
    const over = aName();
    await pool.query('INSERT INTO tutti.rate_window VALUES ($1, 3, $2)', [
      `hour:${over}`,
      clock.now() - 30 * 24 * hourMs,
    ]);

    clock.set(2 * hourMs);
    await tiers.tend();
    const early = await points(over);
    clock.set(-26 * hourMs);
    clock.pass(hourMs);
    await tiers.tend();

    assert.deepEqual([early, await points(over)], [3, undefined]);
  });

  it('forks into a copy that spends what is left, and then a full window', async () => {
    const side = sideOf(null, 'model:memory', 10);
    const { clock } = side;
    for (let each = 0; each < 4; each += 1) assert.ok(await tryTake(side));
    const copy = side.tier.fork();
    let now = clock.monotonic();
    const takeFork = () => {
      let taken = 0;
      for (; copy.allows(1, now); taken += 1) copy.take(1, now);
      return taken;
    };

    assert.equal(takeFork(), 6);
    now += copy.waitMs(1, now) as number;
    assert.equal(takeFork(), 10);
    assert.equal(await takeAll(side), 6);
  });
});
