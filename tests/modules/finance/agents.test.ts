import assert from 'node:assert/strict';
import { Money } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
import type { AnyAgent } from '../../../core/sdk/agent.ts';
import {
  bankReconciliation,
  duplicateInvoiceGuard,
  subledgerReconciliation,
  threeWayMatch,
} from '../../../modules/finance/index.ts';
import { verifies } from '../../support/verifies.ts';
import { entities } from './night.ts';

const today = '2026-06-30';
const eur = (amount: string) => Money.of(amount, 'EUR');

type Row = Readonly<Record<string, unknown>> & { readonly id: string };
type World = Readonly<Record<string, readonly Row[]>>;

/** What an agent reports and proposes in a company of these rows: each finding by its kind, its records and its amount. */
async function night(agent: AnyAgent, input: object, world: World) {
  const rows = Object.entries(world).map(
    ([entity, own]) => [entity, own.map((row) => ({ version: '1', ...row }))] as const,
  );
  const connector = fixtureConnector(entities, new Map(rows));
  const done = await runAgent(agent, { module: 'finance', connector, entities, today, input });
  return {
    found: done.findings.map(({ kind, records = [], amount }) => [
      kind,
      records.map(({ id }) => id).join(' '),
      amount?.amount,
    ]),
    proposed: done.effects.map(({ tool, args }) => [tool, args]),
    output: done.output,
  };
}

const billOf = (id: string, of: object): Row => ({
  ...{ id, number: `INV-${id}`, company: 'DE', vendor: 'v1', order: null, dueOn: '2026-07-20' },
  ...{ date: '2026-06-20', status: 'draft', hold: null, memo: '', total: eur('100'), entry: null },
  lines: [],
  ...of,
});

describe('finance.duplicate_invoice_guard', () => {
  const guard = (...bill: Row[]) => night(duplicateInvoiceGuard, { vendor: 'v1' }, { bill });
  const typed = (id: string, of: object): Row => billOf(id, { number: 'INV-1042', ...of });

  it('keeps what is paid already from being paid again, whichever of two bills bears the earlier date', async () => {
    verifies('R3.erp-modules');
    const paid = typed('paid', { date: '2026-06-20', status: 'paid' });

    const { found, proposed } = await guard(typed('open', { date: '2026-06-02' }), paid);

    assert.deepEqual(found, [['duplicate.unpaid', 'open paid', '100']]);
    assert.deepEqual(
      proposed.map(([, args]) => args),
      [{ bill: 'open', expect: '1', reason: 'duplicate' }],
    );
    const sameDay = await guard(typed('open', { number: '1042', date: '2026-06-20' }), paid);
    assert.deepEqual(sameDay.found, [['duplicate.unpaid', 'open paid', '100']]);
  });

  it('leaves the bill payable that is left when somebody holds its twin', async () => {
    const { found } = await guard(
      typed('held', { date: '2026-06-02', hold: 'duplicate' }),
      typed('left', { date: '2026-06-20' }),
    );

    assert.deepEqual(found, []);
  });

  it('claims back what was paid twice, the later of the two', async () => {
    const { found, proposed } = await guard(
      typed('late', { date: '2026-06-20', status: 'paid' }),
      typed('early', { date: '2026-06-02', status: 'paid' }),
    );

    assert.deepEqual(found, [['duplicate.paid', 'late early', '100']]);
    assert.deepEqual(proposed, []);
  });

  it('compares bills of 45 days apart and no further, and a credit note with no invoice', async () => {
    const first = typed('first', { date: '2026-04-15' });
    const later = (of: object) => guard(first, typed('later', of));

    assert.equal((await later({ date: '2026-05-30' })).found.length, 1);
    assert.equal((await later({ date: '2026-05-31' })).found.length, 0);
    assert.equal((await later({ date: '2026-04-20', total: eur('-100') })).found.length, 0);
    assert.equal((await later({ date: '2026-04-20', total: eur('100.0000') })).found.length, 1);
  });
});

describe('finance.three_way_match', () => {
  const lines = [{ id: 'L1', orderLine: 'a', quantity: '10', price: eur('10') }];
  const order = (of: object): Row => ({
    ...{ id: 'o1', number: 'PO-1', company: 'DE', vendor: 'v1', buyer: 'u1', department: 'd1' },
    ...{ date: '2026-06-01', expectedOn: '2026-06-15', status: 'received', memo: '' },
    ...{ matching: 'three_way', total: eur('100') },
    lines: [{ id: 'a', product: 'p1', quantity: '10', price: eur('10'), received: '10' }],
    ...of,
  });
  const receipt: Row = {
    ...{ id: 'g1', number: 'GR-1', company: 'DE', vendor: 'v1', order: 'o1', warehouse: 'w1' },
    date: '2026-06-14',
    lines: [{ orderLine: 'a', product: 'p1', accepted: '10', rejected: '0' }],
  };
  const match = (of: object, bills: readonly Row[]) =>
    night(
      threeWayMatch,
      { vendor: 'v1' },
      { bill: bills, purchase_order: [order(of)], goods_receipt: [receipt], match_tolerance: [] },
    );
  const bill = billOf('b1', { order: 'o1', lines });

  it('takes the order of another vendor or company for none', async () => {
    verifies('R3.erp-modules');
    assert.deepEqual((await match({}, [bill])).found, []);
    for (const another of [{ vendor: 'v2' }, { company: 'PL' }]) {
      const { found } = await match(another, [bill]);
      assert.deepEqual(found, [['match.receipt', 'b1 o1', '100.00']]);
    }
  });

  it('lets a bill through when its twin is held as a duplicate, and holds both while nobody has decided', async () => {
    const twin = (hold: string | null) => billOf('b2', { order: 'o1', lines, hold });

    assert.deepEqual((await match({}, [bill, twin('duplicate')])).found, []);
    assert.deepEqual(
      (await match({}, [bill, twin(null)])).found.map(([kind]) => kind),
      ['match.quantity', 'match.quantity'],
    );
    assert.deepEqual(
      (await match({}, [bill, twin('price')])).found.map(([kind]) => kind),
      ['match.quantity'],
    );
  });
});

