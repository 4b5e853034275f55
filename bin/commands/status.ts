import { readLedgerLimits } from '../../core/engine/limits/limits-view.ts';
import type { SystemStatus } from '../../core/engine/status.ts';
import { countOf, formatCost, formatCount } from '../../core/service/batch/format.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedScale, type Command, exit } from '../command.ts';
import { statusOf } from '../parts/telemetry-of.ts';
import { type Terminal, table } from '../terminal.ts';
import { usualHours } from '../usages/amounts.ts';

const hourMs = 3_600_000;
/** Agents on the terminal; `--json` has up to 100. */
const shown = 10;

/** `tutti status`: how the installation is, and what it has done in the last hours. */
export const status: Command = (call) => {
  const { args, terminal } = call;
  const hours = args.integer('hours', { from: 1, to: 8_784 }) ?? usualHours;
  const scale = askedScale(args);
  return withReading(call, async (reading) => {
    // Nobody has run anything yet: tenant 0 has no runs.
    const tenantId = (await readingTenant(reading, { scale })) ?? 0;
    const now = new Date();
    const since = new Date(now.getTime() - hours * hourMs);
    const view = await statusOf(reading).read(tenantId, { since, now });
    const { modelLimits = {} } = reading.config;
    const { models } = await readLedgerLimits(reading.database, modelLimits, { now, tenantId });
    const rates = models.map(({ model, rpmUsed, rpmLimit }) => ({ model, rpmUsed, rpmLimit }));
    if (terminal.isJson) terminal.print({ ...view, models: rates });
    else show(terminal, view, { hours, rates });
    return exit.done;
  });
};

interface Shown {
  readonly hours: number;
  readonly rates: readonly {
    readonly model: string;
    readonly rpmUsed: number | null;
    readonly rpmLimit: number | null;
  }[];
}

function show(terminal: Terminal, view: SystemStatus, { hours, rates }: Shown): void {
  const { engine, workflows, agents, queue, people, database } = view;
  const serving = engine.running
    ? `${countOf(engine.alive, 'engine')} at work (${engine.versions.join(', ')})`
    : 'no engine at work';
  terminal.say(
    `Tutti ${view.version}: ${serving}, ${countOf(engine.totalWorkflows, 'workflow')}; PostgreSQL ${database.version} answers in ${database.answeredMs} ms.`,
  );
  terminal.say(
    `Now: ${countOf(workflows.open, 'open run')}; steps: ${queue.running} running, ${queue.ready} ready, ${queue.waiting} waiting; ${countOf(people.openApprovals, 'open approval')}, ${countOf(people.effectsInReview, 'effect')} in review.`,
  );
  terminal.say();
  terminal.say(`In the last ${countOf(hours, 'hour')}:`);
  for (const line of linesOf(view)) terminal.say(`  ${line}`);
  if (agents.executed > 0) {
    terminal.say();
    const rows = view.usage
      .slice(0, shown)
      .map((each) => [each.agent, formatCount(each.usageCount)]);
    for (const line of table([['agent', 'used'], ...rows], [1])) terminal.say(line);
  }
  if (rates.length === 0) return;
  terminal.say();
  const cells = rates.map(({ model, rpmUsed, rpmLimit }) => [
    model,
    formatCount(rpmUsed ?? 0),
    rpmLimit === null ? '–' : formatCount(rpmLimit),
  ]);
  for (const line of table([['model', 'this minute', 'limit'], ...cells], [1, 2]))
    terminal.say(line);
}

function linesOf({
  workflows,
  agents,
  rateLimiting,
  costTracking,
}: SystemStatus): readonly string[] {
  const { started, completed, partial, failed, cancelled, successRate } = workflows;
  const rate = successRate === null ? '' : ` (${Math.round(successRate * 100)} % succeeded)`;
  const average =
    agents.avgExecutionTimeMs === null ? '' : `, ${ms(agents.avgExecutionTimeMs)} on average`;
  const waited =
    rateLimiting.avgWaitMs === null
      ? ''
      : `; steps waited ${ms(rateLimiting.avgWaitMs)} on average`;
  return [
    `${countOf(started, 'run')} started; ended: ${completed} in full, ${partial} in part, ${failed} failed, ${cancelled} cancelled${rate}`,
    `${countOf(agents.executed, 'agent')} executed, ${agents.failed} failed, ${agents.retried} retried${average}`,
    `${countOf(rateLimiting.totalRequests, 'model call')}, ${countOf(rateLimiting.totalTokens, 'token')}, ${formatCost(costTracking.totalCostMicroUsd)}${waited}`,
  ];
}

function ms(value: number): string {
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
}
