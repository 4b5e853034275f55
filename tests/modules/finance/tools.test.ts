import assert from 'node:assert/strict';
import { Day, Money } from 'tutti';
import { fixtureConnector, runAgent, runTool } from 'tutti/testing';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { threeWayMatch } from '../../../modules/finance/agents/three-way-match.ts';
import { getSubledgerBalances } from '../../../modules/finance/tools/get-subledger-balances.ts';
import { listDraftBills } from '../../../modules/finance/tools/list-draft-bills.ts';
import { parkBankFee } from '../../../modules/finance/tools/park-bank-fee.ts';
import { parkCorrection } from '../../../modules/finance/tools/park-correction.ts';
import { placeHold } from '../../../modules/finance/tools/place-hold.ts';
import { proposeBankMatch } from '../../../modules/finance/tools/propose-bank-match.ts';
import { setMatchResult } from '../../../modules/finance/tools/set-match-result.ts';
import { verifies } from '../../support/verifies.ts';
import { entities, staged } from './night.ts';

const made = staged.company({ seed: 1 });
const today = made.asOf;

/** The sample company, in which each given row stands in place of the one with its id. */
function company(changed: Readonly<Record<string, readonly Fields[]>> = {}): {
  connector: Connector;
  call: (tool: AnyTool, args: unknown) => Promise<Called>;
} {
  const rows = new Map<string, readonly object[]>(made.rows);
  for (const [entity, instead] of Object.entries(changed)) {
    const ids = new Set(instead.map(({ id }) => id));
    const others = made.rows.get(entity)?.filter(({ id }) => !ids.has(id)) ?? [];
    rows.set(entity, [...others, ...instead]);
  }
  const connector = fixtureConnector(entities, rows);
  return {
    connector,
    call: async (tool, args) => {
      const invoked = await runTool(tool, args, { module: 'finance', connector, entities, today });
      if (invoked.kind === 'error') return { kind: invoked.error.code };
      if (invoked.kind === 'result') return { kind: 'read', result: invoked.value as never };
      return invoked.value as Called;
    },
  };
}

