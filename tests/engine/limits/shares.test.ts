import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { limitsOf } from '../../../core/engine/limits/gate-limits.ts';
import { type Permit, Permits } from '../../../core/engine/limits/permits.ts';
import { Shares } from '../../../core/engine/limits/shares.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { type Counted, mostInAnyWindow } from './sliding.ts';

const names = ['model:large'];
const leaseMs = 15_000;

/** What the provider sees: every call, at its exact moment, whichever engine made it. */
interface Provider {
  readonly clock: FakeClock;
  readonly calls: (Counted & { readonly tokens: number })[];
  open: number;
  mostOpen: number;
}

/** An engine, as far as limits go; time passes for all of them alike. */
class Side {
  readonly boot = newId();
  readonly permits: Permits;
  readonly shares: Shares;
  readonly open: Permit[] = [];
  readonly #provider: Provider;

  constructor(pool: pg.Pool, provider: Provider, limits: Parameters<typeof limitsOf>[0]) {
    this.#provider = provider;
    this.permits = new Permits({ limitsOf: limitsOf(limits) });
    const { clock } = provider;
    const recall = () => {};
    this.shares = new Shares({ pool, boot: this.boot, permits: this.permits, clock, recall });
  }

  /** Makes as many calls as it may, up to `most`; returns how many. */
  call(most: number, tokens = 1): number {
    const { clock, calls } = this.#provider;
    const now = clock.monotonic();
    const demand = { inputTokens: tokens, outputTokens: 0 };
    let made = 0;
    for (; made < most && this.permits.blocker(names, demand, now) === null; made += 1) {
      this.open.push(this.permits.take(names, demand, now));
      calls.push({ at: now, amount: 1, tokens });
      this.#provider.open += 1;
      this.#provider.mostOpen = Math.max(this.#provider.mostOpen, this.#provider.open);
    }
    return made;
  }

  /** Ends its calls. */
  end(): void {
    const now = this.#provider.clock.monotonic();
    for (const permit of this.open.splice(0)) {
      this.permits.settle(permit, permit.demand, now);
      this.#provider.open -= 1;
    }
  }
}

