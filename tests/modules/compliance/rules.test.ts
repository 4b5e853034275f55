import assert from 'node:assert/strict';
import { type AgentRun, runAgent, runTool } from 'tutti/testing';
import { groupSummary } from '../../../modules/compliance/agents/group-summary.ts';
import { jeTesting } from '../../../modules/compliance/agents/je-testing.ts';
import { nightSummary } from '../../../modules/compliance/agents/night-summary.ts';
import { policyExceptionReview } from '../../../modules/compliance/agents/policy-exception-review.ts';
import { listExchangeRates } from '../../../modules/compliance/tools/list-exchange-rates.ts';
import { scanOrderLimits } from '../../../modules/compliance/tools/scan-order-limits.ts';
import { scoreEntries } from '../../../modules/compliance/tools/score-entries.ts';
import { aJournal, aJournalEntry, aLimit, anOrder, euro, scopeWith } from './company.ts';

const close = {
  id: 'c1',
  company: 'MCG-DE',
  period: '2026-05',
  closedAt: '2026-06-08T16:00:00.000Z',
};

describe('scoring journal entries', () => {
  const marksOf = async (
    changes: object,
    more: Readonly<Record<string, readonly object[]>> = {},
  ): Promise<readonly unknown[]> => {
    const others = ['e2', 'e3'].map((id) => aJournalEntry(id, { date: '2026-03-02' }));
    const journal_entry = [aJournalEntry('e1', changes), ...others];
    const scope = scopeWith({ journal_entry, period_close: [close], ...more });
    const outcome = await runTool(scoreEntries, { journal: 'j1', entries: ['e1'] }, scope);
    const { scores } = (outcome as { value: { scores: { marks: string[]; score: number }[] } })
      .value;
    return [scores[0]?.marks.join(' '), scores[0]?.score];
  };

  it('finds nothing in an ordinary entry', async () => {
    assert.deepEqual(await marksOf({}), ['', 0]);
  });

  it('adds up the marks that coincide', async () => {
    assert.deepEqual(
      await marksOf({ postedAt: '2026-06-13T10:00:00.000Z', total: euro('14000.00'), user: 'u2' }),
      ['weekend round seldom_user after_close', 100],
    );
  });

  it('takes the weekend where the company is', async () => {
    const company = [
      { id: '1', code: 'MCG-US', timeZone: 'America/New_York', name: 'US', country: 'US' },
      { id: '2', code: 'MCG-AU', timeZone: 'Australia/Sydney', name: 'AU', country: 'AU' },
    ].map((each) => ({ ...each, currency: 'USD' }));
    const marksAt = async (code: string, postedAt: string) =>
      (await marksOf({ company: code, postedAt }, { company }))[0];

    // Friday evening in New York, Saturday morning in Sydney.
    assert.equal(await marksAt('MCG-US', '2026-06-13T00:30:00.000Z'), '');
    assert.equal(await marksAt('MCG-AU', '2026-06-12T23:30:00.000Z'), 'weekend');
    // Sunday evening in New York, Monday morning in Sydney.
    assert.equal(await marksAt('MCG-US', '2026-06-15T00:30:00.000Z'), 'weekend');
    assert.equal(await marksAt('MCG-AU', '2026-06-14T23:30:00.000Z'), '');
  });

  it('takes a multiple of 1,000 for round, and nothing near it', async () => {
    assert.deepEqual(await marksOf({ total: euro('3000') }), ['round', 20]);
    assert.deepEqual(await marksOf({ total: euro('3000.01') }), ['', 0]);
    assert.deepEqual(await marksOf({ total: euro('3500') }), ['', 0]);
    assert.deepEqual(await marksOf({ total: { amount: '3000.001', currency: 'KWD' } }), ['', 0]);
  });

  it('takes a posting up to the moment of the close for timely', async () => {
    assert.deepEqual(await marksOf({ postedAt: '2026-06-08T16:00:00.000Z' }), ['', 0]);
    assert.deepEqual(await marksOf({ postedAt: '2026-06-08T16:00:00.001Z' }), ['after_close', 30]);
  });
});

describe('compliance.je_testing', () => {
  it('tests what is posted now into a period that was closed long ago', async () => {
    const dated = { date: '2025-09-30', period: '2025-09' };
    const closedAt = '2025-10-08T16:00:00.000Z';
    const scope = scopeWith({
      journal: [aJournal],
      journal_entry: [
        aJournalEntry('now', { ...dated, postedAt: '2026-06-22T10:00:00.000Z', user: 'u2' }),
        aJournalEntry('then', { ...dated, postedAt: '2025-10-10T10:00:00.000Z', user: 'u3' }),
      ],
      period_close: [{ ...close, id: 'c2', period: '2025-09', closedAt }],
    });

    const { findings } = await runAgent(jeTesting, { ...scope, input: { journal: 'j1' } });

    assert.deepEqual(
      findings.map(({ kind, records }) => [kind, records[0]?.id]),
      [['entry.after_close', 'now']],
    );
  });
});

