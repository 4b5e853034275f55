import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestEngine } from '../support/engine.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';
import { itemsOf, lookTool, openWindowLab } from '../support/window-lab.ts';
import {
  type CallCounted,
  startWindowServer,
  type WindowServer,
} from '../support/window-server.ts';

const turns = 2;
const breaker = { failures: 5, probeMs: 700, successes: 3 };
const concurrency = 4;

/** A run, with what each server saw of it. */
interface Course {
  readonly id: string;
  readonly status: string;
  readonly first: readonly CallCounted[];
  readonly second: readonly CallCounted[];
  readonly steps: readonly {
    readonly item: string;
    readonly degraded: boolean;
    readonly text: string;
  }[];
  readonly ledger: readonly {
    readonly item: string;
    readonly model: string;
    readonly state: string;
  }[];
  /** What the journal says of the first model's breaker. */
  readonly moves: readonly string[];
}

describe('a chain of two providers, real threads and SDKs', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;
  let first: WindowServer;
  let second: WindowServer;

  before(async () => {
    const server = { allowance: {}, turns, tool: lookTool, latencyMs: 30 };
    first = await startWindowServer(server);
    second = await startWindowServer(server);
    tutti = await openWindowLab({
      models: {
        standard: [
          { model: 'first', baseUrl: first.baseUrl('openai') },
          { model: 'second', baseUrl: second.baseUrl('anthropic'), provider: 'anthropic' },
        ],
      },
      modelLimits: { first: { concurrency }, second: { concurrency: 8 } },
      breaker,
      agent: { attempts: 12 },
    });
    tenantId = await tutti.host.store.tenant('chain');
  });
  after(async function () {
    await tutti.close(this);
    await first.close();
    await second.close();
  });

  async function run(
    workflow: string,
    length: number,
    meanwhile = async () => {},
  ): Promise<Course> {
    const seenBefore = [(await first.seen()).length, (await second.seen()).length] as const;
    const ending = tutti.run(workflow, { tenantId, input: { items: itemsOf('q', length) } });
    await meanwhile();
    const { id, status } = await ending;
    const { database } = tutti.host;
    const steps = await queryAll<Course['steps'][number]>(
      database,
      `SELECT s.item_key AS item, s.degraded, convert_from(p.body, 'UTF8')::jsonb->>'text' AS text FROM tutti.step s
       JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq WHERE s.run_id = $1 AND s.kind = 'task'`,
      [id],
    );
    const ledger = await queryAll<Course['ledger'][number]>(
      database,
      `SELECT s.item_key AS item, l.model, l.state FROM tutti.ledger l JOIN tutti.step s ON s.run_id = l.run_id AND s.id = l.step
       WHERE l.run_id = $1 ORDER BY l.seq`,
      [id],
    );
    const entries = await tutti.history.entries(tenantId, id, 0);
    const moves = entries
      .filter(({ kind, data }) => kind === 'breaker.moved' && data.name === 'model:first')
      .map(({ data }) => String(data.state));
    const [firstSeen, secondSeen] = [await first.seen(), await second.seen()];
    return {
      ...{ id, status, steps, ledger, moves },
      first: firstSeen.slice(seenBefore[0]),
      second: secondSeen.slice(seenBefore[1]),
    };
  }

  /** Every call is in the ledger once, no turn of a step is paid twice, and the purses hold what the ledger says. */
  async function assertBooked({ first, second, ledger }: Course): Promise<void> {
    for (const [model, calls] of Object.entries({ first, second })) {
      const own = ledger
        .filter((row) => row.model === model)
        .map(({ item, state }) => [item, state]);
      const seen = calls.map(({ item, status }) => [
        item,
        status === 200 ? 'settled' : 'estimated',
      ]);
      assert.deepEqual(own.map(String).sort(), seen.map(String).sort());
    }
    const paid = Map.groupBy(
      ledger.filter(({ state }) => state === 'settled'),
      ({ item }) => item,
    );
    for (const [item, rows] of paid)
      assert.ok(rows.length <= turns, `${item} was paid ${rows.length} times`);
    const [purse] = await queryAll<{ reserved: number; settled: number; cost: number }>(
      tutti.host.database,
      // Each day has a purse, and midnight may be now.
      `SELECT sum(reserved_micro_usd)::int AS reserved, sum(settled_micro_usd)::int AS settled,
         (SELECT sum(cost_micro_usd)::int FROM tutti.ledger) AS cost FROM tutti.budget WHERE scope = 'tenant'`,
    );
    assert.deepEqual([purse?.reserved, purse?.settled], [0, purse?.cost]);
  }

  it('goes on with the next one when the first has failed five times in a row', async () => {
    verifies('R8.breaker', 'R8.fallback');
    await first.feel({ status: 500 });

    const course = await run('window.standard', 30);

    assert.equal(course.status, 'succeeded');
    assert.deepEqual(
      new Set(course.steps.map(({ text }) => text)),
      new Set(['answered by second']),
    );
    // Those that were under way when it opened come on top.
    const { length } = course.first;
    assert.ok(
      length >= breaker.failures && length < breaker.failures + concurrency + course.moves.length,
      `${length} calls`,
    );
    assert.equal(course.moves[0], 'open');
    assert.equal(course.second.length, 30 * turns);
    await assertBooked(course);
  });

  it('probes the first one call at a time, and goes back to it after three that were answered', async () => {
    verifies('R8.breaker');
    await first.feel({ status: 500 });
    await run('window.standard', 10);
    await first.feel({});
    await wait(breaker.probeMs);

    const course = await run('window.standard', 60);

    assert.deepEqual(course.moves, ['half_open', 'closed']);
    // Open calls as the server saw them: alone until three had been answered.
    const probes = course.first.slice(0, breaker.successes);
    assert.deepEqual(
      probes.map(({ open, status }) => [open, status]),
      probes.map(() => [1, 200]),
    );
    assert.ok(course.second.length > 0 && course.first.length > breaker.successes);
    assert.equal(course.first.length + course.second.length, 60 * turns);
    await assertBooked(course);
  });

  it('pays no turn twice while the two take turns at being away', async () => {
    verifies('R7.reserve', 'R7.cost');
    const flip = async (): Promise<void> => {
      const isOver = async (time: number): Promise<boolean> =>
        time >= 9 && (await second.seen()).some(({ status }) => status === 200);
      for (let time = 0; !(await isOver(time)); time += 1) {
        await first.feel(time % 2 === 0 ? { status: 500 } : {});
        await second.feel(time % 4 === 3 ? { status: 503 } : {});
        await wait(200);
      }
      await first.feel({});
      await second.feel({});
    };

    const course = await run('window.standard', 150, flip);

    assert.equal(course.status, 'succeeded');
    const answered = course.ledger.filter(({ state }) => state === 'settled');
    assert.equal(answered.length, 150 * turns);
    assert.deepEqual(new Set(answered.map(({ model }) => model)), new Set(['first', 'second']));
    const failed = [...course.first, ...course.second].filter(({ status }) => status !== 200);
    assert.ok(failed.length >= breaker.failures);
    assert.ok(course.moves.includes('open'));
    await assertBooked(course);
  });

  // The last of those that share the engine: both breakers stay open.
  it('works by the playbooks, marked, while both are away', async () => {
    verifies('R8.degraded');
    await first.feel({ status: 500 });
    await second.feel({ status: 503 });

    const course = await run('window.keep', 12);

    assert.equal(course.status, 'succeeded');
    assert.deepEqual(
      course.steps.map(({ degraded, text }) => [degraded, text]),
      course.steps.map(() => [true, 'by the book']),
    );
    assert.equal(course.steps.length, 12);
    await assertBooked(course);
  });
});
