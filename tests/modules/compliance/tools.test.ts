import assert from 'node:assert/strict';
import { Text } from 'tutti';
import { type AgentRun, fixtureConnector, runAgent, runTool, type TestScope } from 'tutti/testing';
import { groupSummary } from '../../../modules/compliance/agents/group-summary.ts';
import { nightSummary } from '../../../modules/compliance/agents/night-summary.ts';
import { policyExceptionReview } from '../../../modules/compliance/agents/policy-exception-review.ts';
import { compliance } from '../../../modules/compliance/index.ts';
import { blockParty } from '../../../modules/compliance/tools/block-party.ts';
import { drawSample } from '../../../modules/compliance/tools/draw-sample.ts';
import { listRates } from '../../../modules/compliance/tools/list-rates.ts';
import { openCase } from '../../../modules/compliance/tools/open-case.ts';
import { recordConflict } from '../../../modules/compliance/tools/record-conflict.ts';
import { scanOrderLimits } from '../../../modules/compliance/tools/scan-order-limits.ts';
import { scoreEntries } from '../../../modules/compliance/tools/score-entries.ts';

const euro = (amount: string) => ({ amount, currency: 'EUR' });

function scopeWith(rows: Readonly<Record<string, readonly object[]>>): TestScope {
  const connector = fixtureConnector(compliance.records, new Map(Object.entries(rows)));
  return { module: 'compliance', connector, entities: compliance.records };
}

async function rowsOf({ connector }: TestScope, entity: string) {
  return (await connector.query({ entity, limit: 100 })).rows;
}

const aUser = (changes: object = {}): object => {
  const rest = { login: 'de00001', group: 'g1', employee: null, lastLoginOn: null };
  return { id: 'u1', ...rest, status: 'active', ...changes };
};

const aParty = (changes: object = {}): object => {
  const rest = { supplier: true, customer: false, country: 'DE', taxNumber: 'DE1', group: 'g1' };
  const name = new Text('Petrov Bearings GmbH');
  return { id: 'p1', number: 'V1', name, ...rest, currency: 'EUR', blocked: false, ...changes };
};

const anEntry: object = {
  ...{ id: 's1', number: 'SL-1', list: 'EU', program: 'EU-RUS', country: 'DE', status: 'listed' },
  ...{ name: new Text('Petrov Bearings'), remarks: new Text(''), aliases: [] },
};

const anOrder = (id: string, date: string, changes: object = {}): object => ({
  ...{ id, number: `PO-${id}`, company: 'MCG-DE', vendor: 'p1', buyer: 'u1', department: 'd1' },
  ...{ date, expectedOn: '2026-07-01', status: 'draft', matching: 'two_way', memo: new Text('') },
  ...{ total: euro('3000'), lines: [], ...changes },
});

const aLimit = (changes: object = {}): object => {
  const rest = { number: 'AL-1', user: 'u1', company: 'MCG-DE', from: '2025-01-01', to: null };
  return { id: 'l1', ...rest, amount: euro('5000'), ...changes };
};

const aJournalEntry = (id: string, changes: object = {}): object => ({
  ...{ id, number: `JE-${id}`, company: 'MCG-DE', journal: 'j1', date: '2026-05-29' },
  ...{ period: '2026-05', postedAt: '2026-05-29T10:00:00.000Z', user: 'u1', source: 'manual' },
  ...{ memo: new Text(''), total: euro('120.50'), lines: [], ...changes },
});

const aJournal: object = { id: 'j1', company: 'MCG-DE', code: 'GEN', name: 'General' };

describe('blocking a party', () => {
  const block = (scope: TestScope, expect = '1') =>
    runTool(blockParty, { party: 'p1', expect, entry: 's1' }, scope);

  it('keeps the party from being paid until somebody releases it', async () => {
    const scope = scopeWith({ party: [aParty()], sanction_entry: [anEntry] });

    const outcome = await block(scope);

    assert.equal(outcome.kind === 'effected' && outcome.value.kind, 'applied');
    assert.equal((await rowsOf(scope, 'party'))[0]?.blocked, true);
  });

  it('is refused for a party that is blocked already', async () => {
    const outcome = await block(
      scopeWith({ party: [aParty({ blocked: true })], sanction_entry: [anEntry] }),
    );

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'ERP_REJECTED');
  });

  it('conflicts when the party has changed since it was screened', async () => {
    const outcome = await block(
      scopeWith({ party: [aParty({ version: '2' })], sanction_entry: [anEntry] }),
    );

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'ERP_CONFLICT');
  });
});

