import assert from 'node:assert/strict';
import type { Row } from 'tutti';
import { fixtureConnector, type TestScope } from 'tutti/testing';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { drawSample } from '../../modules/compliance/tools/draw-sample.ts';
import { parkBankFee } from '../../modules/finance/tools/park-bank-fee.ts';
import { parkCorrection } from '../../modules/finance/tools/park-correction.ts';
import { proposeBankMatch } from '../../modules/finance/tools/propose-bank-match.ts';
import { setMatchResult } from '../../modules/finance/tools/set-match-result.ts';
import { draftClaim } from '../../modules/inventory/tools/draft-claim.ts';
import { draftVariance } from '../../modules/inventory/tools/draft-variance.ts';
import { verifies } from '../support/verifies.ts';
import { aJournal, aJournalEntry, scopeWith } from './compliance/company.ts';
import { entities, staged } from './finance/night.ts';
import { handle, repeat } from './interrupted.ts';

const made = staged.company({ seed: 1 });

type Fields = Readonly<Record<string, unknown>> & { readonly id: string };

function rowsOf(
  entity: string,
  fits: (row: Fields) => boolean,
): readonly [Fields, ...(Fields | undefined)[]] {
  const [first, ...others] = (made.rows.get(entity) ?? []).filter((row) => fits(row as Fields));
  assert.ok(first, `the sample has a ${entity} of this kind`);
  return [first, ...others] as [Fields, ...Fields[]];
}

/** The sample company, in which each given row stands in place of the one with its id. */
function sampleWith(changed: Readonly<Record<string, readonly Fields[]>> = {}): TestScope {
  const rows = new Map<string, readonly object[]>(made.rows);
  for (const [entity, instead] of Object.entries(changed)) {
    const ids = new Set(instead.map(({ id }) => id));
    const others = (made.rows.get(entity) ?? []).filter(({ id }) => !ids.has(String(id)));
    rows.set(entity, [...others, ...instead]);
  }
  const connector = fixtureConnector(entities, rows);
  return { module: 'finance', connector, entities, today: made.asOf };
}

async function stored(scope: TestScope, entity: string): Promise<readonly Fields[]> {
  return (await scope.connector.query({ entity, limit: 10_000 })).rows;
}

/** Carries a call out as a night's proposal that somebody has granted; each night's has a key of its own. */
function granted(tool: AnyTool, args: object, scope: TestScope): Promise<object> {
  nights += 1;
  return handle(tool, args, { ...scope, key: String(nights).padEnd(64, '-') }) as Promise<object>;
}

let nights = 0;

/** The first value of a result: what was drafted. */
const idIn = (result: object): string => String(Object.values(result)[0]);

const [short] = made.truth.filter(({ kind }) => kind === 'receipt.short');
const planted = Object.fromEntries((short?.records ?? []).map(({ entity, id }) => [entity, id]));
const claim = { order: planted.purchase_order, receipt: planted.goods_receipt, reason: 'short' };
const [off] = made.truth.filter(({ kind }) => kind === 'valuation.ledger');
const [fee] = rowsOf('bank_line', (row) => row.kind === 'fee' && row.status === 'open');
const [manual] = rowsOf('journal_entry', (row) => row.source === 'manual');
const [unposted] = rowsOf('bill', (row) => row.entry === null && row.status !== 'draft');
const [line, other] = rowsOf('bank_line', (row) => row.status === 'open');
const [payment] = rowsOf('payment', (row) => row.account === line.account);
const pair = { line: line.id, payment: payment.id };
const [bill] = rowsOf('bill', (row) => row.status === 'draft');
const result = (judged: string) => ({
  vendor: bill.vendor,
  results: [{ bill: bill.id, result: judged }],
});
const entry = (id: string) => ({ entry: id, score: 45 });
const journal = (): TestScope =>
  scopeWith({
    journal: [aJournal],
    journal_entry: ['e1', 'e2', 'e3'].map((id) => aJournalEntry(id)),
  });

const drafts: readonly (readonly [
  tool: AnyTool,
  entity: string,
  args: object,
  scope?: () => TestScope,
])[] = [
  [draftClaim, 'claim', claim],
  [draftVariance, 'valuation_variance', { company: off?.company }],
  [parkBankFee, 'parked_entry', { line: fee.id }],
  [parkCorrection, 'parked_entry', { entity: 'journal_entry', record: manual.id }],
  [parkCorrection, 'parked_entry', { entity: 'bill', record: unposted.id }],
  [proposeBankMatch, 'bank_match', { account: line.account, pairs: [pair] }],
  [setMatchResult, 'match_run', result('matched')],
  [drawSample, 'audit_sample', { journal: 'j1', entries: [entry('e1')] }, journal],
];

