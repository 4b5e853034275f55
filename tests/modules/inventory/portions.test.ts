import assert from 'node:assert/strict';
import { Text } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
import { reorderPointPlanner } from '../../../modules/inventory/agents/reorder-point-planner.ts';
import { valuationReconciliation } from '../../../modules/inventory/agents/valuation-reconciliation.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { askedAtOnce } from '../../../modules/inventory/tools/list-incoming.ts';
import { productsAtOnce } from '../../../modules/inventory/tools/plan-count.ts';

const idsUpTo = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `x${String(index).padStart(5, '0')}`);

const aProduct = (id: string): object => ({
  ...{ id, number: id, name: new Text(id), group: 'g1', unit: 'pcs', abc: 'C', active: true },
  cost: { amount: '1', currency: 'EUR' },
});

const aLevel = (id: string, onHand: string): object => ({
  ...{ id: `l${id}`, product: id, warehouse: 'w1', onHand, reserved: '0' },
  lastCountedOn: '2026-06-01',
});

const aRule = (id: string): object => ({
  ...{ id: `r${id}`, product: id, warehouse: 'w1', vendor: 'v1', leadTimeDays: 7, active: true },
  ...{ minimum: '10', target: '20' },
});

/** A company of one warehouse in which every product has as much on hand, and no move says how it came. */
function companyWith(ids: readonly string[], onHand: string, rules: readonly object[] = []) {
  const company = { code: 'MCG-DE', name: 'DE', country: 'DE', currency: 'EUR' };
  const rows = {
    company: [{ id: 'c1', ...company, timeZone: 'Europe/Berlin' }],
    warehouse: [{ id: 'w1', code: 'W1', name: 'W1', company: 'MCG-DE' }],
    product: ids.map(aProduct),
    stock_level: ids.map((id) => aLevel(id, onHand)),
    reorder_rule: rules,
  };
  const connector = fixtureConnector(inventory.records, new Map(Object.entries(rows)));
  return { module: 'inventory', connector, entities: inventory.records };
}

/** How many products each planned count names. */
function countedIn(
  effects: readonly { readonly tool: string; readonly args: unknown }[],
): number[] {
  return effects
    .filter(({ tool }) => tool === 'inventory.count.plan')
    .map(({ args }) => (args as { readonly products: readonly string[] }).products.length);
}

describe('more products than one call may name', () => {
  const many = idsUpTo(productsAtOnce + 1);

  it('are counted in parts, when they are below nothing', async () => {
    const scope = companyWith(many, '-1');

    const { effects } = await runAgent(reorderPointPlanner, { ...scope, input: { group: 'g1' } });

    assert.deepEqual(countedIn(effects), [productsAtOnce, 1]);
  });

  it('are counted in parts, when they are not the sum of their moves', async () => {
    const scope = companyWith(many, '1');

    const { effects } = await runAgent(valuationReconciliation, {
      ...scope,
      input: { company: 'MCG-DE' },
    });

    assert.deepEqual(countedIn(effects), [productsAtOnce, 1]);
  });

  it('are ordered to the last one, when they run low', async () => {
    const low = idsUpTo(askedAtOnce + 1);
    const scope = companyWith(low, '5', low.map(aRule));

    const { findings } = await runAgent(reorderPointPlanner, { ...scope, input: { group: 'g1' } });

    assert.equal(findings.length, low.length);
  });
});