interface Called {
  readonly kind: string;
  readonly result?: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

function rowOf(entity: string, fits: (row: Fields) => boolean): Fields & { readonly id: string } {
  const row = made.rows.get(entity)?.find(fits);
  assert.ok(row, `the sample has a ${entity} of this kind`);
  return row;
}

async function read(connector: Connector, entity: string, id: unknown): Promise<Fields> {
  const page = await connector.query({ entity, filter: { id: { eq: id } }, limit: 1 });
  assert.ok(page.rows[0]);
  return page.rows[0];
}

function balanceOf(entry: Fields): { readonly debit: number; readonly credit: number } {
  const lines = entry.lines as readonly { readonly debit: string; readonly credit: string }[];
  const sum = (side: 'debit' | 'credit') =>
    lines.reduce((total, line) => total + Math.round(Number(line[side]) * 100), 0);
  return { debit: sum('debit'), credit: sum('credit') };
}

describe('finance.hold.place', () => {
  const open = () => rowOf('bill', (row) => row.status === 'open' && row.hold === null);

  it('blocks an open bill and brings back its new version', async () => {
    const { call, connector } = company();
    const bill = open();

    const held = await call(placeHold, { bill: bill.id, expect: bill.version, reason: 'price' });

    assert.equal(held.kind, 'applied');
    const now = await read(connector, 'bill', bill.id);
    assert.equal(now.hold, 'price');
    assert.equal(now.version, held.result?.version);
  });

  it('refuses a bill that is paid', async () => {
    const { call } = company();
    const bill = rowOf('bill', (row) => row.status === 'paid');

    const refused = await call(placeHold, { bill: bill.id, expect: bill.version, reason: 'price' });

    assert.equal(refused.kind, 'ERP_REJECTED');
  });

  it('leaves a bill alone that has changed since it was judged', async () => {
    const { call, connector } = company();
    const bill = open();

    const stale = await call(placeHold, { bill: bill.id, expect: '0', reason: 'price' });

    assert.equal(stale.kind, 'ERP_CONFLICT');
    assert.equal((await read(connector, 'bill', bill.id)).hold, null);
  });

  it('is undone by the release that it names', async () => {
    verifies('R8.undo');
    const { call, connector } = company();
    const bill = open();
    const held = await call(placeHold, { bill: bill.id, expect: bill.version, reason: 'quantity' });

    const undo = placeHold.undo && 'action' in placeHold.undo ? placeHold.undo.action : 'none';
    const released = await connector.apply(
      {
        ...{ entity: 'bill', op: 'act', id: bill.id, action: undo, data: {} },
        expect: held.result?.version ?? '',
      },
      { key: 'undo' },
    );

    assert.equal(released.kind, 'applied');
    assert.equal((await read(connector, 'bill', bill.id)).hold, null);
  });
});

describe('finance.match_result.set', () => {
  it("drafts one list of a vendor's results", async () => {
    const { call, connector } = company();
    const bill = rowOf('bill', (row) => row.status === 'draft');

    const set = await call(setMatchResult, {
      vendor: bill.vendor,
      results: [{ bill: bill.id, result: 'matched' }],
    });

    const run = await read(connector, 'match_run', set.result?.run);
    assert.deepEqual(
      { vendor: run.vendor, date: run.date, status: run.status, lines: run.lines },
      {
        vendor: bill.vendor,
        date: today,
        status: 'draft',
        lines: [{ bill: bill.id, result: 'matched' }],
      },
    );
  });
});

describe('finance.bank_match.propose', () => {
  it('drafts the pairs and leaves line and payment as they are', async () => {
    const { call, connector } = company();
    const line = rowOf('bank_line', (row) => row.status === 'open');
    const payment = rowOf('payment', (row) => row.account === line.account);

    const proposed = await call(proposeBankMatch, {
      account: line.account,
      pairs: [{ line: line.id, payment: payment.id }],
    });

    const match = await read(connector, 'bank_match', proposed.result?.match);
    assert.deepEqual(match.lines, [{ line: line.id, payment: payment.id }]);
    assert.equal((await read(connector, 'bank_line', line.id)).status, 'open');
  });
});

describe('finance.bank_fee.park', () => {
  it('parks a balanced entry over the fee', async () => {
    const { call, connector } = company();
    const fee = rowOf('bank_line', (row) => row.kind === 'fee' && row.status === 'open');

    const parked = await call(parkBankFee, { line: fee.id });

    const entry = await read(connector, 'parked_entry', parked.result?.entry);
    const cents = Math.abs(Math.round(Number((fee.amount as { amount: string }).amount) * 100));
    assert.deepEqual(balanceOf(entry), { debit: cents, credit: cents });
    assert.equal(entry.status, 'draft');
  });

  it('parks a fee that the bank gave back the other way round', async () => {
    const fee = rowOf('bank_line', (row) => row.kind === 'fee' && row.status === 'open');
    const refund = { ...fee, amount: Money.negate(fee.amount as Money) };
    const sides = async (line: Fields) => {
      const { call, connector } = company({ bank_line: [line] });
      const parked = await call(parkBankFee, { line: line.id });
      const entry = await read(connector, 'parked_entry', parked.result?.entry);
      return (entry.lines as readonly Fields[]).map(({ account, debit, credit }) => ({
        account,
        net: Number(debit) - Number(credit),
      }));
    };

    const turned = (await sides(fee)).map(({ account, net }) => ({ account, net: -net }));

    assert.deepEqual(await sides(refund), turned);
  });

  it('refuses a line that is matched already, and one that is no fee', async () => {
    const { call } = company();
    const matched = rowOf('bank_line', (row) => row.kind === 'fee' && row.status === 'matched');
    const transfer = rowOf('bank_line', (row) => row.kind === 'transfer' && row.status === 'open');

    assert.equal((await call(parkBankFee, { line: matched.id })).kind, 'ERP_REJECTED');
    assert.equal((await call(parkBankFee, { line: transfer.id })).kind, 'ERP_REJECTED');
  });
});

describe('finance.correction.park', () => {
  it('turns a manual entry around', async () => {
    const { call, connector } = company();
    const manual = rowOf('journal_entry', (row) => row.source === 'manual');

    const parked = await call(parkCorrection, { entity: 'journal_entry', record: manual.id });

    const entry = await read(connector, 'parked_entry', parked.result?.entry);
    const sides = (row: Fields) =>
      (row.lines as { account: string; debit: string; credit: string }[]).map(
        ({ account, debit, credit }) => ({ account, net: Number(debit) - Number(credit) }),
      );
    const turned = sides(manual).map(({ account, net }) => ({ account, net: -net }));
    assert.deepEqual(sides(entry), turned);
  });

  it('refuses to reverse what the system posted', async () => {
    const { call } = company();
    const batch = rowOf('journal_entry', (row) => row.source === 'system');

    const refused = await call(parkCorrection, { entity: 'journal_entry', record: batch.id });

    assert.equal(refused.kind, 'ERP_REJECTED');
  });

  for (const entity of ['bill', 'receivable', 'payment'] as const) {
    it(`parks a balanced entry for a ${entity} that was not posted, and refuses a posted one`, async () => {
      const { call, connector } = company();
      const missing = rowOf(entity, (row) => row.entry === null && row.status !== 'draft');
      const posted = rowOf(entity, (row) => row.entry !== null);

      const parked = await call(parkCorrection, { entity, record: missing.id });

      const entry = await read(connector, 'parked_entry', parked.result?.entry);
      const { debit, credit } = balanceOf(entry);
      assert.equal(debit, credit);
      assert.ok(debit > 0);
      assert.equal(
        (await call(parkCorrection, { entity, record: posted.id })).kind,
        'ERP_REJECTED',
      );
    });

    it(`posts no ${entity} that is cancelled`, async () => {
      const missing = rowOf(entity, (row) => row.entry === null && row.status !== 'draft');
      const { call } = company({ [entity]: [{ ...missing, status: 'cancelled' }] });

      const refused = await call(parkCorrection, { entity, record: missing.id });

      assert.equal(refused.kind, 'ERP_REJECTED');
    });
  }

  it('posts no bill that is still a draft', async () => {
    const { call } = company();
    const draft = rowOf('bill', (row) => row.status === 'draft');

    const refused = await call(parkCorrection, { entity: 'bill', record: draft.id });

    assert.equal(refused.kind, 'ERP_REJECTED');
  });
});

describe('finance.bill.list_drafts', () => {
  it('lists drafts of whatever date: a bill may come after the month that it is dated in', async () => {
    const draft = rowOf('bill', (row) => row.status === 'draft' && row.order !== null);
    const { call } = company({ bill: [{ ...draft, date: Day.add(Day.monthStart(today), -1) }] });

    const { result } = await call(listDraftBills, { vendor: draft.vendor });

    const ids = (result as unknown as readonly Fields[]).map(({ id }) => id);
    assert.ok(ids.includes(draft.id));
  });
});

describe('finance.subledger_balance.get', () => {
  it('adds up no two currencies', async () => {
    verifies('R3.erp-modules');
    const payment = rowOf('payment', (row) => row.status === 'executed');
    const { amount } = payment.amount as Money;
    const { call } = company({ payment: [{ ...payment, amount: Money.of(amount, 'JPY') }] });

    const refused = await call(getSubledgerBalances, { company: payment.company });

    assert.equal(refused.kind, 'INPUT_INVALID');
  });
});

describe('finance.three_way_match', () => {
  it('judges all drafts of a vendor, however many orders they are for', async () => {
    const order = rowOf('purchase_order', (row) => row.matching === 'three_way');
    const bill = rowOf('bill', (row) => row.order === order.id);
    const many = Array.from({ length: 501 }, (_, index) => String(900_000 + index));
    const state = { vendor: bill.vendor, status: 'draft', hold: null };
    const { connector } = company({
      purchase_order: many.map((id) => ({ ...order, id, number: `PO-${id}`, status: 'open' })),
      bill: many.map((id) => ({ ...bill, ...state, id, number: `B-${id}`, order: id })),
      goods_receipt: [],
    });

    const { findings } = await runAgent(threeWayMatch, {
      ...{ module: 'finance', connector, entities, today },
      input: { vendor: bill.vendor },
    });

    const found = new Set(findings.map(({ records }) => records?.[0]?.id));
    assert.deepEqual(
      many.filter((id) => !found.has(id)),
      [],
    );
  });
});