describe('what two nights have proposed, and people have granted twice', () => {
  for (const [tool, entity, args, scopeOf = sampleWith] of drafts) {
    const about = Object.values(args)[0];

    it(`is drafted once by ${tool.name} (${about}), until somebody throws the draft away`, async () => {
      verifies('R8.undo');
      const scope = scopeOf();

      const first = await granted(tool, args, scope);
      const again = await granted(tool, args, scope);

      assert.equal(idIn(again), idIn(first));
      assert.equal((await stored(scope, entity)).length, 1);
      const action = tool.undo && 'action' in tool.undo ? tool.undo.action : 'none';
      const thrown = await scope.connector.apply(
        { entity, op: 'act', id: idIn(first), action, data: {} },
        { key: 'undo' },
      );
      assert.equal(thrown.kind, 'applied');
      assert.notEqual(idIn(await granted(tool, args, scope)), idIn(first));
    });

    it(`is drafted once by ${tool.name} (${about}) for two who ask at the same moment, and again when that is thrown away`, async () => {
      const scope = scopeOf();

      const both = [granted(tool, args, scope), granted(tool, args, scope)];
      const [first, second] = (await Promise.all(both)).map(idIn);

      assert.equal(second, first);
      assert.equal((await stored(scope, entity)).length, 1);
      const action = tool.undo && 'action' in tool.undo ? tool.undo.action : 'none';
      const gone = { entity, op: 'act', id: String(first), action, data: {} } as const;
      await scope.connector.apply(gone, { key: 'undo' });
      const anew = [granted(tool, args, scope), granted(tool, args, scope)];
      const [third, fourth] = (await Promise.all(anew)).map(idIn);
      assert.notEqual(third, first);
      assert.equal(fourth, third);
    });

    it(`meets its own draft when ${tool.name} (${about}) is repeated after a crash`, async () => {
      verifies('R8.crash');
      const scope = scopeOf();

      await repeat(tool, args, scope);

      assert.equal((await stored(scope, entity)).length, 1);
    });
  }
});

describe('what two ask for in part at the same moment', () => {
  it('is sampled once: no entry is in two samples', async () => {
    const books = journal();
    const sample = (...ids: string[]) =>
      granted(drawSample, { journal: 'j1', entries: ids.map(entry) }, books);

    await Promise.all([sample('e1', 'e2'), sample('e2', 'e3')]);

    const samples = (await stored(books, 'audit_sample')) as readonly Row<'audit_sample'>[];
    const entries = samples.map(({ lines }) => lines.map((each) => each.entry));
    assert.equal(entries.length, 2);
    assert.deepEqual(entries.flat().toSorted(), ['e1', 'e2', 'e3']);
  });
});

describe('what is another fact', () => {
  const [receipt] = rowsOf('goods_receipt', ({ id }) => id === claim.receipt);
  const later = { ...receipt, id: `9${receipt.id}`, number: 'GR-LATER' };

  it('is claimed for each receipt that rejects goods', async () => {
    const [first] = receipt.lines as readonly [object];
    const lines = [{ ...first, accepted: '0', rejected: '1' }];
    const scope = sampleWith({
      goods_receipt: [
        { ...receipt, lines },
        { ...later, lines },
      ],
    });
    const rejected = { ...claim, reason: 'rejected' };

    await granted(draftClaim, rejected, scope);
    await granted(draftClaim, { ...rejected, receipt: later.id }, scope);

    const receipts = (await stored(scope, 'claim')).map((each) => each.receipt);
    assert.deepEqual(receipts, [receipt.id, later.id]);
  });

  it('is no shortage that a later receipt of the order shows as well', async () => {
    const scope = sampleWith({ goods_receipt: [{ ...later, lines: [] }] });

    const first = await granted(draftClaim, claim, scope);
    const second = await granted(draftClaim, { ...claim, receipt: later.id }, scope);

    assert.equal(idIn(second), idIn(first));
  });

  it('is drafted anew: a difference that has changed', async () => {
    const scope = sampleWith();
    const args = { company: off?.company };
    const first = await granted(draftVariance, args, scope);
    const [variance] = await stored(scope, 'valuation_variance');
    const stockValue = { ...(variance?.stockValue as object), amount: '1' };
    const changed = await scope.connector.apply(
      { entity: 'valuation_variance', op: 'update', id: idIn(first), data: { stockValue } },
      { key: 'changed' },
    );
    assert.equal(changed.kind, 'applied');

    const second = await granted(draftVariance, args, scope);

    assert.notEqual(idIn(second), idIn(first));
  });

  it('is parked for each of two bills that bear one number', async () => {
    const two = { ...unposted, id: `9${unposted.id}` };
    const scope = sampleWith({ bill: [two] });

    const parked = await Promise.all(
      [unposted, two].map(({ id }) =>
        granted(parkCorrection, { entity: 'bill', record: id }, scope),
      ),
    );

    assert.equal(new Set(parked.map(idIn)).size, 2);
  });

  it('is drafted beside what is there: further pairs, entries and results', async () => {
    const scope = sampleWith();
    const further = { line: other?.id, payment: payment.id };
    const { account } = line;
    await granted(proposeBankMatch, { account, pairs: [pair] }, scope);
    await granted(proposeBankMatch, { account, pairs: [pair, further] }, scope);
    await granted(setMatchResult, result('matched'), scope);
    await granted(setMatchResult, result('price'), scope);
    const books = journal();
    await granted(drawSample, { journal: 'j1', entries: [entry('e1')] }, books);
    await granted(drawSample, { journal: 'j1', entries: [entry('e1'), entry('e2')] }, books);

    const linesOf = async (of: TestScope, entity: string) =>
      (await stored(of, entity)).map((row) => row.lines);
    assert.deepEqual(await linesOf(scope, 'bank_match'), [[pair], [further]]);
    assert.equal((await linesOf(scope, 'match_run')).length, 2);
    assert.deepEqual(await linesOf(books, 'audit_sample'), [[entry('e1')], [entry('e2')]]);
  });
});
