import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf, type Provider } from '../engine/batches/lab.ts';
import { BatchCrashLab, type KillableEngine } from '../support/batch-crash-lab.ts';
import type { RouteFault } from '../support/batch-server.ts';
import { verifies } from '../support/verifies.ts';

const providers = ['openai', 'anthropic'] as const;
const create = { openai: /^POST \/v1\/batches$/, anthropic: /^POST .*messages\/batches$/ };
const content = { openai: /content$/, anthropic: /results$/ };
/** What a call costs in a batch, by the lab's prices. */
const batchCost = 70;
/** So many steps a run has. */
const items = ['a', 'b', 'c'] as const;
/** Longer than an engine takes to take over from one that has died; a request may be on its way for so long. */
const onItsWayMs = 700;

type Trap = (lab: BatchCrashLab, engine: KillableEngine) => void;
type Meanwhile = Omit<Extract<RouteFault, { readonly kind: 'meanwhile' }>, 'kind'>;

/** How an engine dies with a run in its hands. */
interface Death {
  readonly name: string;
  /** What a provider's own adapter decides; the rest is the engine's alone. */
  readonly isOfAll?: boolean;
  /** Its crash point. */
  readonly at?: string;
  readonly gatherMs?: number;
  /** @default lab.sort, whose steps make one call each */
  readonly workflow?: string;
  /** Lays the trap, before the run is there. */
  readonly lay?: Trap;
  /** What leads to its death, once it has the run. */
  readonly lead?: (lab: BatchCrashLab, run: string, engine: KillableEngine) => Promise<void>;
}

/** Until each call of a run, or so many of each, is in a batch whose id is recorded. */
const submitted = (lab: BatchCrashLab, run: string, times = 1) =>
  lab.until(async () => (await lab.submitted(run)) === times * items.length);

function deathsOf(provider: Provider): readonly Death[] {
  const on =
    (route: RegExp) =>
    (how: (engine: KillableEngine) => Meanwhile): Trap =>
    (lab, engine) =>
      lab.server.fail(route, { kind: 'meanwhile', ...how(engine) });
  const onCreate = on(create[provider]);
  const onResults = on(content[provider]);
  const answer = async (lab: BatchCrashLab, run: string): Promise<void> => {
    await submitted(lab, run);
    lab.server.end();
  };
  const deaths: readonly Death[] = [
    {
      name: 'while calls gather',
      gatherMs: 3_600_000,
      lead: async (lab, run, engine) => {
        await lab.until(async () => (await lab.entries(run, 'turn.started')) === items.length);
        await engine.kill();
        assert.equal(await lab.entries(run, 'batch.planned'), 0);
      },
    },
    {
      name: 'before the provider has what was planned',
      isOfAll: true,
      lay: onCreate((engine) => ({ before: () => engine.kill(), isDropped: true })),
    },
    {
      name: 'while the batch is on its way, which arrives later',
      isOfAll: true,
      lay: onCreate((engine) => ({
        before: () => engine.kill().then(() => sleep(onItsWayMs)),
      })),
    },
    {
      name: 'when the provider has it and has not said so',
      isOfAll: true,
      lay: onCreate((engine) => ({ after: () => engine.kill() })),
    },
    {
      name: 'when it knows its id and has not recorded it',
      at: 'before-flush',
      lay: onCreate((engine) => ({ after: async () => engine.arm() })),
    },
    {
      name: 'while the batch is out',
      lead: async (lab, run, engine) => {
        await submitted(lab, run);
        await engine.kill();
      },
    },
    {
      name: 'between two batches of a conversation',
      workflow: 'lab.look',
      lead: async (lab, run, engine) => {
        await submitted(lab, run);
        lab.server.end();
        await submitted(lab, run, 2);
        await engine.kill();
      },
    },
    {
      name: 'with answers in its hands that are not recorded',
      isOfAll: true,
      at: 'before-flush',
      lay: onResults((engine) => ({ after: async () => engine.arm() })),
      lead: answer,
    },
    {
      name: 'with answers that are recorded',
      at: 'after-flush',
      lay: onResults((engine) => ({ after: async () => engine.arm() })),
      lead: answer,
    },
  ];
  return deaths.filter(({ isOfAll }) => provider === 'openai' || isOfAll);
}

