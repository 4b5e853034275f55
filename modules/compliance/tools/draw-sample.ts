import { defineTool, EngineError, Id, z } from 'tutti';

/** Entries for an auditor to look at. */
export const drawSample = defineTool({
  name: 'compliance.audit_sample.create',
  description:
    'Drafts the list of journal entries of a journal that an auditor is to look at; entries that another sample has are left out.',
  effect: 'write',
  category: 'audit',
  duty: 'draw_audit_sample',
  parameters: z.object({
    journal: Id('journal'),
    entries: z
      .array(z.object({ entry: Id('journal_entry'), score: z.int().min(0).max(100) }))
      .min(1),
  }),
  result: z.object({ id: Id('audit_sample'), version: z.string() }),
  undo: { action: 'discard' },
  key: ({ journal, entries }) => [journal, ...entries.map((each) => each.entry).toSorted()],
  scope: 'run',
  binds: () => ['company', 'code'],
}).handler(async ({ journal, entries }, { erp, today, key }) => {
  const { company } = await erp.journal.get(journal);
  const wanted = new Set(entries.map((each) => each.entry));
  const known = await erp.journal_entry.list({ id: { in: [...wanted] }, journal });
  if (known.length < wanted.size) {
    throw new EngineError(
      'RECORD_UNKNOWN',
      `Of ${entries.length} entries, journal ${journal} has ${known.length}; sample entries of one journal.`,
    );
  }
  const number = `AS-${key.slice(0, 12)}`;
  const { id, version } = await erp.audit_sample.findOrCreate({ journal }, (samples) => {
    // What an interrupted call has drafted under this key is its own.
    const own = samples.find((each) => each.number === number);
    if (own) return own;
    const standing = samples.filter(({ status }) => status !== 'discarded');
    const sampled = new Set(standing.flatMap((sample) => sample.lines.map((line) => line.entry)));
    const lines = entries.filter(({ entry }) => !sampled.has(entry));
    const holder = standing.findLast((each) => each.lines.some(({ entry }) => wanted.has(entry)));
    if (lines.length === 0 && holder) return holder;
    return { number, company, date: today, status: 'draft', lines };
  });
  return { id, version };
});
