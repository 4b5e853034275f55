import assert from 'node:assert/strict';
import { runAgent } from 'tutti/testing';
import { jeTesting } from '../../../modules/compliance/agents/je-testing.ts';
import { sanctionsScreening } from '../../../modules/compliance/agents/sanctions-screening.ts';
import { partiesAtOnce } from '../../../modules/compliance/tools/match-sanctions.ts';
import { entriesAtOnce } from '../../../modules/compliance/tools/score-entries.ts';
import { aJournal, aJournalEntry, anEntry, aParty, euro, scopeWith } from './company.ts';

const idsUpTo = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `x${String(index).padStart(5, '0')}`);

describe('a unit with more records than one call may name', () => {
  it('is screened to its last party', async () => {
    const parties = idsUpTo(partiesAtOnce + 1).map((id) =>
      aParty({ id, number: id, country: 'FR' }),
    );
    const hits = [aParty({ id: 'first', number: 'a' }), aParty({ id: 'last', number: 'z' })];
    const scope = scopeWith({ party: [...parties, ...hits], sanction_entry: [anEntry] });

    const { findings, output } = await runAgent(sanctionsScreening, {
      ...scope,
      input: { group: 'g1' },
    });

    assert.deepEqual(
      findings.map(({ records }) => records[0]?.id),
      ['first', 'last'],
    );
    assert.equal((output as { checked: number }).checked, partiesAtOnce + 3);
  });

  it('is tested to its last entry', async () => {
    const ordinary = idsUpTo(entriesAtOnce).map((id) => aJournalEntry(id, { number: id }));
    const odd = { user: 'u2', total: euro('3000') };
    const marked = [
      aJournalEntry('first', { ...odd, number: 'a' }),
      aJournalEntry('last', { ...odd, number: 'z' }),
    ];
    const scope = scopeWith({ journal: [aJournal], journal_entry: [...ordinary, ...marked] });

    const { findings, effects } = await runAgent(jeTesting, { ...scope, input: { journal: 'j1' } });

    assert.deepEqual(
      findings.map(({ records }) => records[0]?.id),
      ['first', 'last'],
    );
    assert.deepEqual(
      effects.map(({ tool }) => tool),
      ['compliance.audit_sample.create'],
    );
  });
});
