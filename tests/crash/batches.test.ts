import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf, type Provider } from '../engine/batches/lab.ts';
import { BatchCrashLab, type KillableEngine } from '../support/batch-crash-lab.ts';
import { verifies } from '../support/verifies.ts';

const providers = ['openai', 'anthropic'] as const;
const create = { openai: /^POST \/v1\/batches$/, anthropic: /^POST .*messages\/batches$/ };
const content = { openai: /content$/, anthropic: /results$/ };
/** What a call costs in a batch, by the lab's prices. */
const batchCost = 70;
/** So many steps a run has. */
const items = ['a', 'b', 'c'] as const;
/** Longer than an engine takes to take over from one that has died; a request may be on its way for so long. */
const onItsWayMs = 1_500;

/** A run that an engine has in its hands when it dies. */
interface Held {
  /** How far it has come. */
  readonly name: string;
  /** By runs of which providers; what is the engine's alone is shown by one. @default both */
  readonly of?: readonly Provider[];
  /** @default one whose steps make one call each */
  readonly workflow?: string;
  /** The provider's request or answer that is held back until the engine has died, or is about to. */
  readonly trap?: Trap;
  /** Sees to it that it comes so far. */
  readonly lead?: (lab: BatchCrashLab, run: HeldRun) => Promise<void>;
}

interface Trap {
  readonly route: Readonly<Record<Provider, RegExp>>;
  /** Before the provider has done what it is asked, or when it has and has not said so. */
  readonly when: 'before' | 'after';
  /** What becomes of a request then. @default it arrives */
  readonly fate?: 'late' | 'never';
}

interface HeldRun {
  readonly id: string;
  readonly items: readonly string[];
}

/** How an engine dies when all of these runs have come so far. */
interface Death {
  readonly held: readonly Held[];
  /** It dies at this crash point. @default it is killed */
  readonly at?: string;
  readonly gatherMs?: number;
}

/** Until each call of a run, or so many of each, is in a batch whose id is recorded. */
const submitted = (lab: BatchCrashLab, { id }: HeldRun, times = 1) =>
  lab.until(async () => (await lab.submitted(id)) === times * items.length);

async function answer(lab: BatchCrashLab, run: HeldRun): Promise<void> {
  await submitted(lab, run);
  lab.answer(run.items);
}

const deaths: readonly Death[] = [
  {
    gatherMs: 3_600_000,
    held: [
      {
        name: 'while calls gather',
        of: ['openai'],
        async lead(lab, { id }) {
          await lab.until(async () => (await lab.entries(id, 'turn.started')) === items.length);
          assert.equal(await lab.entries(id, 'batch.planned'), 0);
        },
      },
    ],
  },
  {
    held: [
      {
        name: 'before the provider has what was planned',
        trap: { route: create, when: 'before', fate: 'never' },
      },
      {
        name: 'while the batch is on its way, which arrives later',
        trap: { route: create, when: 'before', fate: 'late' },
      },
      {
        name: 'when the provider has it and has not said so',
        trap: { route: create, when: 'after' },
      },
    ],
  },
  {
    at: 'before-flush',
    held: [
      {
        name: 'when it knows its id and has not recorded it',
        of: ['openai'],
        trap: { route: create, when: 'after' },
      },
    ],
  },
  {
    held: [
      { name: 'while the batch is out', of: ['openai'], lead: submitted },
      {
        name: 'between two batches of a conversation',
        of: ['openai'],
        workflow: 'lab.look',
        async lead(lab, run) {
          await answer(lab, run);
          await submitted(lab, run, 2);
        },
      },
    ],
  },
  {
    at: 'before-flush',
    held: [
      {
        name: 'with answers in its hands that are not recorded',
        trap: { route: content, when: 'after' },
        lead: answer,
      },
    ],
  },
  {
    at: 'after-flush',
    held: [
      {
        name: 'with answers that are recorded',
        of: ['openai'],
        trap: { route: content, when: 'after' },
        lead: answer,
      },
    ],
  },
];

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

/** A run of a death, by what its test is called. */
interface Told extends HeldRun {
  readonly title: string;
}

const titleOf = (provider: Provider, { name }: Held): string => `of ${provider}, ${name}`;
const heldBy = ({ held }: Death) =>
  held.flatMap((each) => (each.of ?? providers).map((provider) => ({ ...each, provider })));

