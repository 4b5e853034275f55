import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { invoke, type StepScope } from '../../core/guard/invoke.ts';
import { lineageSql } from '../../core/ports/db/lineage.ts';
import type { EffectState } from '../../core/ports/db/states.ts';
import { tenantSetting } from '../../core/ports/db/transaction.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';
import { type Asker, DutyLab, dutyTool, make, type Worker, wordOf } from './duty-lab.ts';

const [pack, ship, count, weigh] = ['pack', 'ship', 'count', 'weigh'].map(dutyTool) as [
  ReturnType<typeof dutyTool>,
  ReturnType<typeof dutyTool>,
  ReturnType<typeof dutyTool>,
  ReturnType<typeof dutyTool>,
];
const crate = { crate: 'c0' };
const apart = 'duties.lineage';

describe('the separation of duties at one document', () => {
  let fresh: FreshDatabase;
  let pools: { readonly engine: pg.Pool; readonly tenant: pg.Pool };
  let lab: DutyLab;
  let tenantId = 0;

  before(async () => {
    fresh = await freshDatabase();
    pools = {
      engine: fresh.database.pool('tutti_engine', 4),
      tenant: fresh.database.pool('tutti_tenant', 4),
    };
  });
  beforeEach(() => {
    tenantId += 1;
    lab = new DutyLab(pools, tenantId);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** What becomes of shipping by one, after another has packed. */
  const shipAfterPacking = async (packer: Worker, shipper: Worker): Promise<string> => {
    assert.equal(await lab.outcome(pack, crate, packer), 'applied');
    return await lab.outcome(ship, crate, shipper);
  };

  it('keeps an agent from doing both, and names both duties, the run and the tool', async () => {
    verifies('R12.duties');
    const [first, second] = [await lab.run(), await lab.run()];
    await lab.call(pack, crate, { run: first });

    const outcome = await lab.call(ship, crate, { run: second });

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
    assert.equal(outcome.value.rule, apart);
    assert.equal(
      outcome.value.reason,
      `'lab.crate.ship' (duty 'ship') must be done by somebody else than 'lab.crate.pack' (duty 'pack') on crate 'c0' in run ${first.id}: whoever packs does not ship.`,
    );
  });

  it('keeps it from proposing the second, too', async () => {
    const run = await lab.run();
    await lab.call(pack, crate, { run });
    const scope = await lab.scope(ship, { run });
    const policies = scope.policies.map((policy) => ({ ...policy, grants: [] }));

    assert.equal(wordOf(await invoke(ship, crate, { ...scope, policies })), apart);
  });

  const states: Readonly<Record<EffectState, string>> = {
    proposed: 'applied',
    approved: apart,
    started: apart,
    applied: apart,
    replayed: apart,
    uncertain: apart,
    needs_review: apart,
    rejected: 'applied',
    conflict: 'applied',
    undone: 'applied',
    refused: 'applied',
  };
  for (const [state, expected] of Object.entries(states)) {
    it(`${expected === apart ? 'counts' : 'does not count'} what is ${state}`, async () => {
      const run = await lab.run();
      await lab.call(pack, crate, { run });
      await lab.setState(pack, state as EffectState);

      assert.equal(await lab.outcome(ship, crate, { run }), expected);
    });
  }

  it('leaves other documents, other duties and other tenants alone', async () => {
    const run = await lab.run();
    await lab.call(pack, crate, { run });
    const elsewhere = new DutyLab(pools, tenantId + 1_000);

    assert.equal(await lab.outcome(ship, { crate: 'c1' }, { run }), 'applied');
    assert.equal(await lab.outcome(weigh, crate, { run }), 'applied');
    assert.equal(await elsewhere.outcome(ship, crate, { run: await elsewhere.run() }), 'applied');
  });

  it('asks nothing for tools whose duty no rule names', async () => {
    await lab.call(weigh, crate, { run: await lab.run() });

    assert.deepEqual(lab.asked, []);
  });

  it('gives a repeated call its first outcome', async () => {
    const run = await lab.run();
    await lab.call(count, crate, { run });

    assert.equal(await lab.outcome(count, crate, { run }), 'replayed');
  });

  it('wants another actor for the second of two equal duties', async () => {
    verifies('R12.duties');
    const [first, second] = [await lab.run(), await lab.run()];
    await lab.call(count, crate, { run: first });

    assert.equal(await lab.outcome(count, crate, { run: second }), apart);
    assert.equal(await lab.outcome(count, crate, { run: second, agent: 'lab.other' }), 'applied');
  });

  describe('takes for one actor', () => {
    const one = { agent: 'lab.packer' };
    const other = { agent: 'lab.shipper' };

    it('not two agents, of one scheduled run or of two', async () => {
      const [run, second] = [await lab.run(), await lab.run()];

      assert.equal(await shipAfterPacking({ run, ...one }, { run, ...other }), 'applied');
      assert.equal(await lab.outcome(ship, crate, { run: second, agent: 'lab.third' }), 'applied');
    });

    const anna: Asker = { kind: 'person', id: 'cli:Anna' };
    const askers: readonly (readonly [string, Asker, string])[] = [
      ['the agents of one person’s runs', { kind: 'person', id: 'anna' }, apart],
      ['those who act for one person', { kind: 'key', id: 'k', onBehalfOf: ['ANNA'] }, apart],
      ['not those of two persons', { kind: 'person', id: 'bob' }, 'applied'],
      ['not a key of that name', { kind: 'key', id: 'anna' }, 'applied'],
    ];
    for (const [who, by, expected] of askers) {
      it(who, async () => {
        verifies('R12.duties');
        const [first, second] = [await lab.run({ by: anna }), await lab.run({ by })];

        assert.equal(
          await shipAfterPacking({ run: first, ...one }, { run: second, ...other }),
          expected,
        );
      });
    }

    it('a run, those that it starts, and those that they start', async () => {
      verifies('R12.duties');
      const top = await lab.run();
      const child = await lab.run({ parent: top });
      const family = [top, child, await lab.run({ parent: top }), await lab.run({ parent: child })];
      for (const [at, first] of family.entries()) {
        for (const [also, second] of family.entries()) {
          if (first === second) continue;
          const args = { crate: `${at} ${also}` };
          await lab.call(pack, args, { run: first, ...one });
          assert.equal(await lab.outcome(ship, args, { run: second, ...other }), apart, args.crate);
        }
      }
    });

    it('who stands in for an agent, and the agent', async () => {
      const [first, second] = [await lab.run(), await lab.run()];
      const standIn = { ...one, acting: 'lab.shipper' };

      assert.equal(
        await shipAfterPacking({ run: first, ...standIn }, { run: second, ...other }),
        apart,
      );
      await lab.call(pack, { crate: 'c1' }, { run: first, ...other });
      assert.equal(await lab.outcome(ship, { crate: 'c1' }, { run: second, ...standIn }), apart);
    });

    it('a workflow’s tool nodes, in one run and the next, and the agents of their run', async () => {
      const [tool, agent] = [{ agent: 'tool:lab.crate.pack' }, { agent: 'tool:lab.crate.ship' }];
      const [first, second] = [
        await lab.run({ workflow: 'nightly' }),
        await lab.run({ workflow: 'nightly' }),
      ];

      assert.equal(
        await shipAfterPacking({ run: first, ...tool }, { run: first, ...agent }),
        apart,
      );
      assert.equal(await lab.outcome(ship, crate, { run: second, ...agent }), apart);
      assert.equal(await lab.outcome(ship, crate, { run: first, ...other }), apart);
      assert.equal(await lab.outcome(ship, crate, { run: second, ...other }), 'applied');
    });
  });

  it('follows a document to those that it comes from, whichever duty comes first', async () => {
    verifies('R12.duties');
    const run = await lab.run();
    const from = { crate: 'box', from: ['c0', 'c1'] };
    await lab.call(pack, crate, { run });
    assert.equal(await lab.outcome(ship, from, { run }), apart);

    await lab.call(ship, { ...from, crate: 'bag' }, { run, agent: 'lab.other' });
    assert.equal(await lab.outcome(pack, { crate: 'c1' }, { run, agent: 'lab.other' }), apart);
    assert.equal(await lab.outcome(pack, { crate: 'c2' }, { run, agent: 'lab.other' }), 'applied');
  });

  it('lets two documents of one origin be: only what was done to the origin counts', async () => {
    const run = await lab.run();
    await lab.call(pack, { crate: 'one', from: ['vendor'] }, { run });

    assert.equal(await lab.outcome(ship, { crate: 'two', from: ['vendor'] }, { run }), 'applied');
  });

  it('knows what a tool has brought about, which had no id before', async () => {
    verifies('R12.duties');
    const run = await lab.run();
    await lab.call(make, { code: 'x' }, { run });

    assert.equal(await lab.outcome(ship, { crate: 'made-x' }, { run }), apart);
    assert.equal(await lab.outcome(ship, { crate: 'b', from: ['made-x'] }, { run }), apart);
    assert.equal(await lab.outcome(ship, { crate: 'made-y' }, { run }), 'applied');
  });

  it('refuses in every order of calls, whoever of one actor makes them', async () => {
    const by = { kind: 'person', id: 'anna' };
    const calls = fc.shuffledSubarray([pack, ship, make, weigh], { minLength: 2 });
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
        async (order, who) => {
          tenantId += 1;
          lab = new DutyLab(pools, tenantId);
          const done: string[] = [];
          for (const [at, tool] of order.entries()) {
            const args = tool === make ? { code: 'x' } : { crate: 'made-x' };
            const worker = { run: await lab.run({ by }), agent: `lab.${who[at]}` };
            if ((await lab.outcome(tool, args, worker)) === 'applied')
              done.push(tool.duty as string);
          }
          // What was made has its id only then, so nothing is known of it before; every other pair is kept apart.
          if (done.includes('ship')) assert.ok(!done.includes('pack'), done.join());
          if (done.indexOf('make') > -1) assert.ok(done.indexOf('ship') < done.indexOf('make'));
        },
      ),
      { numRuns: 25 },
    );
  });

  describe('when two begin at the same moment', () => {
    /** Lets nobody go on before so many have come. */
    function meeting(size: number): () => Promise<void> {
      const all = Promise.withResolvers<void>();
      let here = 0;
      return async () => {
        here += 1;
        if (here === size) all.resolve();
        await all.promise;
      };
    }

    /** One of them packs and the other ships, in two steps of one run, as `meet` lets them. */
    async function race(meet: (scope: StepScope) => StepScope): Promise<readonly string[]> {
      const run = await lab.run();
      const call = async (tool: typeof pack) => {
        const scope = await lab.scope(tool, { run });
        return wordOf(await invoke(tool, crate, meet(scope)));
      };
      return await Promise.all([call(pack), call(ship)]);
    }

    it('lets none go on that sees the other, and either try again', async () => {
      verifies('R12.duties');
      const [looked, begun, lookedAgain] = [meeting(2), meeting(2), meeting(2)];
      const outcomes = await race((scope) => {
        const { recorder } = scope;
        const begin = recorder.begin.bind(recorder);
        recorder.begin = async (intent) => {
          const known = await begin(intent);
          await begun();
          return known;
        };
        let looks = 0;
        const doneTo: StepScope['doneTo'] = async (question) => {
          const found = await scope.doneTo(question);
          looks += 1;
          await (looks === 1 ? looked() : lookedAgain());
          return found;
        };
        return { ...scope, doneTo };
      });

      assert.deepEqual(outcomes, [apart, apart]);
      const run = await lab.run();
      assert.equal(await lab.outcome(ship, crate, { run }), 'applied');
      assert.equal(await lab.outcome(pack, crate, { run }), apart);
    });

    it('never lets both go on, however they are interleaved', async () => {
      verifies('R12.duties');
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), async (scheduler) => {
          tenantId += 1;
          lab = new DutyLab(pools, tenantId);
          const outcomes = race((scope) => {
            const { recorder } = scope;
            const doneTo = scheduler.scheduleFunction(scope.doneTo);
            const begin = recorder.begin.bind(recorder);
            recorder.begin = scheduler.scheduleFunction(begin);
            return { ...scope, doneTo };
          });
          const applied = (await scheduler.waitFor(outcomes)).filter((each) => each === 'applied');

          assert.ok(applied.length <= 1, 'both went on');
        }),
        { numRuns: 40 },
      );
    });
  });

  it('is looked up by indices, under row-level security', async () => {
    await lab.fill(5_000);
    // Else the plan depends on whether the server has come to look at these tables, and when.
    await fresh.database.admin((each) => each.query('ANALYZE tutti.effect, tutti.effect_document'));
    const client = await pools.tenant.connect();
    try {
      await client.query(`BEGIN; ${tenantSetting(lab.tenantId)}; SET LOCAL enable_seqscan = off`);
      const values = [
        lab.tenantId,
        (await lab.run()).id,
        'keep',
        'lab.keeper',
        ['crate'],
        ['c0'],
        'crate',
        'c0',
        ['pack'],
        [],
      ];
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN ${lineageSql}`,
        values,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');

      for (const cond of [
        `(tenant_id = ${lab.tenantId}) AND (entity = a.entity) AND (target_id = a.id)`,
        `(tenant_id = ${lab.tenantId}) AND (entity = a_1.entity) AND (record_id = a_1.id)`,
        `(tenant_id = ${lab.tenantId}) AND (id = c.at)`,
      ])
        assert.ok(plan.includes(`Index Cond: (${cond}`), `${cond}\n${plan}`);
      assert.match(
        plan,
        /effect_pkey on effect.*\n *Index Cond: \(\(tenant_id = \d+\) AND \(key = /,
      );
      assert.doesNotMatch(plan, /Seq Scan/);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
});
