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
  for (;;) {
    // Each night leaves one: all that there ever were would be read a year long.
    const [drafts, ofToday] = await Promise.all([
      erp.match_run.list({ vendor, status: 'draft' }),
      erp.match_run.list({ vendor, date: today }),
    ]);
    const same = drafts.find(({ lines }) => sayingOf(lines) === said);
    if (same) return { run: same.id };
    const seen = new Set([...drafts, ...ofToday].map(({ id }) => id));
    const made = await erp.match_run.create(
      { vendor, date: today, status: 'draft', lines: results },
      { once: [vendor, today, ...[...seen].toSorted()] },
    );
    // Another call has drafted one since this one looked.
    if (!made.replayed) return { run: made.id };
  }
});

/** What results say, in whatever order. */
function sayingOf(results: readonly { readonly bill: string; readonly result: string }[]): string {
  return JSON.stringify(results.map(({ bill, result }) => [bill, result]).toSorted());
}