/** Lets an engine die as it is to, with its runs in its hands. */
class Dying {
  readonly #lab: BatchCrashLab;
  readonly #death: Death;
  readonly #engine: KillableEngine;
  /** The engine has died, or is about to. */
  readonly #struck = Promise.withResolvers<void>();
  /** What was on its way has arrived. */
  readonly #late: Promise<void>[] = [];

  constructor(lab: BatchCrashLab, death: Death, engine: KillableEngine) {
    this.#lab = lab;
    this.#death = death;
    this.#engine = engine;
  }

  /** Starts its runs, and has the engine die when each has come so far and the next engine is up, which then looks before a late request has arrived. */
  async come(next: () => Promise<void>): Promise<readonly Told[]> {
    const held = heldBy(this.#death);
    const trapped = held.map(({ trap, provider }) => trap && this.#lay(trap, provider));
    const told: Told[] = [];
    for (const each of held) {
      const title = titleOf(each.provider, each);
      const { provider, workflow = provider === 'openai' ? 'lab.sort' : 'other.sort' } = each;
      const ids = items.map((item) => `${item} ${title}`);
      told.push({ title, items: ids, id: await this.#lab.run(workflow, ids) });
    }
    const isUp = next();
    const led = held.map(({ lead }, index) => lead?.(this.#lab, told[index] as Told));
    await Promise.all([isUp, ...trapped, ...led]);
    if (this.#death.at === undefined) await this.#engine.kill();
    else this.#engine.arm();
    this.#struck.resolve();
    assert.equal(await this.#engine.ended, 'SIGKILL');
    return told;
  }

  /** Until what is late has arrived: whoever has sent it again has sent it twice. */
  async arrived(): Promise<void> {
    await Promise.all(this.#late);
  }

  /** Lays a trap for the next such request; resolves when it has come. */
  #lay({ route, when, fate }: Trap, provider: Provider): Promise<void> {
    const came = Promise.withResolvers<void>();
    const isLate = Promise.withResolvers<void>();
    const hold = async (): Promise<void> => {
      came.resolve();
      await this.#struck.promise;
      if (fate === 'late') await sleep(onItsWayMs);
    };
    if (fate === 'late') this.#late.push(isLate.promise);
    this.#lab.server.fail(route[provider], {
      kind: 'meanwhile',
      isDropped: fate === 'never',
      before: async () => when === 'before' && (await hold()),
      after: async () => {
        if (when === 'after') await hold();
        isLate.resolve();
      },
    });
    return came.promise;
  }
}

describe('an engine that is killed with batches', function () {
  this.timeout(300_000);
  let lab: BatchCrashLab;
  const ends = new Map<string, Promise<void>>();

  // One engine after the other; each ends what the one before has left, and dies with runs of its own.
  before(async () => {
    lab = await BatchCrashLab.open();
    let engine = lab.engine(deaths[0]);
    let last: Promise<unknown> = Promise.resolve();
    for (const [index, death] of deaths.entries()) {
      const dies = last.then(async () => {
        await engine.ready;
        const dying = new Dying(lab, death, engine);
        const told = await dying.come(() => {
          engine = lab.engine(deaths[index + 1]);
          return engine.ready;
        });
        await dying.arrived();
        return told;
      });
      const ended = dies.then((told) =>
        Promise.all(
          told.map(async ({ id, items, title }) => {
            assert.equal(await lab.ended(id), 'succeeded', title);
            await assertOnce(lab, id, items);
          }),
        ),
      );
      const end = ended.then(async () => {
        await assertMoney(lab);
        assert.deepEqual(lab.server.models.calls, []);
      });
      last = end.catch(() => {});
      for (const each of heldBy(death)) ends.set(titleOf(each.provider, each), end);
    }
    // The last one has nothing left to do.
    void last.then(() => engine.kill());
  });
  after(function () {
    return lab.close(this);
  });

  for (const each of deaths.flatMap(heldBy)) {
    const title = titleOf(each.provider, each);
    it(`${title}: the next one goes on, with every answer once`, async () => {
      verifies('R8.crash', 'R9.restart', 'R7.orphan');
      await ends.get(title);
    });
  }
});
