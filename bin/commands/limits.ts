import { type LimitsView, readLedgerLimits } from '../../core/engine/limits/limits-view.ts';
import { countOf, formatCost, formatCount } from '../../core/service/batch/format.ts';
import { withReading } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import { type Terminal, table } from '../terminal.ts';

/** `tutti limits`: how much of its limits each model has used. */
export const limits: Command = (call) =>
  withReading(call, async ({ database, config }) => {
    const { terminal } = call;
    const view = await readLedgerLimits(database, config.modelLimits ?? {}, { now: new Date() });
    if (terminal.isJson) terminal.print(view);
    else show(terminal, view);
    return exit.done;
  });

const head = [
  'model',
  'a minute',
  'an hour',
  'a day',
  'tokens a minute',
  'input',
  'output',
  'at once',
  'a second',
];

function show(terminal: Terminal, { models, rateLimiting, costTracking }: LimitsView): void {
  terminal.say(
    'From the ledger, over all engines: calls that began in the minute, hour and day that end now, and what is configured.',
  );
  terminal.say(
    'What an engine itself has counted, and what it holds back, is at GET /v1/limits of its API.',
  );
  terminal.say();
  if (models.length === 0) {
    terminal.say('No model has limits in tutti.config.ts, and none was called in the last day.');
    return;
  }
  const rows = models.map(cellsOf);
  for (const line of table([head, ...rows], [1, 2, 3, 4, 5, 6, 7, 8])) terminal.say(line);
  terminal.say();
  const { totalRequests, totalTokens } = rateLimiting;
  terminal.say(
    `${countOf(totalRequests, 'call')} and ${countOf(totalTokens, 'token')} in the last 24 hours: ${formatCost(costTracking.totalCostMicroUsd)}.`,
  );
}

function cellsOf(use: LimitsView['models'][number]): readonly string[] {
  return [
    use.model,
    cell(use.rpmUsed, use.rpmLimit),
    cell(use.rphUsed, use.rphLimit),
    cell(use.rpdUsed, use.rpdLimit),
    cell(use.tpmUsed, use.tpmLimit),
    cell(use.inputTpmUsed, use.inputTpmLimit),
    cell(use.outputTpmUsed, use.outputTpmLimit),
    cell(use.concurrencyUsed, use.concurrencyLimit),
    cell(use.burstUsed, use.burstLimit),
  ];
}

/** `12 of 500`, or `12` where there is no limit. */
function cell(used: number | null, limit: number | null): string {
  const count = used === null ? '–' : formatCount(used);
  return limit === null ? count : `${count} of ${formatCount(limit)}`;
}
