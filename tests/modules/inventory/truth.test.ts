import assert from 'node:assert/strict';
import { inventory } from '../../../modules/inventory/index.ts';
import { inventoryCompany, mark, runNight } from './night.ts';

describe('inventory in the sample company', () => {
  for (const options of [
    { seed: 1 },
    { seed: 7 },
    { seed: 1, renumber: true, shuffle: true },
    { seed: 7, renumber: true, shuffle: true, asOf: '2027-06-30' },
    { seed: 3, asOf: '2026-03-05' },
    { seed: 1, scale: 2 },
  ]) {
    it(`finds exactly what was planted (${JSON.stringify(options)})`, async () => {
      const made = inventoryCompany(options);
      const truth = made.truth.filter((each) => each.agent.startsWith('inventory.'));

      const night = await runNight(made);

      const found = night.flatMap(({ agent, findings }) =>
        findings.map((finding) => mark({ agent, ...finding })),
      );
      assert.deepEqual(found.toSorted(), truth.map(mark).toSorted());
      for (const kind of inventory.agents.flatMap((agent) => Object.keys(agent.findings ?? {}))) {
        const planted = truth.filter((each) => each.kind === kind);
        assert.ok(planted.length >= 2, `${kind} is planted ${planted.length} times`);
      }
    }).timeout(60_000);
  }

  it('reads records in every step with a handful of calls and reports each unit in figures', async () => {
    const night = await runNight(inventoryCompany({ seed: 1 }));

    const units = night.slice(0, -1);
    assert.equal(units.length, 8 + 60 + 8 + 4);
    for (const { toolCalls, recordsRead, output, findings } of units) {
      assert.ok(recordsRead >= 1 && toolCalls >= 1 && toolCalls <= 12);
      const { flagged, checked } = output as { flagged: number; checked: number };
      assert.equal(flagged, findings.length);
      assert.ok(checked >= flagged);
    }
    const total = units.reduce((sum, { findings }) => sum + findings.length, 0);
    const summary = night.at(-1)?.output as { flagged: number; exposure: { currency: string } };
    assert.equal(summary.flagged, total);
    assert.equal(summary.exposure.currency, 'EUR');
  }).timeout(60_000);

  it('proposes something for every finding that has a remedy and executes nothing', async () => {
    const night = await runNight(inventoryCompany({ seed: 1 }));

    const effects = night.flatMap((each) => each.effects);
    const kinds = night.flatMap((each) => each.findings.map((finding) => finding.kind));
    const count = (tool: string) => effects.filter((effect) => effect.tool === tool).length;
    assert.ok(effects.every((effect) => effect.state === 'proposed'));
    assert.equal(
      count('inventory.claim.draft'),
      kinds.filter((kind) => kind.startsWith('receipt.')).length,
    );
    assert.equal(
      count('inventory.request.draft'),
      kinds.filter((kind) => kind === 'reorder.below_minimum').length,
    );
    assert.equal(
      count('inventory.variance.draft'),
      kinds.filter((kind) => kind === 'valuation.ledger').length,
    );
    assert.ok(count('inventory.count.plan') >= 8);
  }).timeout(60_000);

  it('makes a ledger in which every entry balances', () => {
    const { rows } = inventoryCompany({ seed: 7 });

    const entries = rows.get('journal_entry') ?? [];
    assert.ok(entries.length > 0);
    for (const entry of entries) {
      const lines = entry.lines as readonly { debit: string; credit: string; account: string }[];
      const cents = (side: 'debit' | 'credit') =>
        lines.reduce((sum, line) => sum + Math.round(Number(line[side]) * 100), 0);
      assert.equal(cents('debit'), cents('credit'), `entry ${entry.number}`);
      assert.ok(lines.every((line) => line.account !== ''));
    }
  });

  it('leaves every supplier an order that came in full in the open month', () => {
    const { rows, asOf } = inventoryCompany({ seed: 7 });

    const recent = new Set(
      rows
        .get('goods_receipt')
        ?.filter((receipt) => String(receipt.date).startsWith(asOf.slice(0, 7)))
        .map((receipt) => receipt.order),
    );
    const whole = (rows.get('purchase_order') ?? []).filter((order) => {
      const lines = order.lines as readonly { quantity: string; received: string }[];
      return (
        recent.has(order.id) &&
        order.status === 'received' &&
        lines.every((line) => line.quantity === line.received)
      );
    });
    const suppliers = (rows.get('party') ?? []).filter((party) => party.supplier);
    assert.equal(new Set(whole.map((order) => order.vendor)).size, suppliers.length);
  });
});
