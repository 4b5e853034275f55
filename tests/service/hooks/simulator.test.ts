import assert from 'node:assert/strict';
import { live, storyOf } from '../../support/event-storm.ts';
import { type HookLab, openHookLab } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const sizes = { rounds: 6, tickets: 8 };

describe('ERP events that are lost, doubled, late and out of order', () => {
  let lab: HookLab;

  before(async () => {
    lab = await openHookLab();
  });

  after(function () {
    return lab.close(this);
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`lead to the runs and findings of those that came as they should (seed ${seed})`, async () => {
      verifies('R9.erp-events');
      const story = storyOf(seed, sizes);
      const perfect = await openHookLab(`perfect-${seed}`, lab.tutti);
      const spoilt = await openHookLab(`spoilt-${seed}`, lab.tutti);

      const expected = await live(perfect, story, null);
      const found = await live(spoilt, story, seed);

      assert.deepEqual(found, expected);
      assert.ok(expected.runs.length > 12 && expected.findings.length > 3, 'too small a story');
      const swept = await spoilt.store.events(spoilt.tenantId, { limit: 500, source: 'sweep' });
      assert.ok(swept.length > 3, 'sweeps found nothing');
    });
  }
});

describe('sweeps', () => {
  let lab: HookLab;

  before(async () => {
    lab = await openHookLab();
  });

  after(function () {
    return lab.close(this);
  });

  it('begin with no past, find what nobody told, and nothing twice', async () => {
    const old = await lab.write(null, { code: 'old' });
    const first = await lab.sweep();
    const [told, untold] = [await lab.write(null, {}), await lab.write(null, {})];
    const event = { key: 'k', type: null, entity: 'ticket', recordId: told.id };
    await lab.intake.record({
      tenantId: lab.tenantId,
      source: 'erp',
      events: [{ ...event, version: told.version, time: null, data: null }],
    });
    const before = await lab.sweep();
    lab.clock.pass(60_000);
    const second = await lab.sweep();
    lab.clock.pass(60_000);
    const third = await lab.sweep();
    await lab.settle();

    assert.deepEqual([first, before, second, third], [0, 0, 1, 0]);
    const looked = (await lab.runs()).map(({ input }) => (input as { ticket: string }).ticket);
    assert.deepEqual(looked.sort(), [told.id, untold.id].sort());
    assert.ok(!looked.includes(old.id));
  });

  for (const order of ['after', 'before'] as const) {
    it(`tell again what was read too early for an event, also ${order} a sweep has passed by it`, async () => {
      const { id, version } = await lab.write(null, { rank: 3 });
      // The ERP has sent it before it showed it.
      const early = lab.firingsWith({
        connector: () => ({ ...lab.erp, query: async () => ({ rows: [], cursor: null }) }),
      });
      const event = { key: `early ${id}`, type: null, entity: 'ticket', recordId: id, version };
      await lab.intake.record({
        tenantId: lab.tenantId,
        source: 'erp',
        events: [{ ...event, time: null, data: null }],
      });
      const known = (await lab.runs()).length;
      lab.clock.pass(60_000);
      const passed = order === 'after' ? 0 : await lab.sweep();
      await early.fireDue();

      lab.clock.pass(60_000);
      const found = await lab.sweep();
      await lab.settle();

      assert.deepEqual([passed, found], [0, 1]);
      assert.deepEqual((await lab.runs()).at(-1)?.input, { ticket: id });
      assert.equal((await lab.runs()).length, known + 1);
    });
  }

  it('share the work among engines, and go on from the same place when an ERP was away', async () => {
    const away = await lab.write(null, {});
    lab.clock.pass(60_000);
    await lab.tutti.host.database
      .pool('tutti_engine', 1)
      .query(`UPDATE tutti.hook_cursor SET cursor = 'broken', previous = NULL`);
    const broken = await lab.sweep();
    const [row] = await cursors();
    assert.equal(broken, 0);
    assert.match(JSON.stringify(row?.error), /INPUT_INVALID/);
    await lab.tutti.host.database
      .pool('tutti_engine', 1)
      .query(`UPDATE tutti.hook_cursor SET cursor = '3:0'`);
    lab.clock.pass(60_000);
    const both = await Promise.all([lab.sweep(), lab.sweep()]);

    assert.ok(both[0] + both[1] > 0 && Math.min(...both) === 0, String(both));
    const known = await lab.store.events(lab.tenantId, { limit: 50, source: 'sweep' });
    assert.ok(known.some(({ recordId }) => recordId === away.id));
    assert.equal((await cursors())[0]?.error, null);
  });

  async function cursors() {
    return await lab.tutti.host.database
      .kysely('tutti_engine')
      .selectFrom('hookCursor')
      .selectAll()
      .execute();
  }
});
