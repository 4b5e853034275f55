import { EngineError } from '../../core/base/errors.ts';
import { type CostWay, costWays } from '../../core/engine/costs/cost-ways.ts';
import {
  type CostRow,
  type CostSums,
  Costs,
  type CostView,
} from '../../core/engine/costs/costs.ts';
import { Savings } from '../../core/engine/costs/savings.ts';
import { countOf, formatCost, formatCount } from '../../core/service/batch/format.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedDays, askedScale, type Call, type Command, exit } from '../command.ts';
import { showSaving } from '../saving.ts';
import { type Terminal, table } from '../terminal.ts';
import { savingDays, usualDays } from '../usages/amounts.ts';

/** Rows on the terminal; `--json` has up to 1,000. Days are all shown. */
const shown = 30;

/** `tutti costs`: what models cost in the last days, or where cheaper ones would have done. */
export const costs: Command = (call) => {
  const { args, terminal } = call;
  if (args.has('saving')) return saving(call);
  const by = wayOf(call);
  const days = askedDays(args) ?? usualDays;
  const scale = askedScale(args);
  const simulated = args.has('simulated');
  return withReading(call, async (reading) => {
    // Nobody has run anything yet: tenant 0 has no calls.
    const tenantId = (await readingTenant(reading, { scale })) ?? 0;
    const view = await new Costs(reading.database).read(tenantId, { by, days, simulated });
    if (terminal.isJson) terminal.print(view);
    else show(terminal, view);
    return exit.done;
  });
};

/** @throws INPUT_INVALID */
async function saving(call: Call): Promise<number> {
  const { args, terminal } = call;
  if (args.has('simulated') || args.text('by') !== undefined)
    throw new EngineError(
      'INPUT_INVALID',
      'tutti costs --saving goes by agent and real calls alone; leave --by and --simulated out.',
    );
  const days = askedDays(args) ?? savingDays;
  const scale = askedScale(args);
  return withReading(call, async (reading) => {
    const tenantId = (await readingTenant(reading, { scale })) ?? 0;
    const view = await new Savings(reading.database, reading.config.prices).read(tenantId, {
      days,
    });
    if (terminal.isJson) terminal.print(view);
    else showSaving(terminal, view);
    return exit.done;
  });
}

/** @throws INPUT_INVALID */
function wayOf({ args }: Call): CostWay {
  const named = args.text('by') ?? 'model';
  const way = costWays.find((each) => each === named);
  if (way) return way;
  throw new EngineError(
    'INPUT_INVALID',
    `tutti costs adds up by ${costWays.join(', ')}, not by '${named}'; see: tutti help costs`,
  );
}

function show(terminal: Terminal, view: CostView): void {
  const { by, days, total, rows, simulated } = view;
  const kind = simulated ? 'simulated model call' : 'model call';
  const over = `in the last ${countOf(days, 'day')} (UTC)`;
  terminal.say(`${countOf(total.calls, kind)} ${over}: ${formatCost(total.costMicroUsd)}.`);
  tellParts(terminal, view);
  if (total.calls + total.openCalls === 0) return;
  terminal.say();
  const isByDay = by === 'day';
  const listed = isByDay ? rows : rows.slice(0, shown);
  const head = [by, 'calls', 'input', 'cached', 'written', 'output', 'reasoning', 'cost'];
  const last = isByDay ? ['change'] : by === 'run' ? ['workflow'] : [];
  const cells = listed.map((row) => [...cellsOf(row.name || '(none)', row), ...extraOf(by, row)]);
  const lines = [[...head, ...last], ...cells, [...cellsOf('all', total), ...last.map(() => '')]];
  for (const line of table(lines, isByDay ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 2, 3, 4, 5, 6, 7]))
    terminal.say(line);
  const more = rows.length - listed.length + view.left;
  if (more > 0) terminal.say(`… and ${formatCount(more)} more; --json has up to 1,000.`);
}

/** What is in the sum and not plainly so, and what is not in it. */
function tellParts(terminal: Terminal, { total, apart, simulated }: CostView): void {
  const { estimatedCalls, batchCalls, openCalls } = total;
  if (estimatedCalls > 0)
    terminal.say(
      `  ${formatCost(total.estimatedMicroUsd)} of it is taken at the upper bound: the usage of ${countOf(estimatedCalls, 'call')} is unknown.`,
    );
  if (batchCalls > 0)
    terminal.say(
      `  ${formatCost(total.batchMicroUsd)} of it for ${countOf(batchCalls, 'call')} in batches.`,
    );
  if (openCalls > 0)
    terminal.say(
      `  Not in it: ${formatCost(total.reservedMicroUsd)} reserved for ${countOf(openCalls, 'call')} under way.`,
    );
  if (apart.calls > 0)
    terminal.say(
      simulated
        ? `  Not in it: ${countOf(apart.calls, 'real call')} for ${formatCost(apart.costMicroUsd)}.`
        : `  Not in it: ${countOf(apart.calls, 'simulated call')} of rehearsals for ${formatCost(apart.costMicroUsd)}; see --simulated.`,
    );
}

function cellsOf(name: string, { calls, tokens, costMicroUsd }: CostSums): readonly string[] {
  const { input, cachedInput, cacheWrite, output, reasoning } = tokens;
  const counts = [calls, input, cachedInput, cacheWrite, output, reasoning].map(formatCount);
  return [name, ...counts, formatCost(costMicroUsd)];
}

function extraOf(by: CostWay, row: CostRow): readonly string[] {
  if (by === 'run') return [row.workflow ?? ''];
  if (by !== 'day' || row.changeMicroUsd === null) return [];
  return [changeOf(row.costMicroUsd, row.changeMicroUsd)];
}

/** `+$1.20 (+30 %)` against the day before. */
function changeOf(cost: number, change: number): string {
  if (change === 0) return '=';
  const sign = change > 0 ? '+' : '−';
  const before = cost - change;
  const part = Math.round((Math.abs(change) / before) * 100);
  const share = before > 0 ? ` (${sign}${formatCount(part)} %)` : '';
  return `${sign}${formatCost(Math.abs(change))}${share}`;
}
