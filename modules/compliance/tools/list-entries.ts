import { Day, defineTool, Id, Money, z } from 'tutti';
import { manualEntries } from '../manual-entries.ts';

/** Months before the open one that a night still tests: auditors' questions come within a quarter. */
const monthsBack = 2;

/** The manual entries that are tested. */
export const listEntries = defineTool({
  name: 'compliance.journal_entry.list',
  description:
    "Lists a journal's manual entries dated or posted in the open month and the two months before it: number, date, period and total.",
  effect: 'read',
  category: 'audit',
  parameters: z.object({ journal: Id('journal') }),
  result: z.object({
    entries: z.array(
      z.object({
        id: Id('journal_entry'),
        number: z.string(),
        company: z.string(),
        date: z.iso.date(),
        period: z.string(),
        total: Money,
      }),
    ),
  }),
}).handler(async ({ journal }, { erp, today }) => {
  const from = Day.monthStart(today, -monthsBack);
  const entries = await manualEntries(erp, { journal, from, today });
  return {
    entries: entries.map(({ id, number, company, date, period, total }) => ({
      id,
      number,
      company,
      date,
      period,
      total,
    })),
  };
});
