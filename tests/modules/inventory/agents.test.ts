import assert from 'node:assert/strict';
import { Money } from 'tutti';
import { fixtureConnector, runAgent, runTool } from 'tutti/testing';
import type { AnyAgent } from '../../../core/sdk/agent.ts';
import {
  inventory,
  receiptDiscrepancy,
  valuationReconciliation,
} from '../../../modules/inventory/index.ts';
import { draftRequest } from '../../../modules/inventory/tools/draft-request.ts';
import { draftVariance } from '../../../modules/inventory/tools/draft-variance.ts';
import { verifies } from '../../support/verifies.ts';

const today = '2026-06-30';
const company = 'DE';
const entities = inventory.records;
const eur = (amount: string) => Money.of(amount, 'EUR');

type Row = Readonly<Record<string, unknown>>;
type World = Readonly<Record<string, readonly Row[]>>;

const connect = (world: World) =>
  fixtureConnector(
    entities,
    new Map(
      Object.entries(world).map(([name, own]) => [
        name,
        own.map((row) => ({ version: '1', ...row })),
      ]),
    ),
  );

async function night(agent: AnyAgent, input: object, world: World) {
  const scope = { module: 'inventory', connector: connect(world), entities, today };
  const { findings, effects } = await runAgent(agent, { ...scope, input });
  return {
    found: findings.map(({ kind, records = [], amount }) => [
      kind,
      records.map(({ id }) => id).join(' '),
      amount?.amount,
    ]),
    asked: effects.map(({ args }) => args),
  };
}

async function refusal(...[tool, args, world]: readonly [typeof draftRequest, object, World]) {
  const scope = { module: 'inventory', connector: connect(world), entities, today };
  const invoked = await runTool(tool, args, scope);
  return invoked.kind === 'error' ? invoked.error.message : invoked.kind;
}

const product = {
  ...{ id: 'p1', number: 'P-1', name: '', group: 'g1', unit: 'piece', abc: 'A' },
  ...{ cost: eur('10'), active: true },
};
const warehouse = (id: string) => ({ id, code: id, name: id, company });

describe('inventory.receipt_discrepancy', () => {
  const order = {
    ...{ id: 'o1', number: 'PO-1', company, vendor: 'v1', buyer: 'u1', department: 'd1' },
    ...{ date: '2026-06-01', expectedOn: '2026-06-20', status: 'open', matching: 'three_way' },
    ...{ memo: '', total: eur('1000') },
    lines: [{ id: 'L1', product: 'p1', quantity: '100', price: eur('10'), received: '0' }],
  };
  const receipt = (id: string, accepted: string, at: { warehouse: string; date: string }) => ({
    ...{ id, number: id, company, vendor: 'v1', order: 'o1', ...at },
    lines: [{ orderLine: 'L1', product: 'p1', accepted, rejected: '0' }],
  });

  it('reports an order once that came into two warehouses: where the last of it came in', async () => {
    verifies('R3.erp-modules');
    const goods_receipt = [
      receipt('g1', '70', { warehouse: 'w1', date: '2026-06-10' }),
      receipt('g2', '50', { warehouse: 'w2', date: '2026-06-12' }),
      receipt('g3', '0', { warehouse: 'w1', date: '2026-07-01' }),
    ];
    const world = { purchase_order: [order], goods_receipt };
    const reported = (at: string) => night(receiptDiscrepancy, { warehouse: at }, world);

    assert.deepEqual((await reported('w1')).found, []);
    assert.deepEqual((await reported('w2')).found, [['receipt.over', 'o1 g2', '200']]);
  });
});

describe('a blocked vendor', () => {
  it('is asked for nothing', async () => {
    const world = {
      warehouse: [warehouse('w1')],
      product: [product],
      party: [
        {
          ...{ id: 'v1', number: 'V-1', name: '', supplier: true, customer: false, country: 'DE' },
          ...{ taxNumber: '1', group: 'g1', currency: 'EUR', blocked: true },
        },
      ],
      reorder_rule: [
        {
          ...{ id: 'r1', product: 'p1', warehouse: 'w1', vendor: 'v1', minimum: '5', target: '9' },
          ...{ leadTimeDays: 5, active: true },
        },
      ],
    };

    assert.match(await refusal(draftRequest, { rule: 'r1', quantity: '1' }, world), /V-1.*blocked/);
  });
});

describe('a company without an inventory account', () => {
  const world = {
    company: [
      { id: 'c', code: company, name: company, country: 'DE', currency: 'EUR', timeZone: 'UTC' },
    ],
    warehouse: [warehouse('w1')],
    product: [product],
    stock_level: [
      {
        ...{ id: 'l1', product: 'p1', warehouse: 'w1', onHand: '10', reserved: '0' },
        lastCountedOn: '2026-06-20',
      },
    ],
    stock_move: [
      {
        ...{ id: 'm1', product: 'p1', warehouse: 'w1', date: '2026-06-01', reason: 'opening' },
        ...{ quantity: '10', receipt: null },
      },
    ],
  };

  it('is told so, and gets no draft that nobody could make', async () => {
    const { found, asked } = await night(valuationReconciliation, { company }, world);

    assert.deepEqual([found, asked], [[['valuation.ledger', '', '100']], []]);
    assert.match(
      await refusal(draftVariance as never, { company }, world),
      /no account with the control 'inventory'/,
    );
  });
});
