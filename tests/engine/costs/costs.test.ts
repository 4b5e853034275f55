import assert from 'node:assert/strict';
import { type CostWay, costWays } from '../../../core/engine/costs/cost-ways.ts';
import { type CostSums, Costs } from '../../../core/engine/costs/costs.ts';
import { type LedgerCall, LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { Dice } from '../world/dice.ts';

const dayMs = 86_400_000;
const now = new Date('2026-06-30T15:00:00Z');
const noon = (daysAgo: number) => new Date(Date.parse('2026-06-30T12:00:00Z') - daysAgo * dayMs);
const dayOf = (at: Date) => at.toISOString().slice(0, 10);

/** A call with all that it is counted by. */
interface Known extends LedgerCall {
  readonly names: Readonly<Record<CostWay, string>>;
}

describe('costs', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let rows: LedgerRows;
  let costs: Costs;

  before(async () => {
    fresh = await freshDatabase();
    rows = new LedgerRows(fresh.database);
    costs = new Costs(fresh.database);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** Calls of three runs over the last days, many of them dear, and all that can be said of one. */
  async function fill(tenantId: number, dice: Dice): Promise<readonly Known[]> {
    const calls: Known[] = [];
    for (const workflow of ['nightly', 'nightly', 'weekly']) {
      const run = await rows.run(tenantId, workflow, { createdAt: noon(0) });
      const agents = ['lab.match', 'lab.read', 'ledger.close'];
      for (const [id, agent] of agents.entries()) await rows.step(tenantId, run, { id, agent });
      for (let seq = 1; seq <= 40; seq += 1) {
        const call = aCall(dice, { tenantId, run, seq, agents, workflow });
        calls.push(call);
        await rows.call(call);
      }
    }
    return calls;
  }

  it('agree in every way to add them up, to the last micro-USD, whatever is in the ledger', async () => {
    verifies('R7.per-run', 'R7.cost');
    for (let seed = 1; seed <= 4; seed += 1) {
      const tenantId = await rows.tenant(`seed-${seed}`);
      const calls = await fill(tenantId, new Dice(seed));
      for (const simulated of [false, true]) {
        const counted = calls.filter(
          (call) => call.simulated === simulated && call.state !== 'released' && isWithin(call, 7),
        );
        for (const by of costWays) {
          const view = await costs.read(tenantId, { by, days: 7, simulated, now });

          const place = `seed ${seed}, by ${by}, ${simulated ? 'simulated' : 'real'}`;
          assert.deepEqual(view.total, expected(counted), place);
          const groups = Map.groupBy(counted, (call) => call.names[by]);
          for (const row of view.rows) {
            const { name, workflow: _, changeMicroUsd: __, ...sums } = row;
            assert.deepEqual(sums, expected(groups.get(name) ?? []), `${place}: ${name}`);
          }
          const named = view.rows.map((row) => row.name);
          for (const name of groups.keys()) assert.ok(named.includes(name), `${place}: ${name}`);
          assert.equal(new Set(named).size, named.length, place);
          assert.equal(view.left, 0);
        }
      }
    }
  });

  it('leave rehearsals apart, and say that there are some', async () => {
    const tenantId = await rows.tenant('rehearsing');
    const run = await rows.run(tenantId, 'nightly');
    const one = { tenantId, run, step: 1, state: 'settled', bound: 9, tokens: null } as const;
    const other = { model: 'm', batch: false, at: noon(0), data: {} } as const;
    await rows.call({ ...one, ...other, seq: 1, cost: 5, simulated: false });
    await rows.call({ ...one, ...other, seq: 2, cost: 7, simulated: true });

    const real = await costs.read(tenantId, { by: 'model', days: 1, now });
    const simulated = await costs.read(tenantId, { by: 'model', days: 1, simulated: true, now });

    assert.deepEqual([real.total.costMicroUsd, real.apart], [5, { calls: 1, costMicroUsd: 7 }]);
    assert.deepEqual(
      [simulated.total.costMicroUsd, simulated.apart],
      [7, { calls: 1, costMicroUsd: 5 }],
    );
  });

  it('show every day, and what it cost more than the day before', async () => {
    verifies('R7.trend');
    const tenantId = await rows.tenant('trend');
    const run = await rows.run(tenantId, 'nightly');
    for (const [index, [daysAgo, cost]] of [
      [4, 100],
      [3, 40],
      [1, 90],
      [0, 90],
    ].entries())
      await rows.call({
        ...{ tenantId, run, seq: index + 1, step: 1, model: 'm', state: 'settled', bound: 500 },
        ...{ cost: cost ?? 0, tokens: null, simulated: false, batch: false, data: {} },
        at: noon(daysAgo ?? 0),
      });

    const { rows: days, since, total } = await costs.read(tenantId, { by: 'day', days: 4, now });

    assert.equal(since, '2026-06-27');
    assert.deepEqual(
      days.map((day) => [day.name, day.costMicroUsd, day.changeMicroUsd]),
      [
        ['2026-06-27', 40, -60],
        ['2026-06-28', 0, -40],
        ['2026-06-29', 90, 90],
        ['2026-06-30', 90, 0],
      ],
    );
    assert.equal(total.costMicroUsd, 220);
  });

  it('count a call on the day whose purses paid it', async () => {
    const tenantId = await rows.tenant('midnight');
    const run = await rows.run(tenantId, 'nightly');
    await rows.call({
      ...{ tenantId, run, seq: 1, step: 1, model: 'm', state: 'settled', bound: 5, cost: 3 },
      ...{ tokens: null, simulated: false, batch: false, data: { period: '2026-06-29' } },
      at: new Date('2026-06-30T00:00:00.004Z'),
    });

    const { rows: days } = await costs.read(tenantId, { by: 'day', days: 2, now });

    assert.deepEqual(
      days.map((day) => day.costMicroUsd),
      [3, 0],
    );
  });

  it('have the dearest first, with the workflow of a run, and are nothing before the first call', async () => {
    const tenantId = await rows.tenant('order');
    const ids = [await rows.run(tenantId, 'cheap'), await rows.run(tenantId, 'dear')];
    for (const [index, run] of ids.entries())
      await rows.call({
        ...{ tenantId, run, seq: 1, step: 1, model: 'm', state: 'settled', bound: 50 },
        ...{ cost: 10 * (index + 1), tokens: null, simulated: false, batch: false, data: {} },
        at: noon(0),
      });

    const byRun = await costs.read(tenantId, { by: 'run', days: 1, now });
    const none = await costs.read(await rows.tenant('none'), { by: 'model', days: 1, now });

    assert.deepEqual(
      byRun.rows.map((row) => [row.name, row.workflow]),
      [
        [ids[1], 'dear'],
        [ids[0], 'cheap'],
      ],
    );
    assert.deepEqual([none.rows, none.total.calls, none.left], [[], 0, 0]);
  });

  it('are an error beyond what a number holds exactly, and no rounded sum', async () => {
    const tenantId = await rows.tenant('rich');
    const run = await rows.run(tenantId, 'nightly');
    for (let seq = 1; seq <= 2; seq += 1)
      await rows.call({
        ...{ tenantId, run, seq, step: 1, model: 'm', state: 'settled', bound: 1 },
        ...{ cost: Number.MAX_SAFE_INTEGER, tokens: null, simulated: false, batch: false },
        ...{ at: noon(0), data: {} },
      });

    await assert.rejects(costs.read(tenantId, { by: 'model', days: 1, now }), /beyond 2\^53/);
  });
});

const states = ['settled', 'settled', 'settled', 'estimated', 'reserved', 'released'] as const;

function aCall(
  dice: Dice,
  of: {
    readonly tenantId: number;
    readonly run: string;
    readonly seq: number;
    readonly agents: readonly string[];
    readonly workflow: string;
  },
): Known {
  const { tenantId, run, seq, agents, workflow } = of;
  const state = dice.pick(states);
  const step = dice.below(agents.length);
  const bound = dice.below(2 ** 31) * dice.pick([1, 1_000]);
  const cost = { settled: dice.below(bound + 1), estimated: bound, released: 0, reserved: null };
  // Where the entry is gone, the day is the run's and the agent the step's.
  const at = dice.once(12) ? null : noon(dice.below(10));
  const day = dayOf(at ?? noon(0));
  // An agent of another module took over; the entry says so.
  const taken = at !== null && dice.once(5) ? 'desk.clerk' : null;
  const agent = taken ?? (agents[step] as string);
  const module = agent.split('.')[0] as string;
  const data = {
    ...(dice.once(2) && { period: day }),
    ...((taken || dice.once(2)) && { module }),
    ...(taken && { agent: taken }),
  };
  const model = dice.pick(['small', 'large', 'large-2026-01-01']);
  const tokens = {
    input: dice.below(1e6),
    cachedInput: dice.below(1e3),
    cacheWrite: dice.below(9),
  };
  const output = { output: dice.below(1e5), reasoning: dice.below(1e4) };
  return {
    ...{ tenantId, run, seq, step, model, state, bound, at, data },
    cost: cost[state],
    tokens: state === 'settled' ? { ...tokens, ...output } : null,
    simulated: dice.once(4),
    batch: dice.once(4),
    names: { model, module, workflow, agent, run, day },
  };
}

function isWithin({ names }: Known, days: number): boolean {
  return names.day > dayOf(noon(days));
}

/** The same sums by other means: whole numbers of any size, one call after the other. */
function expected(calls: readonly Known[]): CostSums {
  const made = calls.filter(({ state }) => state === 'settled' || state === 'estimated');
  const sum = (of: readonly Known[], amount: (call: Known) => number | null): number =>
    Number(of.reduce((all, call) => all + BigInt(amount(call) ?? 0), 0n));
  const guessed = made.filter(({ state }) => state === 'estimated');
  const batches = made.filter(({ batch }) => batch);
  const open = calls.filter(({ state }) => state === 'reserved');
  const tokens = (kind: string) =>
    sum(made, (call) => (call.tokens as Record<string, number> | null)?.[kind] ?? 0);
  return {
    calls: made.length,
    costMicroUsd: sum(made, ({ cost }) => cost),
    estimatedCalls: guessed.length,
    estimatedMicroUsd: sum(guessed, ({ cost }) => cost),
    batchCalls: batches.length,
    batchMicroUsd: sum(batches, ({ cost }) => cost),
    openCalls: open.length,
    reservedMicroUsd: sum(open, ({ bound }) => bound),
    tokens: {
      input: tokens('input'),
      cachedInput: tokens('cachedInput'),
      cacheWrite: tokens('cacheWrite'),
      output: tokens('output'),
      reasoning: tokens('reasoning'),
    },
  };
}