describe('finance.bank_reconciliation', () => {
  const account: Row = {
    ...{ id: 'a1', iban: 'DE02', currency: 'EUR', company: 'DE', party: null, changedOn: null },
    verified: true,
  };
  const line = (id: string, amount: Money, reference: string | null): Row => ({
    ...{ id, account: 'a1', date: '2026-06-10', kind: 'transfer', amount, reference },
    ...{ remittance: '', status: 'open', payment: null },
  });
  const payment = (id: string, amount: Money, reference: string): Row => ({
    ...{ id, number: id, company: 'DE', account: 'a1', party: null, direction: 'in', amount },
    ...{ purpose: 'receivable', bill: null, receivable: null, reference, date: '2026-06-09' },
    ...{ status: 'executed', entry: 'e1' },
  });
  const reconcile = (bank_line: Row[], payments: Row[]) =>
    night(
      bankReconciliation,
      { account: 'a1' },
      { bank_account: [account], bank_line, payment: payments },
    );

  it('goes through a statement on which one payment is in another currency', async () => {
    verifies('R3.erp-modules');
    const { found, output } = await reconcile(
      [line('l1', eur('80'), 'R1'), line('l2', eur('40'), 'R2')],
      [payment('p1', Money.of('90', 'USD'), 'R1'), payment('p2', eur('40'), 'R2')],
    );

    assert.deepEqual(found, [['bank.amount', 'l1 p1', '80']]);
    assert.equal((output as { matched: number }).matched, 1);
  });

  it('reads references of any script, and none in what banks write where there is none', async () => {
    const { found, output } = await reconcile(
      [
        line('l1', eur('10'), 'Счёт 17'),
        line('l2', eur('20'), 'Счёт 18'),
        line('l3', eur('30'), 'NOTPROVIDED'),
        line('l4', eur('40'), '-'),
      ],
      [
        payment('p1', eur('10'), 'счёт-17'),
        payment('p2', eur('20'), 'счёт-18'),
        payment('p3', eur('30'), 'R3'),
        payment('p4', eur('40'), 'R4'),
      ],
    );

    assert.deepEqual(found, []);
    assert.equal((output as { matched: number }).matched, 4);
  });
});

describe('finance.subledger_reconciliation', () => {
  const accounts: Row[] = [
    ...(['payables', 'receivables', 'bank'] as const).map((control) => ({
      ...{ id: control, company: 'DE', number: control, name: control, kind: 'asset', control },
    })),
    { id: 'cost', company: 'DE', number: '5000', name: 'cost', kind: 'expense', control: null },
  ];
  const entry = (id: string, lines: readonly (readonly [string, string, string])[]): Row => ({
    ...{ id, number: id, company: 'DE', journal: 'j1', date: '2026-06-10', period: '2026-06' },
    ...{ postedAt: '2026-06-10T10:00:00Z', user: 'u1', source: 'manual', memo: '' },
    total: eur('100'),
    lines: lines.map(([account, debit, credit]) => ({ account, debit, credit })),
  });
  const reconcile = (journal_entry: Row[], more: World = {}) =>
    night(
      subledgerReconciliation,
      { company: 'DE' },
      {
        company: [
          { id: 'c', code: 'DE', name: 'DE', country: 'DE', currency: 'EUR', timeZone: 'UTC' },
        ],
        ...{ account: accounts, journal_entry, bill: [], receivable: [], payment: [], ...more },
      },
    );
  const wrong = entry('e1', [
    ['cost', '100', '0'],
    ['payables', '0', '100'],
  ]);
  const reversal = entry('e2', [
    ['payables', '100.00', '0'],
    ['cost', '0', '100.00'],
  ]);

  it('asks for nothing more when somebody has reversed a manual entry', async () => {
    verifies('R3.erp-modules');
    assert.deepEqual((await reconcile([wrong])).found, [
      ['subledger.manual', 'e1 payables', '100'],
    ]);
    assert.deepEqual(await reconcile([wrong, reversal]), {
      found: [],
      proposed: [],
      output: { checked: 2, tied: 3, flagged: 0, exposure: [] },
    });
    const again = await reconcile([wrong, reversal, { ...wrong, id: 'e3', number: 'e3' }]);
    assert.deepEqual(again.found, [['subledger.manual', 'e3 payables', '100']]);
  });

  it('takes the manual entry that a document names for its posting, and that of a cancelled one for none', async () => {
    const posted = (status: string) => ({ bill: [billOf('b1', { status, entry: 'e1' })] });

    assert.deepEqual((await reconcile([wrong], posted('open'))).found, []);
    assert.deepEqual((await reconcile([wrong], posted('cancelled'))).found, [
      ['subledger.manual', 'e1 payables', '100'],
    ]);
  });

  it('reports an entry once for each control account, however many of its lines post to it', async () => {
    const parts = entry('e1', [
      ['cost', '100', '0'],
      ['payables', '0', '60'],
      ['payables', '0', '40'],
      ['bank', '7', '7'],
    ]);

    assert.deepEqual((await reconcile([parts])).found, [
      ['subledger.manual', 'e1 payables', '100'],
    ]);
  });
});
