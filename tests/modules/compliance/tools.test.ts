import assert from 'node:assert/strict';
import { runTool, type TestScope } from 'tutti/testing';
import { blockParty } from '../../../modules/compliance/tools/block-party.ts';
import { drawSample } from '../../../modules/compliance/tools/draw-sample.ts';
import { openCase } from '../../../modules/compliance/tools/open-case.ts';
import { recordConflict } from '../../../modules/compliance/tools/record-conflict.ts';
import { verifies } from '../../support/verifies.ts';
import {
  aJournal,
  aJournalEntry,
  anEntry,
  anOrder,
  aParty,
  aUser,
  euro,
  rowsOf,
  scopeWith,
} from './company.ts';

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

  it('opens no second one about orders that somebody has looked into', async () => {
    const scope = scopeWith({ purchase_order: [anOrder('o1', '2026-06-01')] });
    const args = { kind: 'missing_limit', order: 'o1' };
    const act = (action: string, id: string, key: string) =>
      scope.connector.apply({ entity: 'audit_case', op: 'act', id, action, data: {} }, { key });

    await runTool(openCase, args, scope);
    const [made] = await rowsOf(scope, 'audit_case');
    await act('open', String(made?.id), 'k1');
    await act('close', String(made?.id), 'k2');
    await runTool(openCase, args, scope);

    assert.deepEqual(
      (await rowsOf(scope, 'audit_case')).map(({ status }) => status),
      ['closed'],
    );
  });

  it('is refused for an order that is not there', async () => {
    verifies('R5.tool-errors');
    const scope = scopeWith({ purchase_order: [anOrder('o1', '2026-06-01')] });

    const args = { kind: 'split_order', order: 'o1', others: ['o9'] };
    const outcome = await runTool(openCase, args, scope);

    assert.equal(outcome.kind === 'error' && outcome.error.code, 'RECORD_UNKNOWN');
  });
});

describe('recording a conflict of duties', () => {
  const args = { user: 'u1', rule: 'r1', company: 'MCG-DE' };

  it('drafts a case about the user and the rule, which can be opened and withdrawn once', async () => {
    verifies('R8.undo');
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
