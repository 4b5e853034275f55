import { defineTool, Id, z } from 'tutti';

/** Results for whoever approves the bills. */
export const setMatchResult = defineTool({
  name: 'finance.match_result.set',
  description: "Drafts the night's match results of a vendor's bills for whoever approves them.",
  effect: 'propose',
  parameters: z.object({
    vendor: Id('party'),
    results: z
      .array(
        z.object({ bill: Id('bill'), result: z.enum(['matched', 'quantity', 'price', 'receipt']) }),
      )
      .min(1),
  }),
  result: z.object({ run: Id('match_run') }),
  key: ({ vendor }) => [vendor],
  scope: 'run',
  undo: { action: 'discard' },
  lineage: ({ results }) => results.map(({ bill }) => ({ entity: 'bill', id: bill })),
  duty: 'match_invoice',
  category: 'payables',
}).handler(async ({ vendor, results }, { erp, today }) => {
  const said = sayingOf(results);
  const run = await erp.match_run.findOrCreate({ vendor, date: today }, async () => {
    // What earlier nights have left stands too, as far as nobody has settled it.
    const drafts = await erp.match_run.list({ vendor, status: 'draft' });
    const same = drafts.find(({ lines }) => sayingOf(lines) === said);
    return same ?? { status: 'draft', lines: results };
  });
  return { run: run.id };
});

/** What results say, in whatever order. */
function sayingOf(results: readonly { readonly bill: string; readonly result: string }[]): string {
  return JSON.stringify(results.map(({ bill, result }) => [bill, result]).toSorted());
}
