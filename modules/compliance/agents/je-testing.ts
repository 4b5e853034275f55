import { defineAgent, Id, Money, z } from 'tutti';
import { portionsOf } from '../portions.ts';
import { Tally } from '../tally.ts';
import { drawSample } from '../tools/draw-sample.ts';
import { listEntries } from '../tools/list-entries.ts';
import { entriesAtOnce, scoreEntries } from '../tools/score-entries.ts';

/** Points from which an entry is urgent: three marks, or two of which one is the weightiest. */
const urgentScore = 55;

/** Finds manual entries on which several marks of risk coincide. */
export const jeTesting = defineAgent({
  name: 'je_testing',
  purpose:
    'Tests manual journal entries for coinciding marks of fraud or error and samples those for an auditor.',
  input: z.object({ journal: Id('journal') }),
  output: Tally,
  model: 'standard',
  priority: 4,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 6, costMicroUsd: 300_000 },
  tools: { listEntries, scoreEntries, drawSample },
  findings: {
    'entry.after_close':
      'A manual entry was posted after the close of its period, and bears at least one more mark of risk.',
    'entry.unusual':
      'A manual entry bears at least two of: posted on a weekend, round sum, seldom user; its period was open.',
  },
  instructions: `1. Call compliance.journal_entry.list with the journal, then compliance.journal_entry.score with the journal and the ids of all entries listed; with more than ${entriesAtOnce}, once for each ${entriesAtOnce}.
2. One mark alone has many honest reasons: an entry with fewer than two is in order. Report each other one: entry.after_close when after_close is among its marks, else entry.unusual. Records: [journal_entry]. Company: the entry's. Amount: its total. Severity: high when the score is ${urgentScore} or more, else medium.
3. If there are such entries, call compliance.audit_sample.create once with the journal and all of them in the order listed, each with its score.
Answer with checked = entries listed, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding }) => {
  const { entries } = await tools.listEntries(input);
  const scores: z.infer<typeof scoreEntries.result>['scores'] = [];
  for (const portion of portionsOf(entries, entriesAtOnce)) {
    const found = await tools.scoreEntries({
      journal: input.journal,
      entries: portion.map((entry) => entry.id),
    });
    scores.push(...found.scores);
  }
  const scoreOf = new Map<string, (typeof scores)[number]>(
    scores.map((each) => [each.entry, each]),
  );
  const flagged = entries.flatMap((entry) => {
    const scored = scoreOf.get(entry.id);
    return scored && scored.marks.length >= 2 ? [{ ...entry, ...scored }] : [];
  });
  for (const { id, number, company, period, total, marks, score } of flagged) {
    finding({
      kind: marks.includes('after_close') ? 'entry.after_close' : 'entry.unusual',
      severity: score >= urgentScore ? 'high' : 'medium',
      company,
      amount: total,
      records: [{ entity: 'journal_entry', id }],
      summary: `Entry ${number} of ${period} over ${total.amount} ${total.currency} bears ${marks.length} marks of risk: ${marks.join(', ')}.`,
      evidence: { score, marks: marks.join(',') },
    });
  }
  if (flagged.length > 0) {
    await tools.drawSample({
      journal: input.journal,
      entries: flagged.map(({ id, score }) => ({ entry: id, score })),
    });
  }
  return {
    checked: entries.length,
    flagged: flagged.length,
    exposure: Money.sumByCurrency(flagged.map((entry) => entry.total)),
  };
});
