import assert from 'node:assert/strict';
import { defineEntity, defineModule, defineWorkflow, field } from 'tutti';
import { EngineError } from '../../../core/base/errors.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type HandEngine, HandEngines } from '../../support/hand-engine.ts';
import { verifies } from '../../support/verifies.ts';

const thing = defineEntity('lab_thing', { code: field.code() });
declare module 'tutti' {
  interface Entities {
    lab_thing: typeof thing;
  }
}
const event = defineWorkflow({
  name: 'lab.event',
  graph: ({ wait }) => void wait({ id: 'come', for: { event: 'lab_thing', timeout: 'P30D' } }),
});
const brief = defineWorkflow({
  name: 'lab.brief',
  graph: ({ wait }) => void wait({ id: 'come', for: { event: 'lab_thing', timeout: 'PT1H' } }),
});
const config = {
  modules: [
    defineModule({
      name: 'lab',
      version: '1.0.0',
      agents: [],
      records: [thing],
      workflows: [event, brief],
    }),
  ],
};

type Changes = Awaited<ReturnType<Connector['changes']>>;
const none: Changes = { events: [], cursor: '0' };
const one: Changes = { events: [{ entity: 'lab_thing', id: '7', version: '1' }], cursor: '1' };

/** An ERP that answers who waits as `later` does. */
function erp(later: () => Promise<Changes>): Connector {
  const changes = (cursor: string | null) => (cursor === null ? Promise.resolve(none) : later());
  return { changes, query: async () => ({ rows: [{ id: '7' }] }) } as unknown as Connector;
}

describe('steps that wait for events of an ERP', () => {
  const engines = new HandEngines(config);
  let mine: number;
  let other: number;

  before(async () => {
    await engines.prepare();
    const store = new Store(engines.pool);
    mine = await store.tenant('mine');
    other = await store.tenant('other');
  });
  afterEach(() => engines.stop());
  after(function () {
    return engines.drop(this);
  });

  /** Starts a run of a tenant, and has its step wait. A look that was under way may find the event at once. */
  async function waits(
    { engine }: HandEngine,
    tenantId: number,
    workflow = 'lab.event',
  ): Promise<string> {
    const { id } = await engine.startRun(requestOf(workflow, { tenantId }));
    await eventually(async () => {
      const { come = '' } = await engines.stepsOf(id);
      return come === 'waiting' || come === 'succeeded';
    });
    return id;
  }
  /** Lets seconds pass until a run has ended. */
  const ends = ({ clock }: HandEngine, id: string): Promise<boolean> =>
    eventually(async () => {
      clock.pass(1_000);
      const status = await engines.statusOf(id);
      if (status !== 'running') assert.equal(status, 'succeeded');
      return status === 'succeeded';
    });

  it('hear of them although that of another tenant does not answer for a while, which is heard when it does', async () => {
    verifies('R9.offline');
    const patienceMs = 60_000;
    const answer = Promise.withResolvers<Changes>();
    let asked = 0;
    const hanging = erp(() => {
      asked += 1;
      return answer.promise;
    });
    const hand = await engines.open(Date.now(), {
      connector: (tenantId) => (tenantId === other ? erp(async () => one) : hanging),
    });
    const stuck = await waits(hand, mine);
    await eventually(async () => {
      hand.clock.pass(1_000);
      assert.equal(await engines.statusOf(stuck), 'running');
      return asked > 0;
    });

    const since = hand.clock.now();
    for (const count of [1, 2]) {
      await ends(hand, await waits(hand, other));
      const most = 1 + Math.ceil((hand.clock.now() - since) / patienceMs);
      assert.ok(asked <= most, `asked ${asked} times at ${count}`);
    }
    assert.equal(await engines.statusOf(stuck), 'running');

    answer.resolve(one);
    await ends(hand, stuck);
  });

  it('hear of them although their ERP has left a question without an answer for a minute', async () => {
    verifies('R9.offline');
    let asked = 0;
    const hand = await engines.open(Date.now(), {
      connector: () =>
        erp(() => {
          asked += 1;
          return asked === 1 ? new Promise(() => {}) : Promise.resolve(one);
        }),
    });
    const first = await waits(hand, mine);
    await eventually(() => {
      if (asked === 0) hand.clock.pass(1_000);
      return asked === 1;
    });
    const second = await waits(hand, mine);

    hand.clock.pass(59_000);
    assert.equal(await engines.statusOf(second), 'running');
    hand.clock.pass(1_000);

    await ends(hand, first);
    await ends(hand, second);
  });

  for (const [what, changes, status] of [
    [
      'hear of one that came while no engine was up, though their time was up meanwhile',
      one,
      'succeeded',
    ],
    ['fail when their time was up while no engine was up, and none has come', none, 'failed'],
  ] as const) {
    it(what, async () => {
      verifies('R9.offline');
      const now = Date.now();
      const first = await engines.open(now, { connector: () => erp(async () => none) });
      const id = await waits(first, mine, 'lab.brief');
      await first.engine.stop();

      // Nobody has looked by the time at which its moment is found to have passed.
      const answer = Promise.withResolvers<Changes>();
      const second = await engines.open(now + 7_200_000, {
        connector: () => erp(() => answer.promise),
      });
      second.clock.pass(1_000);
      answer.resolve(changes);

      await eventually(async () => !['running', 'waiting'].includes(await engines.statusOf(id)));
      assert.equal(await engines.statusOf(id), status);
    });
  }

  for (const [what, comesBack, end] of [
    [
      'hear of one that came in time, although their ERP was away when it was over',
      true,
      'succeeded',
    ],
    ['fail for what keeps their ERP from being asked when it stays away', false, 'ERP_UNAVAILABLE'],
  ] as const) {
    it(what, async () => {
      verifies('R9.offline', 'R8.retry');
      let isAway = true;
      let asked = 0;
      const hand = await engines.open(Date.now(), {
        connector: () =>
          erp(async () => {
            asked += 1;
            if (!isAway) return one;
            throw new EngineError('ERP_UNAVAILABLE', 'It is being maintained.');
          }),
      });
      const id = await waits(hand, mine, 'lab.brief');
      hand.clock.pass(3_600_000);
      const until = asked + 5;
      const ends = async (isEnough: () => boolean) =>
        await eventually(async () => {
          hand.clock.pass(10_000);
          const { come } = await engines.stepsOf(id);
          return come === 'waiting' ? isEnough() && come : come;
        });

      if (comesBack) assert.equal(await ends(() => asked > until), 'waiting');
      isAway = !comesBack;
      assert.equal(await ends(() => false), end);
    });
  }

  it('hear of them although that of another tenant cannot be reached', async () => {
    verifies('R9.offline');
    let isGone = false;
    const hand = await engines.open(Date.now(), {
      connector: (tenantId) => {
        if (tenantId === mine && isGone) throw new TypeError('It is configured no more.');
        return erp(async () => one);
      },
    });
    const [first, second] = [await waits(hand, mine), await waits(hand, other)];
    isGone = true;
    await ends(hand, second);
    assert.equal(await engines.statusOf(first), 'running');

    isGone = false;
    await ends(hand, first);
  });
});
