import { defineTool, EngineError, Id, z } from 'tutti';

/** Entries for an auditor to look at. */
export const drawSample = defineTool({
  name: 'compliance.audit_sample.create',
  description: 'Drafts the list of journal entries of a journal that an auditor is to look at.',
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
  const known = await erp.journal_entry.list({
    id: { in: entries.map((each) => each.entry) },
    journal,
  });
  if (known.length < new Set(entries.map((each) => each.entry)).size) {
    throw new EngineError(
      'RECORD_UNKNOWN',
      `Of ${entries.length} entries, journal ${journal} has ${known.length}; sample entries of one journal.`,
    );
  }
  const { id, version } = await erp.audit_sample.create({
    number: `AS-${key.slice(0, 12)}`,
    journal,
    company,
    date: today,
    status: 'draft',
    lines: entries,
  });
  return { id, version };
});