describe('reviewing the limits of orders', () => {
  const lapsedOf = async (limit: object): Promise<unknown> => {
    const purchase_order = [anOrder('o1', '2026-06-15')];
    const scope = scopeWith({ purchase_order, approval_limit: [limit] });
    const outcome = await runTool(scanOrderLimits, { department: 'd1' }, scope);
    const { orders } = (outcome as { value: { orders: { lapsedOn: string | null }[] } }).value;
    return orders.map((order) => order.lapsedOn);
  };

  it('accepts a limit that ends or begins on the very day', async () => {
    assert.deepEqual(await lapsedOf(aLimit({ to: '2026-06-15' })), []);
    assert.deepEqual(await lapsedOf(aLimit({ from: '2026-06-15' })), []);
  });

  it('lists orders after the end of a limit, before its beginning, and in another company', async () => {
    assert.deepEqual(await lapsedOf(aLimit({ to: '2026-06-14' })), ['2026-06-14']);
    assert.deepEqual(await lapsedOf(aLimit({ from: '2026-06-16' })), [null]);
    assert.deepEqual(await lapsedOf(aLimit({ company: 'MCG-UK' })), [null]);
  });
});

describe('reviewing split orders', () => {
  const review = (orders: readonly object[]): Promise<AgentRun> =>
    runAgent(policyExceptionReview, {
      ...scopeWith({ purchase_order: orders, approval_limit: [aLimit()] }),
      input: { department: 'd1' },
    });

  it('joins orders that follow each other within five days, and no others', async () => {
    const { findings } = await review([
      anOrder('o1', '2026-06-01'),
      anOrder('o2', '2026-06-06'),
      anOrder('o3', '2026-06-11'),
      anOrder('o4', '2026-06-17'),
    ]);

    assert.deepEqual(
      findings.map((each) => [each.kind, each.records.map(({ id }) => id), each.amount?.amount]),
      [['order.split', ['o1', 'o2', 'o3'], '9000']],
    );
  });

  it('leaves out other vendors, cancelled orders and those that passed the limit openly', async () => {
    const { findings } = await review([
      anOrder('o1', '2026-06-01'),
      anOrder('o2', '2026-06-02', { vendor: 'p2' }),
      anOrder('o3', '2026-06-03', { status: 'cancelled' }),
      anOrder('o4', '2026-06-04', { total: euro('5000.01') }),
    ]);

    assert.deepEqual(findings, []);
  });

  it('accepts a sum that equals the limit', async () => {
    const { findings } = await review([
      anOrder('o1', '2026-06-01'),
      anOrder('o2', '2026-06-02', { total: euro('2000.00') }),
    ]);

    assert.deepEqual(findings, []);
  });
});

describe('summing up in the currency of the group', () => {
  const rate = (currency: string, date: string, value: string): object => {
    return { id: `${currency}${date}`, currency, date, rate: value };
  };
  const rates = [
    rate('EUR', '2026-06-30', '1'),
    rate('PLN', '2026-06-29', '0.2'),
    rate('PLN', '2026-06-30', '0.25'),
    rate('USD', '2026-06-01', '0.9'),
  ];
  const item = (exposure: unknown) => ({ checked: 10, flagged: 1, exposure });

  it("converts at the latest rate and rounds once, for a module's night and for the group's", async () => {
    const scope = scopeWith({ exchange_rate: rates });
    const amounts = [{ amount: '0.01', currency: 'PLN' }, euro('5')];

    const night = await runAgent(nightSummary, {
      ...scope,
      input: { items: [item(amounts), item([{ amount: '0.01', currency: 'PLN' }])], missing: 2 },
    });
    const group = await runAgent(groupSummary, {
      ...scope,
      input: { items: [item(euro('5.01')), item(euro('1'))], missing: 0 },
    });

    assert.deepEqual(night.output, { checked: 20, flagged: 2, exposure: euro('5.01'), missing: 2 });
    assert.deepEqual(group.output, { checked: 20, flagged: 2, exposure: euro('6.01'), missing: 0 });
  });

  it('reads a rate even when there is nothing to add up', async () => {
    const { output, toolCalls } = await runAgent(nightSummary, {
      ...scopeWith({ exchange_rate: rates }),
      input: { items: [], missing: 0 },
    });

    assert.deepEqual(output, { checked: 0, flagged: 0, exposure: euro('0.00'), missing: 0 });
    assert.equal(toolCalls, 1);
  });

  it('takes no rate that is older than a week', async () => {
    const scope = scopeWith({ exchange_rate: rates });

    const read = await runTool(listExchangeRates, { currencies: ['PLN', 'USD'] }, scope);
    assert.deepEqual(read.kind === 'result' && read.value, { PLN: '0.25' });
    await assert.rejects(
      runAgent(groupSummary, {
        ...scope,
        input: { items: [item({ amount: '1', currency: 'USD' })] },
      }),
      (error: { readonly code?: string }) => error.code === 'INPUT_INVALID',
    );
  });
});
