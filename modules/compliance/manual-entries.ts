import type { Erp, Id, Row } from 'tutti';

/** More manual entries of one journal are no hand's work. */
const mostEntries = 100_000;

/**
 * A journal's manual entries that are dated up to `today`, and either dated or posted (UTC) from `from` on, by date and number: who
 * dates an entry back, past the periods that are looked at, posts it now.
 */
export async function manualEntries(
  erp: Erp,
  of: { readonly journal: Id<'journal'>; readonly from: string; readonly today: string },
): Promise<readonly Row<'journal_entry'>[]> {
  const { journal, from, today } = of;
  const manual = { journal, source: 'manual' } as const;
  const options = {
    order: [{ field: 'date' }, { field: 'number' }],
    limit: mostEntries,
  } as const;
  const [datedBack, dated] = await Promise.all([
    erp.journal_entry.list(
      { ...manual, date: { lt: from }, postedAt: { gte: `${from}T00:00:00.000Z` } },
      options,
    ),
    erp.journal_entry.list({ ...manual, date: { gte: from, lte: today } }, options),
  ]);
  return [...datedBack, ...dated];
}
