import assert from 'node:assert/strict';
import { Day } from 'tutti';
import { fixtureConnector, runTool } from 'tutti/testing';
import type { Command, Connector } from '../../../core/ports/erp/connector.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { draftClaim } from '../../../modules/inventory/tools/draft-claim.ts';
import { draftRequest } from '../../../modules/inventory/tools/draft-request.ts';
import { draftVariance } from '../../../modules/inventory/tools/draft-variance.ts';
import { planCount } from '../../../modules/inventory/tools/plan-count.ts';
import { verifies } from '../../support/verifies.ts';
import { handle, repeat } from '../interrupted.ts';
import { staged } from './night.ts';

const made = staged.company({ seed: 1 });
const today = made.asOf;

type Fields = Readonly<Record<string, unknown>>;

interface Called {
  readonly kind: string;
  readonly result?: Readonly<Record<string, unknown>>;
}

function company(): {
  readonly connector: Connector;
  readonly call: (tool: AnyTool, args: unknown) => Promise<Called>;
} {
  const connector = fixtureConnector(inventory.records, made.rows);
  const scope = { module: 'inventory', connector, entities: inventory.records, today };
  return {
    connector,
    call: async (tool, args) => {
      const invoked = await runTool(tool, args, scope);
      return invoked.kind === 'error' ? { kind: invoked.error.code } : (invoked.value as Called);
    },
  };
}

async function rowsOf(connector: Connector, entity: string, filter: Fields = {}) {
  const wire = Object.fromEntries(Object.entries(filter).map(([name, eq]) => [name, { eq }]));
  return (await connector.query({ entity, filter: wire, limit: 10_000 })).rows;
}

/** The records that a planted fact shows, by entity. */
function planted(kind: string): Readonly<Record<string, string>> {
  const truth = made.truth.find((each) => each.kind === kind);
  assert.ok(truth, `${kind} is planted`);
  return Object.fromEntries(truth.records.map(({ entity, id }) => [entity, id]));
}

let keys = 0;

/** Applies an action under a key of its own; tells the outcome and, when it was rejected, why. */
async function act(connector: Connector, command: Fields): Promise<string> {
  const full = { op: 'act', data: {}, ...command } as unknown as Command;
  const outcome = await connector.apply(full, { key: `test:${++keys}` });
  return outcome.kind === 'rejected' ? `rejected: ${outcome.reason}` : outcome.kind;
}

/** The most that may be asked for under a rule. */
async function missing(rule: string | undefined): Promise<string> {
  const { call, connector } = company();
  const [row] = await rowsOf(connector, 'reorder_rule', { id: rule });
  for (let quantity = Number(row?.target); quantity > 0; quantity--) {
    const drafted = await call(draftRequest, { rule, quantity: String(quantity) });
    if (drafted.kind === 'applied') return String(quantity);
  }
  assert.fail('something is missing');
}

describe('inventory.claim.draft', () => {
  const short = planted('receipt.short');
  const args = { order: short.purchase_order, receipt: short.goods_receipt, reason: 'short' };

  it('drafts one claim for a delivery, however often it is asked', async () => {
    const { call, connector } = company();

    const first = await call(draftClaim, args);
    const second = await call(draftClaim, args);

    assert.equal(first.kind, 'applied');
    assert.equal(second.result?.claim, first.result?.claim);
    const [claim, ...others] = await rowsOf(connector, 'claim');
    assert.deepEqual(others, []);
    assert.equal(claim?.status, 'draft');
    assert.equal(claim?.openedOn, today);
    assert.deepEqual(claim?.amount, first.result?.amount);
    assert.notEqual((claim?.amount as { readonly amount: string } | undefined)?.amount, '0.00');
  });

  it('refuses a reason that the documents do not show, and a receipt of another order', async () => {
    verifies('R5.tool-errors');
    const { call, connector } = company();
    const other = planted('receipt.over').goods_receipt;

    assert.equal((await call(draftClaim, { ...args, reason: 'over' })).kind, 'ERP_REJECTED');
    assert.equal((await call(draftClaim, { ...args, receipt: other })).kind, 'ERP_REJECTED');
    assert.deepEqual(await rowsOf(connector, 'claim'), []);
  });

  it('can be withdrawn once, and not under a version that is gone', async () => {
    verifies('R8.undo');
    const { call, connector } = company();
    const id = (await call(draftClaim, args)).result?.claim;
    const withdraw = { entity: 'claim', id, action: 'withdraw' };

    assert.equal(await act(connector, { ...withdraw, expect: '99' }), 'conflict');
    assert.equal(await act(connector, withdraw), 'applied');
    assert.equal(await act(connector, withdraw), 'rejected: state');
    assert.equal((await rowsOf(connector, 'claim'))[0]?.status, 'withdrawn');
  });
});

