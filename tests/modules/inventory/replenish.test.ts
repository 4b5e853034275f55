import assert from 'node:assert/strict';
import { definePolicy, Money, Text } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import {
  cycleCountPlanner,
  inventory,
  reorderPointPlanner,
} from '../../../modules/inventory/index.ts';

const company = 'MCG-DE';
const eur = (amount: string) => Money.of(amount, 'EUR');
const product = (id: string) => ({
  ...{ id, number: `P-${id}`, name: new Text('Bearing'), group: 'g1', unit: 'piece', abc: 'A' },
  ...{ cost: eur('10'), active: true },
});
const level = (of: string, onHand: string) => ({
  ...{ id: `l${of}`, product: of, warehouse: 'w1', onHand, reserved: '0', lastCountedOn: null },
});
const rule = (changes: object = {}) => ({
  ...{ id: 'r1', product: '1', warehouse: 'w1', vendor: 'v1', minimum: '50', target: '80' },
  ...{ leadTimeDays: 5, active: true, ...changes },
});
const order = (changes: object = {}) => ({
  ...{ id: 'o1', number: 'PO-1', company, vendor: 'v1', buyer: 'u1', department: 'd1' },
  ...{ date: '2026-06-20', expectedOn: '2026-07-05', status: 'open', matching: 'three_way' },
  ...{ memo: new Text(''), total: eur('400') },
  lines: [{ id: 'L1', product: '1', quantity: '40', price: eur('10'), received: '0' }],
  ...changes,
});
const request = (quantity: string) => ({
  ...{ id: 'q1', number: 'PR-1', company, warehouse: 'w1', product: '1', vendor: 'v1', quantity },
  ...{ neededOn: '2026-07-05', status: 'draft' },
});

/** A warehouse with ten pieces of product 1, of which its rule wants 50 to 80, unless rows say otherwise. */
function stockWith(rows: Readonly<Record<string, readonly object[]>>): Connector {
  const warehouse = { id: 'w1', company, code: 'W1', name: 'Main' };
  const all = { product: [product('1')], stock_level: [level('1', '10')], ...rows };
  return fixtureConnector(
    inventory.records,
    new Map<string, readonly object[]>(Object.entries({ warehouse: [warehouse], ...all })),
  );
}

/** The planner's night over the group, in which everything that it wants is done at once. */
async function plan(connector: Connector) {
  const policy = definePolicy({ name: 'inventory.test', grants: [{ autonomy: 'act' }], tiers: [] });
  const scope = { module: 'inventory', connector, entities: inventory.records, policies: [policy] };
  const { findings, effects } = await runAgent(reorderPointPlanner, {
    ...scope,
    input: { group: 'g1' },
  });
  return { kinds: findings.map(({ kind }) => kind), asked: effects.map(({ args }) => args) };
}

describe('inventory.reorder_point_planner', () => {
  it('counts what is on order with whatever vendor, for the same company', async () => {
    const short = { kinds: ['reorder.below_minimum'], asked: [{ rule: 'r1', quantity: '70' }] };
    const elsewhere = order({ vendor: 'v2', company: 'MCG-FR' });

    const none = { kinds: [], asked: [] };
    const planned = (of: object) =>
      plan(stockWith({ reorder_rule: [rule()], purchase_order: [of] }));
    assert.deepEqual(await planned(order({ vendor: 'v2' })), none);
    assert.deepEqual(await planned(elsewhere), short);
  });

  it('asks for the rest where a request that waits is too small', async () => {
    const rows = { reorder_rule: [rule()], purchase_request: [request('30')] };

    const { asked } = await plan(stockWith(rows));

    assert.deepEqual(asked, [{ rule: 'r1', quantity: '40' }]);
  });

  it('fills up to the minimum where the target of a rule lies below it', async () => {
    const { asked } = await plan(stockWith({ reorder_rule: [rule({ target: '5' })] }));

    assert.deepEqual(asked, [{ rule: 'r1', quantity: '40' }]);
  });

  it('goes by the active rule of two, in whatever order they come', async () => {
    const suspended = rule({ id: 'r2', active: false, minimum: '5' });

    for (const reorder_rule of [
      [rule(), suspended],
      [suspended, rule()],
    ]) {
      assert.deepEqual((await plan(stockWith({ reorder_rule }))).asked, [
        { rule: 'r1', quantity: '70' },
      ]);
    }
    assert.deepEqual((await plan(stockWith({ reorder_rule: [suspended] }))).kinds, []);
  });

  it('reports what runs low of a blocked vendor, and asks for nothing there', async () => {
    const party = (blocked: boolean) => ({
      ...{ id: 'v1', number: 'V-1', name: new Text('Vendor'), supplier: true, customer: false },
      ...{ country: 'DE', taxNumber: '1', group: 'g1', currency: 'EUR', blocked },
    });
    const planned = (blocked: boolean) =>
      plan(stockWith({ reorder_rule: [rule()], party: [party(blocked)] }));

    assert.deepEqual(await planned(true), { kinds: ['reorder.below_minimum'], asked: [] });
    assert.equal((await planned(false)).asked.length, 1);
  });

  it('plans one count of negative stock, and none in the nights that follow', async () => {
    const connector = stockWith({ stock_level: [level('1', '-3')] });

    const first = await plan(connector);
    const second = await plan(connector);

    assert.deepEqual(first.asked, [{ warehouse: 'w1', products: ['1'] }]);
    assert.deepEqual(second, { kinds: ['reorder.negative_stock'], asked: [] });
  });
});

describe('inventory.cycle_count_planner', () => {
  it('plans as many counts as a warehouse needs that nobody has ever counted', async () => {
    const many = Array.from({ length: 2001 }, (_, index) => String(index + 1));
    const connector = stockWith({
      product: many.map((id) => product(id)),
      stock_level: many.map((id) => level(id, '1')),
    });

    const { effects } = await runAgent(cycleCountPlanner, {
      ...{ module: 'inventory', connector, entities: inventory.records },
      input: { warehouse: 'w1' },
    });

    assert.deepEqual(
      effects.map(({ args }) => (args as { readonly products: readonly string[] }).products.length),
      [2000, 1],
    );
  });
});