describe('Shares', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let provider: Provider;
  let passedAt = 0;
  const clockOf = () => new FakeClock();

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });
  beforeEach(reset);
  after(function () {
    return fresh.drop(this);
  });

  async function reset(): Promise<void> {
    await pool.query('DELETE FROM tutti.share');
    await pool.query('DELETE FROM tutti.engine');
    provider = { clock: clockOf(), calls: [], open: 0, mostOpen: 0 };
    passedAt = performance.now();
  }

  async function join(limits: Parameters<typeof limitsOf>[0]): Promise<Side> {
    const side = new Side(pool, provider, limits);
    await pool.query(
      `INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, lease_until)
       VALUES ($1, 'here', 1, now(), 'test', '[1,2]', now() + $2 * interval '1 millisecond')`,
      [side.boot, leaseMs],
    );
    side.permits.gate('model:large');
    return side;
  }

  /**
   * Time passes: on the engines' clock, and, because the database's cannot be moved, by making everything there older. What has really passed
   * there since the last time is less to add, so that the two clocks never come far apart.
   */
  async function pass(byMs: number, living: readonly Side[]): Promise<void> {
    provider.clock.pass(byMs);
    const now = performance.now();
    const ms = byMs - (now - passedAt);
    passedAt = now;
    const older = `$1 * interval '1 millisecond'`;
    await pool.query(
      `UPDATE tutti.share SET used_until = used_until - ${older}, fed_at = fed_at - ${older}`,
      [ms],
    );
    await pool.query(
      `UPDATE tutti.engine SET lease_until = CASE WHEN id = ANY ($2) THEN now() + $3 * interval '1 millisecond' ELSE lease_until - ${older} END`,
      [ms, living.map(({ boot }) => boot), leaseMs],
    );
  }

  async function die(side: Side): Promise<void> {
    await pool.query(`UPDATE tutti.engine SET state = 'gone' WHERE id = $1`, [side.boot]);
    // Its sockets close with it.
    provider.open -= side.open.length;
  }

  /** All of them in turn, as each does it once a second. Engines reckon with two seconds between the clocks: a slow machine must not make it more. */
  async function balance(...sides: readonly Side[]): Promise<void> {
    for (const side of sides) {
      if (performance.now() - passedAt > 500) await pass(0, []);
      await side.shares.balance();
    }
  }

  const limits = { modelLimits: { large: { requestsPerMinute: 60, concurrency: 9 } } };

  it('gives all to an engine that is alone, which writes nothing', async () => {
    const side = await join(limits);
    assert.equal(side.call(1), 0);

    await balance(side);

    assert.equal(side.shares.state, 'alone');
    assert.equal(side.call(100), 9);
    assert.equal((await pool.query('SELECT FROM tutti.share')).rowCount, 0);
  });

  it('shares with an engine that comes, at once where nothing was used', async () => {
    verifies('R6.several-engines');
    const first = await join(limits);
    await balance(first);
    const second = await join(limits);
    await balance(second);
    assert.equal(second.call(1), 0);

    await balance(first, second);

    assert.deepEqual([first.call(100), second.call(100)], [5, 4]);
    assert.equal(provider.mostOpen, 9);
  });

  it('counts what was used of a share that shrank until its minute is over', async () => {
    const first = await join({ modelLimits: { large: { requestsPerMinute: 60 } } });
    await balance(first);
    assert.equal(first.call(100), 60);
    first.end();
    const second = await join({ modelLimits: { large: { requestsPerMinute: 60 } } });
    for (let second_ = 0; second_ < 60; second_ += 5) {
      await balance(second, first);
      assert.equal(second.call(1), 0);
      await pass(5_000, [first, second]);
    }
    await pass(4_000, [first, second]);
    await balance(first, second, first, second, first);

    assert.equal(second.call(100), 30);
    assert.equal(first.call(100), 30);
  });

  it('counts the share of an engine that died until its minute is over, then has it', async () => {
    const [first, second] = [await join(limits), await join(limits)];
    await balance(first, second, first, second);
    first.call(5);
    await die(first);

    await balance(second);
    assert.equal(second.call(100), 4);
    second.end();
    await pass(30_000, [second]);
    await balance(second);
    assert.equal(second.call(100), 4);
    second.end();
    await pass(leaseMs + 36_000, [second]);
    await balance(second);

    assert.equal(second.shares.state, 'alone');
    assert.equal(second.call(100), 9);
    assert.equal((await pool.query('SELECT FROM tutti.share')).rowCount, 0);
  });

  it('grants no more than its new share from before that is written', async () => {
    const [first, second] = [await join(limits), await join(limits)];
    await balance(first, second, first);
    const locker = await fresh.database.connect('tutti_engine');
    await locker.query('BEGIN');
    await locker.query('SELECT FROM tutti.share WHERE engine_id = $1 FOR UPDATE', [first.boot]);
    second.call(100);
    second.end();
    second.call(1);
    await second.shares.balance();
    const balanced = first.shares.balance();
    await eventually(async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
      );
      return rowCount === 1;
    });

    first.call(100);
    await locker.query('COMMIT');
    await locker.end();
    await balanced;
    await second.shares.balance();
    second.call(100);

    assert.ok(provider.mostOpen <= 9, `${provider.mostOpen} at once`);
  });

  it('lets nothing pass a gate that it has not shared yet', async () => {
    const first = await join(limits);
    await balance(first);
    const second = await join(limits);
    await balance(second, first, second);
    const unknown = ['model:large@other'];
    const demand = { inputTokens: 1, outputTokens: 1 };
    const now = provider.clock.monotonic();
    const blocker = () => first.permits.blocker(unknown, demand, now)?.blocker;

    assert.equal(blocker(), 'model_concurrency');
    await balance(first);
    assert.equal(blocker(), undefined);
  });

  it('lets two engines take turns with one call at once', async () => {
    const one = { modelLimits: { large: { concurrency: 1 } } };
    const [first, second] = [await join(one), await join(one)];
    const made = [0, 0];
    for (let at = 0; at < 40; at += 1) {
      for (const [index, side] of [first, second].entries()) {
        side.end();
        await balance(side);
        made[index] = (made[index] as number) + side.call(1);
      }
      await pass(1_000, [first, second]);
    }

    assert.equal(provider.mostOpen, 1);
    for (const count of made) assert.ok(count >= 8, `${made}`);
  });

  it('lets each of two engines make calls that need more than half of the tokens', async () => {
    const tokens = { modelLimits: { large: { tokensPerMinute: 30_000 } } };
    const [first, second] = [await join(tokens), await join(tokens)];
    const made = [0, 0];
    for (let at = 0; at < 360; at += 3) {
      for (const [index, side] of [first, second].entries()) {
        await balance(side);
        made[index] = (made[index] as number) + side.call(1, 20_000);
        side.end();
      }
      await pass(3_000, [first, second]);
    }

    assert.ok(Math.min(...made) >= 2, `${made}`);
    assert.ok(Math.max(...made) <= 3, `${made}`);
  });

  it('gives up on its end what it has not used, and nothing of what it has', async () => {
    const [first, second] = [await join(limits), await join(limits)];
    await balance(first, second, first, second);
    first.call(3);
    first.end();

    await first.shares.close();
    assert.equal(first.call(1), 0);
    await die(first);
    await balance(second);

    assert.equal(second.call(100), 9);
    second.end();
    for (let each = 0; each < 10; each += 1) {
      second.call(100);
      second.end();
    }
    assert.equal(provider.calls.length, 60);
  });

  it('never lets engines that come, die and want at random have more than a limit between them', async () => {
    verifies('R6.several-engines', 'R6.sliding-window');
    const random = {
      modelLimits: { large: { requestsPerMinute: 20, tokensPerMinute: 500, concurrency: 5 } },
    };
    const act = fc.record({
      kind: fc.constantFrom('balance', 'race', 'call', 'call', 'end', 'pass', 'join', 'die'),
      side: fc.nat(2),
      many: fc.integer({ min: 1, max: 12 }),
      tokens: fc.integer({ min: 1, max: 200 }),
      ms: fc.integer({ min: 500, max: 25_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 30, maxLength: 90 }), async (acts) => {
        await reset();
        const living: Side[] = [await join(random), await join(random)];
        for (const { kind, side: pick, many, tokens, ms } of acts) {
          const side = living[pick % Math.max(1, living.length)];
          if (kind === 'join' && living.length < 3) living.push(await join(random));
          if (kind === 'pass') await pass(ms, living);
          if (!side) continue;
          if (kind === 'balance') await balance(side);
          if (kind === 'call') side.call(many, tokens);
          if (kind === 'race') {
            const balanced = Promise.all(living.map((each) => each.shares.balance()));
            for (let look = 0; look < 40; look += 1) {
              await new Promise(setImmediate);
              living[look % living.length]?.call(1, tokens);
            }
            await balanced;
          }
          if (kind === 'end') side.end();
          // The last one's calls would be known from the journal only; that is another test's.
          if (kind === 'die' && living.length > 1 && side.shares.state === 'sharing') {
            const others = living.filter((each) => each !== side);
            if (others.every((each) => each.shares.state === 'waiting')) continue;
            await die(side);
            living.splice(living.indexOf(side), 1);
          }
        }

        assert.ok(mostInAnyWindow(provider.calls) <= 20);
        const tokens = provider.calls.map((call) => ({ at: call.at, amount: call.tokens }));
        assert.ok(mostInAnyWindow(tokens) <= 500);
        assert.ok(provider.mostOpen <= 5, `${provider.mostOpen} at once`);
      }),
      { numRuns: 30 },
    );
  });
});