describe('inventory.request.draft', () => {
  const rule = planted('reorder.below_minimum').reorder_rule;

  it('asks for the quantity after the lead time of the rule', async () => {
    const { call, connector } = company();
    const [row] = await rowsOf(connector, 'reorder_rule', { id: rule });

    const drafted = await call(draftRequest, { rule, quantity: '12' });

    assert.equal(drafted.kind, 'applied');
    const [request] = await rowsOf(connector, 'purchase_request', { id: drafted.result?.request });
    assert.equal(request?.status, 'draft');
    assert.equal(request?.quantity, '12');
    assert.equal(request?.product, row?.product);
    assert.equal(request?.neededOn, Day.add(today, Number(row?.leadTimeDays)));
  });

  it('refuses more than is missing, nothing at all, and a suspended rule', async () => {
    const { call, connector } = company();
    const suspended = (await rowsOf(connector, 'reorder_rule', { active: false }))[0]?.id;

    assert.equal((await call(draftRequest, { rule, quantity: '0' })).kind, 'ERP_REJECTED');
    const still = await call(draftRequest, { rule: suspended, quantity: '5' });
    assert.equal(still.kind, 'ERP_REJECTED');
    const before = (await rowsOf(connector, 'purchase_request')).length;
    assert.equal((await call(draftRequest, { rule, quantity: '100000' })).kind, 'ERP_REJECTED');
    assert.equal((await rowsOf(connector, 'purchase_request')).length, before);
  });

  it('asks beside a request that waits for no more than is missing then', async () => {
    const { call, connector } = company();
    const [row] = await rowsOf(connector, 'reorder_rule', { id: rule });
    const most = async () => {
      for (let quantity = Number(row?.target); quantity > 0; quantity--) {
        const drafted = await call(draftRequest, { rule, quantity: String(quantity) });
        if (drafted.kind === 'applied') return quantity;
      }
      return 0;
    };

    assert.equal((await call(draftRequest, { rule, quantity: '1' })).kind, 'applied');
    // Another run has another key: only what is missing stands in its way.
    assert.ok((await most()) > 1);
    assert.equal(await most(), 0);
  });
});

describe('inventory.count.plan', () => {
  const level = planted('count.overdue').stock_level;

  it('plans a count with what the books expect', async () => {
    const { call, connector } = company();
    const [stock] = await rowsOf(connector, 'stock_level', { id: level });
    assert.ok(stock);
    const { warehouse, product } = stock;

    const planned = await call(planCount, { warehouse, products: [product] });

    assert.equal(planned.kind, 'applied');
    const [count] = await rowsOf(connector, 'stock_count', { id: planned.result?.count });
    assert.equal(count?.status, 'planned');
    assert.equal(count?.plannedOn, '2026-07-01');
    assert.deepEqual(count?.lines, [{ product, expected: stock.onHand, counted: null }]);
  });

  it('leaves out what another open count has, and refuses when nothing is left', async () => {
    const { call, connector } = company();
    const [open] = await rowsOf(connector, 'stock_count', { status: 'planned' });
    const lines = (open?.lines ?? []) as readonly { product: string }[];
    const taken = lines.map((line) => line.product);
    const stock = await rowsOf(connector, 'stock_level', { warehouse: open?.warehouse });
    const free = stock.find((row) => !taken.includes(String(row.product)))?.product;
    const plan = { warehouse: open?.warehouse };

    const partly = await call(planCount, { ...plan, products: [...taken, free] });

    assert.equal(partly.result?.lines, 1);
    assert.equal((await call(planCount, { ...plan, products: taken })).kind, 'ERP_REJECTED');
  });

  it('is taken back only before anybody has begun to count', async () => {
    const { connector } = company();
    const [planned] = await rowsOf(connector, 'stock_count', { status: 'planned' });
    const cancel = { entity: 'stock_count', id: planned?.id, action: 'cancel' };

    assert.equal(await act(connector, { ...cancel, action: 'start' }), 'applied');
    assert.equal(await act(connector, cancel), 'rejected: state');
  });
});

