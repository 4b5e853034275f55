import { Text } from 'tutti';
import { fixtureConnector, type TestScope } from 'tutti/testing';
import { compliance } from '../../../modules/compliance/index.ts';

/** An amount in euro. */
export const euro = (amount: string) => ({ amount, currency: 'EUR' });

/** A tenant with these rows. */
export function scopeWith(rows: Readonly<Record<string, readonly object[]>>): TestScope {
  const connector = fixtureConnector(compliance.records, new Map(Object.entries(rows)));
  return { module: 'compliance', connector, entities: compliance.records };
}

/** The rows of an entity. */
export async function rowsOf({ connector }: TestScope, entity: string) {
  return (await connector.query({ entity, limit: 100 })).rows;
}

/** An active user. */
export const aUser = (changes: object = {}): object => {
  const rest = { login: 'de00001', group: 'g1', employee: null, lastLoginOn: null };
  return { id: 'u1', ...rest, status: 'active', ...changes };
};

/** A supplier in Germany whose name is on no list. */
export const aParty = (changes: object = {}): object => {
  const rest = { supplier: true, customer: false, country: 'DE', taxNumber: 'DE1', group: 'g1' };
  const name = new Text('Petrov Bearings GmbH');
  return { id: 'p1', number: 'V1', name, ...rest, currency: 'EUR', blocked: false, ...changes };
};

/** A listed company in Germany. */
export const anEntry: object = {
  ...{ id: 's1', number: 'SL-1', list: 'EU', program: 'EU-RUS', country: 'DE', status: 'listed' },
  ...{ name: new Text('Petrov Bearings'), remarks: new Text(''), aliases: [] },
};

/** An order of 3,000 euro that its buyer placed with one vendor. */
export const anOrder = (id: string, date: string, changes: object = {}): object => ({
  ...{ id, number: `PO-${id}`, company: 'MCG-DE', vendor: 'p1', buyer: 'u1', department: 'd1' },
  ...{ date, expectedOn: '2026-07-01', status: 'draft', matching: 'two_way', memo: new Text('') },
  ...{ total: euro('3000'), lines: [], ...changes },
});

/** A limit of 5,000 euro for the buyer, since 2025. */
export const aLimit = (changes: object = {}): object => {
  const rest = { number: 'AL-1', user: 'u1', company: 'MCG-DE', from: '2025-01-01', to: null };
  return { id: 'l1', ...rest, amount: euro('5000'), ...changes };
};

/** A manual entry of an ordinary weekday. */
export const aJournalEntry = (id: string, changes: object = {}): object => ({
  ...{ id, number: `JE-${id}`, company: 'MCG-DE', journal: 'j1', date: '2026-05-29' },
  ...{ period: '2026-05', postedAt: '2026-05-29T10:00:00.000Z', user: 'u1', source: 'manual' },
  ...{ memo: new Text(''), total: euro('120.50'), lines: [], ...changes },
});

/** The general journal. */
export const aJournal: object = { id: 'j1', company: 'MCG-DE', code: 'GEN', name: 'General' };