/** Every answer was used once, no request was submitted twice, and all of it was paid once. */
async function assertOnce(lab: BatchCrashLab, run: string, of: readonly string[]): Promise<void> {
  const rounds = of.map((id) => ({ id, calls: 0 }));
  const sent = lab.server.batches.flatMap(({ items }) => items.map(({ call }) => idOf(call)));
  const { rows: ledger } = await lab.pool.query<{ state: string; batch: boolean; cost: number }>(
    'SELECT state, batch, cost_micro_usd AS cost FROM tutti.ledger WHERE run_id = $1',
    [run],
  );
  const perItem = ledger.length / of.length;
  assert.deepEqual(
    rounds.map(({ id }) => ({ id, calls: sent.filter((each) => each === id).length })),
    rounds.map(({ id }) => ({ id, calls: perItem })),
    'requests that the provider has had',
  );
  assert.deepEqual(
    ledger,
    ledger.map(() => ({ state: 'settled', batch: true, cost: batchCost })),
  );
  assert.equal(await lab.entries(run, 'turn.ended'), ledger.length);
  const { rows: outputs } = await lab.pool.query<{ id: string; text: string }>(
    `SELECT s.item_key AS id, convert_from(p.body, 'UTF8')::jsonb->>'text' AS text FROM tutti.step s
     JOIN tutti.payload p ON p.tenant_id = s.tenant_id AND p.run_id = s.run_id AND p.seq = s.output_seq
     WHERE s.run_id = $1 AND s.kind <> 'foreach' ORDER BY s.id`,
    [run],
  );
  const seen = (id: string): string => (perItem === 1 ? '' : ` with {"number":"number of ${id}"}`);
  assert.deepEqual(
    outputs,
    of.map((id) => ({ id, text: `${id}${seen(id)}` })),
  );
}

/** Nothing is reserved when nothing runs, and purses hold what the ledger says. */
async function assertMoney(lab: BatchCrashLab): Promise<void> {
  const { rows: purses } = await lab.pool.query(
    `SELECT scope, sum(reserved_micro_usd)::int AS reserved FROM tutti.budget GROUP BY 1 HAVING sum(reserved_micro_usd) <> 0`,
  );
  assert.deepEqual(purses, []);
  const tenant = `SELECT sum(settled_micro_usd)::int AS n FROM tutti.budget WHERE scope = 'tenant'`;
  const ledger = 'SELECT sum(cost_micro_usd)::int AS n FROM tutti.ledger';
  assert.equal(await lab.count(tenant, []), await lab.count(ledger, []));
}

/** Lets one engine after the other die, each with a run of its own in its hands, which the next one ends. */
class Lane {
  readonly deaths: readonly Death[];
  readonly #lab: BatchCrashLab;
  #engine: KillableEngine;

  constructor(lab: BatchCrashLab, deaths: readonly Death[]) {
    this.#lab = lab;
    this.deaths = deaths;
    this.#engine = lab.engine(deaths[0]);
  }

  /** The last one has nothing left to do. */
  async end(): Promise<void> {
    await this.#engine.kill();
  }

  async die(index: number): Promise<void> {
    const { workflow = 'lab.sort', lay, lead } = this.deaths[index] as Death;
    const lab = this.#lab;
    const dying = this.#engine;
    await dying.ready;
    const ids = items.map((id) => `${id}-${index}`);
    lay?.(lab, dying);
    const run = await lab.run(workflow, ids);
    // It is up before the other dies, or soon after.
    this.#engine = lab.engine(this.deaths[index + 1]);
    await lead?.(lab, run, dying);
    assert.equal(await dying.ended, 'SIGKILL');

    await this.#engine.ready;
    assert.equal(await lab.ended(run), 'succeeded');
    await assertOnce(lab, run, ids);
    await assertMoney(lab);
    assert.deepEqual(lab.server.models.calls, []);
  }
}

describe('an engine that is killed with a batch', function () {
  this.timeout(300_000);
  const labs: BatchCrashLab[] = [];
  const ends = new Map<string, Promise<void>>();

  // Both providers at once: what takes time is that engines start.
  before(async () => {
    for (const provider of providers) {
      const lab = await BatchCrashLab.open(provider);
      labs.push(lab);
      const lane = new Lane(lab, deathsOf(provider));
      let last = Promise.resolve();
      for (const [index, { name }] of lane.deaths.entries()) {
        const end = last.then(() => lane.die(index));
        last = end.catch(() => {});
        ends.set(`${provider} ${name}`, end);
      }
      void last.then(() => lane.end());
    }
  });
  after(async function () {
    for (const lab of labs) await lab.close(this);
  });

  for (const provider of providers)
    for (const { name } of deathsOf(provider))
      it(`of ${provider}, ${name}: the next one goes on, with every answer once`, async () => {
        verifies('R8.crash', 'R9.restart', 'R7.orphan');
        await ends.get(`${provider} ${name}`);
      });
});
