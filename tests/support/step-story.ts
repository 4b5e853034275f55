import { claimsOf, writersOf } from './claim-watch.ts';
import type { CrashLab } from './crash-lab.ts';

/*
 * What there is to be known of steps that broke a bar: a run of a long test leaves nothing behind but what its failure says.
 */

/** The steps of a node of a run that belong to some items. */
export interface StorySteps {
  readonly runId: string;
  readonly node: string;
  readonly items: readonly string[];
}

/** Everything about some steps, a line each: attempts, entries with the engine that wrote them, ledger rows, who owned the run, and what reached the provider. */
export async function storyOf(lab: CrashLab, { runId, node, items }: StorySteps): Promise<string> {
  const read = (text: string) => lab.query(text, [runId, node, items]);
  const inStory = 's.run_id = $1 AND s.node = $2 AND s.item_key = ANY ($3)';
  const [steps, attempts, entries, ledger] = await Promise.all([
    read(`SELECT s.id, s.node, s.item_key, s.status, s.attempt, s.crashes, s.degraded, s.cost_micro_usd
      FROM tutti.step s WHERE ${inStory} ORDER BY s.id`),
    read(`SELECT a.step, a.no, a.outcome, a.turns, a.started_at, a.ended_at, a.error FROM tutti.attempt a
      JOIN tutti.step s ON s.run_id = a.run_id AND s.id = a.step WHERE ${inStory} ORDER BY a.step, a.no`),
    read(`SELECT e.seq, e.step, e.attempt, e.kind, e.at, e.data, mod(e.xmin::text::bigint, 4294967296) AS xid FROM tutti.entry e
      JOIN tutti.step s ON s.run_id = e.run_id AND s.id = e.step WHERE ${inStory} ORDER BY e.seq`),
    read(`SELECT l.seq, l.step, l.state, l.reserved_micro_usd, l.cost_micro_usd, l.tokens FROM tutti.ledger l
      JOIN tutti.step s ON s.run_id = l.run_id AND s.id = l.step WHERE ${inStory} ORDER BY l.seq`),
  ]);
  const engines = await writersOf(lab, runId);
  const written = entries.map(({ xid, ...entry }) => ({
    ...entry,
    by: engines.get(Number(xid)) ?? '?',
  }));
  const calls = lab.oracle
    .entries()
    .filter((entry) => entry.kind === 'model' && items.some((key) => entry.input.includes(key)));
  const owners = await claimsOf(lab, runId);
  const parts = { owners, steps, attempts, entries: written, ledger, 'at the provider': calls };
  return Object.entries(parts)
    .flatMap(([name, rows]) => [`${name}:`, ...rows.map((row) => `  ${JSON.stringify(row)}`)])
    .join('\n');
}