describe('opening a case', () => {
  it('drafts one about all orders of a split, over their sum', async () => {
    const orders = [anOrder('o1', '2026-06-01'), anOrder('o2', '2026-06-03')];
    const scope = scopeWith({ purchase_order: orders });

    await runTool(openCase, { kind: 'split_order', order: 'o1', others: ['o2'] }, scope);

    const [made] = await rowsOf(scope, 'audit_case');
    assert.equal(made?.status, 'draft');
    assert.equal(made?.company, 'MCG-DE');
    assert.deepEqual(made?.amount, euro('6000'));
    assert.deepEqual(made?.records, [
      { entity: 'purchase_order', record: 'o1' },
      { entity: 'purchase_order', record: 'o2' },
    ]);
  });

  it('returns the case that is under way about the same orders', async () => {
    const scope = scopeWith({ purchase_order: [anOrder('o1', '2026-06-01')] });
    const args = { kind: 'missing_limit', order: 'o1' };

    await runTool(openCase, args, scope);
    await runTool(openCase, args, scope);

    assert.equal((await rowsOf(scope, 'audit_case')).length, 1);
  });

  it('is refused for an order that is not there', async () => {
    const scope = scopeWith({ purchase_order: [anOrder('o1', '2026-06-01')] });

    const args = { kind: 'split_order', order: 'o1', others: ['o9'] };
    const outcome = await runTool(openCase, args, scope);

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'RECORD_UNKNOWN');
  });
});

describe('recording a conflict of duties', () => {
  const args = { user: 'u1', rule: 'r1', company: 'MCG-DE' };

  it('drafts a case about the user and the rule, which can be opened and withdrawn once', async () => {
    const scope = scopeWith({ user: [aUser()] });

    await runTool(recordConflict, args, scope);

    const [made] = await rowsOf(scope, 'audit_case');
    assert.equal(made?.subject, 'user:u1+duty_rule:r1');
    const act = (action: string) =>
      scope.connector.apply(
        { entity: 'audit_case', op: 'act', id: made?.id ?? '', action, data: {} },
        { key: action },
      );
    assert.equal((await act('open')).kind, 'applied');
    assert.equal((await act('withdraw')).kind, 'applied');
    assert.equal((await act('close')).kind, 'rejected');
  });

  it('is refused for a user who has been locked since', async () => {
    const scope = scopeWith({ user: [aUser({ status: 'locked' })] });

    const outcome = await runTool(recordConflict, args, scope);

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'ERP_REJECTED');
    assert.deepEqual(await rowsOf(scope, 'audit_case'), []);
  });
});

describe('drawing an audit sample', () => {
  it('drafts the list of entries with their scores', async () => {
    const scope = scopeWith({ journal: [aJournal], journal_entry: [aJournalEntry('e1')] });

    await runTool(drawSample, { journal: 'j1', entries: [{ entry: 'e1', score: 45 }] }, scope);

    const [made] = await rowsOf(scope, 'audit_sample');
    assert.equal(made?.status, 'draft');
    assert.deepEqual(made?.lines, [{ entry: 'e1', score: 45 }]);
  });

  it('is refused for entries of another journal', async () => {
    const other = aJournalEntry('e1', { journal: 'j2' });
    const scope = scopeWith({ journal: [aJournal], journal_entry: [other] });

    const args = { journal: 'j1', entries: [{ entry: 'e1', score: 45 }] };
    const outcome = await runTool(drawSample, args, scope);

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'RECORD_UNKNOWN');
  });
});

describe('scoring journal entries', () => {
  const close = {
    id: 'c1',
    company: 'MCG-DE',
    period: '2026-05',
    closedAt: '2026-06-08T16:00:00.000Z',
  };
  const marksOf = async (changes: object): Promise<unknown> => {
    const others = ['e2', 'e3'].map((id) => aJournalEntry(id, { date: '2026-03-02' }));
    const journal_entry = [aJournalEntry('e1', changes), ...others];
    const scope = scopeWith({ journal_entry, period_close: [close] });
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

  it('takes a multiple of 1,000 for round, and nothing near it', async () => {
    assert.deepEqual(await marksOf({ total: euro('3000') }), ['round', 20]);
    assert.deepEqual(await marksOf({ total: euro('3000.01') }), ['', 0]);
    assert.deepEqual(await marksOf({ total: euro('3500') }), ['', 0]);
  });

  it('takes a posting up to the moment of the close for timely', async () => {
    assert.deepEqual(await marksOf({ postedAt: '2026-06-08T16:00:00.000Z' }), ['', 0]);
    assert.deepEqual(await marksOf({ postedAt: '2026-06-08T16:00:00.001Z' }), ['after_close', 30]);
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

  it('is refused a rate that is older than a week', async () => {
    const scope = scopeWith({ exchange_rate: rates });

    const outcome = await runTool(listRates, { currencies: ['USD'] }, scope);

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'RECORD_UNKNOWN');
  });
});
