import { EngineError, type Erp, type Filter, type Id, type Row } from 'tutti';

/**
 * The id of the one account of a company's chart that matches.
 * @throws RECORD_UNKNOWN when there is none
 */
export async function accountBy(
  erp: Erp,
  filter: Filter<Row<'account'>> & { readonly company: string },
): Promise<Id<'account'>> {
  const found = await erp.account.find(filter);
  if (found) return found.id;
  throw new EngineError(
    'RECORD_UNKNOWN',
    `Company ${filter.company} has no account ${filter.number ?? filter.control}; add it to its chart.`,
  );
}

/** A line of a journal entry from a signed amount: debits are positive. */
export function postingLine(
  account: Id<'account'>,
  signed: string,
): { readonly account: Id<'account'>; readonly debit: string; readonly credit: string } {
  return signed.startsWith('-')
    ? { account, debit: '0', credit: signed.slice(1) }
    : { account, debit: signed, credit: '0' };
}

/** A journal entry as a tool parks it. */
export type ParkedDraft = Omit<Row<'parked_entry'>, 'id' | 'version' | 'status'>;

/** Parks a journal entry, or returns the one that was parked for the same reason about the same record and not discarded. */
export async function park(
  erp: Erp,
  { company, reason, reference, ...rest }: ParkedDraft,
): Promise<Id<'parked_entry'>> {
  const { id } = await erp.parked_entry.findOrCreate(
    { company, reason, reference },
    (entries) =>
      entries.find(({ status }) => status !== 'discarded') ?? { ...rest, status: 'draft' },
  );
  return id;
}