describe('a call that was interrupted', () => {
  it('meets its own request and its own count when it is repeated', async () => {
    verifies('R8.crash');
    const connector = fixtureConnector(inventory.records, made.rows);
    const scope = { module: 'inventory', connector, entities: inventory.records, today };
    const before = (await rowsOf(connector, 'purchase_request')).length;
    const rule = planted('reorder.below_minimum').reorder_rule;
    const level = planted('count.overdue').stock_level;
    const [stock] = await rowsOf(connector, 'stock_level', { id: level });

    await repeat(draftRequest, { rule, quantity: '12' }, scope);
    await repeat(planCount, { warehouse: stock?.warehouse, products: [stock?.product] }, scope);

    assert.equal((await rowsOf(connector, 'purchase_request')).length, before + 1);
  });
});

describe('two calls at the same moment', () => {
  const twice = async (tool: AnyTool, args: object, connector: Connector) => {
    const scope = { module: 'inventory', connector, entities: inventory.records, today };
    const ends = await Promise.allSettled(
      ['a', 'b'].map((letter) => handle(tool, args, { ...scope, key: letter.repeat(64) })),
    );
    return ends.map((end) => (end.status === 'fulfilled' ? 'made' : end.reason.code)).toSorted();
  };

  it('plan one count of the same products, and no product in two counts', async () => {
    const { connector } = company();
    const level = planted('count.overdue').stock_level;
    const [stock] = await rowsOf(connector, 'stock_level', { id: level });
    const before = (await rowsOf(connector, 'stock_count')).length;
    const args = { warehouse: stock?.warehouse, products: [stock?.product] };

    assert.deepEqual(await twice(planCount, args, connector), ['ERP_REJECTED', 'made']);

    assert.equal((await rowsOf(connector, 'stock_count')).length, before + 1);
  });

  it('ask once for all that is missing', async () => {
    const { connector } = company();
    const rule = planted('reorder.below_minimum').reorder_rule;
    const before = (await rowsOf(connector, 'purchase_request')).length;
    const quantity = await missing(rule);

    const ends = await twice(draftRequest, { rule, quantity }, connector);

    assert.deepEqual(ends, ['ERP_REJECTED', 'made']);
    assert.equal((await rowsOf(connector, 'purchase_request')).length, before + 1);
  });
});

describe('inventory.variance.draft', () => {
  it('writes down a difference, and none that is within the tolerance', async () => {
    const { call, connector } = company();
    const codes = (made.rows.get('company') ?? []).map((row) => String(row.code));
    const off = made.truth.flatMap((each) =>
      each.kind === 'valuation.ledger' ? (each.company ?? []) : [],
    );

    for (const code of codes) {
      const drafted = await call(draftVariance, { company: code });
      assert.equal(drafted.kind, off.includes(code) ? 'applied' : 'ERP_REJECTED', code);
    }

    const variances = await rowsOf(connector, 'valuation_variance');
    assert.deepEqual(variances.map((row) => row.company).toSorted(), off.toSorted());
    const [first] = variances;
    assert.equal(first?.status, 'draft');
    assert.notDeepEqual(first?.stockValue, first?.ledgerBalance);
  });
});
