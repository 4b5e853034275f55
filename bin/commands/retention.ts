import { type Applied, applyRetention } from '../../core/engine/retention/apply.ts';
import { type RetentionPolicy, retentionPolicy } from '../../core/engine/retention/policy.ts';
import { type RetentionView, viewRetention } from '../../core/engine/retention/sizes.ts';
import { countOf, formatCount } from '../../core/service/batch/format.ts';
import { withHost } from '../call-host.ts';
import { type Call, type Command, exit } from '../command.ts';
import { operator } from '../operator.ts';
import { type Terminal, table } from '../terminal.ts';

const shownAgents = 20;

/** `tutti retention`: what the record takes up, and what the policy takes next. */
export const retention: Command = (call) =>
  withHost(call, async ({ config, database }) => {
    const policy = retentionPolicy(config.retention);
    if (call.args.has('apply'))
      tellApplied(call, await applyRetention(database, policy, { actor: operator() }));
    else tellView(call, policy, await viewRetention(database, policy, new Date()));
    return exit.done;
  });

function tellApplied({ terminal }: Call, applied: Applied): void {
  if (terminal.isJson) return terminal.print(applied);
  terminal.say(`Erased ${countOf(applied.bodies, 'body', 'bodies')} of runs that stay.`);
  terminal.say(
    `Deleted ${countOf(applied.runs, 'run')} and ${countOf(applied.feedRows, 'row')} of the feed.`,
  );
  terminal.say(`Dropped ${countOf(applied.dropped.length, 'partition')}.`);
  if (applied.postponed.length > 0) {
    terminal.say(`Postponed, in use or with much that is held: ${applied.postponed.join(', ')}.`);
  }
}

function tellView({ terminal }: Call, policy: RetentionPolicy, view: RetentionView): void {
  if (terminal.isJson) return terminal.print({ policy, ...view });
  const { journalDays, feedDays } = policy;
  terminal.say(`The journal is kept for ${countOf(journalDays, 'day')}, the feed for ${feedDays}.`);
  tellMonths(terminal, view);
  tellBodies(terminal, view);
  tellAgents(terminal, view);
}

function tellMonths(terminal: Terminal, { months }: RetentionView): void {
  const rows = months.map(({ month, sizeBytes, runs, unfinished, held, dropsAt }) => [
    month,
    formatBytes(sizeBytes),
    formatCount(runs),
    unfinished > 0 ? `${formatCount(unfinished)} not ended` : `until ${dayOf(dropsAt)}`,
    held > 0 ? `${formatCount(held)} held` : '',
  ]);
  section(terminal, [['Month', 'Size', 'Runs', 'Kept', ''], ...rows], [1, 2]);
}

function tellBodies(terminal: Terminal, { bodies }: RetentionView): void {
  const rows = bodies.map(({ class: name, days, due, nextAt }) => [
    name,
    formatCount(days),
    `${formatCount(due.bodies)} (${formatBytes(due.bytes)})`,
    dayOf(nextAt),
  ]);
  section(terminal, [['Bodies', 'Days', 'Due now', 'Next'], ...rows], [1, 2]);
}

function tellAgents(terminal: Terminal, { agents }: RetentionView): void {
  const rows = agents
    .slice(0, shownAgents)
    .map(({ agent, runs, steps, entries, bodyBytes }) => [
      agent || '(no agent)',
      formatBytes(bodyBytes),
      formatCount(entries),
      formatCount(steps),
      formatCount(runs),
    ]);
  section(terminal, [['Agent', 'Bodies', 'Entries', 'Steps', 'Runs'], ...rows], [1, 2, 3, 4]);
  const hidden = agents.length - rows.length;
  if (hidden > 0) terminal.say(terminal.dim(`${countOf(hidden, 'more agent')}; see --json.`));
}

function section(
  terminal: Terminal,
  rows: readonly (readonly string[])[],
  numbers: readonly number[],
): void {
  terminal.say();
  for (const [index, line] of table(rows, numbers).entries()) {
    terminal.say(index === 0 ? terminal.dim(line) : line);
  }
}

function dayOf(at: Date | null): string {
  return at === null ? '–' : at.toISOString().slice(0, 10);
}

/** `840 B`, `12.3 kB`, `1.2 GB`: powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}
