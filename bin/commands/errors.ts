import type { FailureCount, FailureStatistics } from '../../core/engine/recovery/statistics.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedDays, askedScale, type Command, exit } from '../command.ts';
import { type Terminal, table } from '../terminal.ts';
import { usualDays } from '../usages/amounts.ts';

/** Rows of a list on the terminal; `--json` has them all. */
const shown = 10;

/** `tutti errors`: what failed in the last days. */
export const errors: Command = (call) => {
  const { args, terminal } = call;
  const days = askedDays(args) ?? usualDays;
  const scale = askedScale(args);
  return withReading(call, async (reading) => {
    const tenantId = await readingTenant(reading, { scale });
    // Nobody has run anything yet: tenant 0 has no runs.
    const statistics = await reading.history.failures(tenantId ?? 0, days);
    if (terminal.isJson) terminal.print(statistics);
    else show(terminal, statistics);
    return exit.done;
  });
};

function show(terminal: Terminal, statistics: FailureStatistics): void {
  const { days, attempts, steps, byCode } = statistics;
  const over = `in the last ${countOf(days, 'day')}`;
  terminal.say(
    `${countOf(attempts, 'try', 'tries')} and ${countOf(steps, 'step')} failed ${over}.`,
  );
  if (byCode.length === 0) return;
  const meanings = new Map(
    byCode.map(({ name, category, severity }) => [name, `${category}, ${severity}`]),
  );
  const lists: readonly (readonly [string, readonly FailureCount[]])[] = [
    ['code', byCode],
    ['category', statistics.byCategory],
    ['severity', statistics.bySeverity],
    ['agent', statistics.byAgent],
    ['day', statistics.byDay],
    ['tool', statistics.byTool],
  ];
  for (const [title, counts] of lists) {
    if (counts.length === 0) continue;
    terminal.say();
    const rows = (title === 'day' ? counts : counts.slice(0, shown)).map((count) => [
      count.name,
      String(count.attempts),
      title === 'tool' ? '' : String(count.steps),
      moment(count.firstSeen),
      moment(count.lastSeen),
      (title === 'code' && meanings.get(count.name)) || '',
    ]);
    const head = [`by ${title}`, 'tries', 'steps', 'first', 'last', ''];
    for (const line of table([head, ...rows], [1, 2])) terminal.say(line.trimEnd());
    if (title !== 'day' && counts.length > shown)
      terminal.say(`… and ${counts.length - shown} more; --json has all.`);
  }
}

/** `2026-06-30 21:05`, UTC. */
function moment(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}
