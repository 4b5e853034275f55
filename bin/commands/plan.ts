import { EngineError } from '../../core/base/errors.ts';
import type { Plan } from '../../core/engine/plan/plan.ts';
import { formatDay } from '../../core/service/batch/format.ts';
import { outline } from '../../core/service/batch/plan-outline.ts';
import type { Arguments } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { bookZone, type Call, type Command, exit, scaleOf, unlessInterrupted } from '../command.ts';
import type { Host } from '../host.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';

/** `tutti plan WORKFLOW`: what a run would do, cost and take, without one. */
export const plan: Command = (call) => {
  const asked = {
    workflow: call.args.positionals[0] as string,
    input: call.args.json('input') ?? {},
    scale: scaleOf(call.args),
    businessDate: businessDateOf(call.args),
    company: call.args.text('company'),
    goal: call.args.text('goal'),
    version: call.args.integer('version', { from: 1, to: 2 ** 31 - 1 }),
  };
  return withHost(call, (host) => unlessInterrupted(call, () => planOnce(call, host, asked)));
};

interface Asked {
  readonly workflow: string;
  readonly input: unknown;
  readonly scale: number;
  readonly businessDate: string | undefined;
  readonly company: string | undefined;
  readonly goal: string | undefined;
  readonly version: number | undefined;
}

async function planOnce(call: Call, host: Host, asked: Asked): Promise<number> {
  const { terminal, interrupt } = call;
  const { scale, company, businessDate, goal, version, ...rest } = asked;
  const { tenantId, sample } = await host.sampleTenant(scale);
  const startedAt = performance.now();
  const request = {
    ...rest,
    tenantId,
    businessDate: businessDate ?? sample.asOf,
    timeZone: bookZone,
    ...(company !== undefined && { company }),
    ...(goal !== undefined && { goal }),
    ...(version !== undefined && { version }),
  };
  const planned = await host.planner.plan(request, interrupt.signal);
  if (terminal.isJson) terminal.print(planned);
  else show(terminal, planned, performance.now() - startedAt);
  return exit.done;
}

/** @throws INPUT_INVALID */
function businessDateOf(args: Arguments): string | undefined {
  const date = args.text('business-date');
  if (date === undefined) return undefined;
  const isDay =
    /^\d{4}-\d{2}-\d{2}$/.test(date) && new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date);
  if (isDay) return date;
  throw new EngineError(
    'INPUT_INVALID',
    `--business-date takes a day as YYYY-MM-DD, not '${date.slice(0, 40)}'.`,
  );
}

function show(terminal: Terminal, planned: Plan, tookMs: number): void {
  const { workflow, businessDate, company, hash } = planned;
  const whose = company === null ? '' : ` of ${company}`;
  terminal.say(
    terminal.bold(oneLine(`Plan of ${workflow}${whose} for ${formatDay(businessDate)}`)),
  );
  for (const { title, rows, lines } of outline(planned)) {
    terminal.say(`\n${terminal.bold(title)}`);
    for (const line of table(rows, [1, 2, 3])) terminal.say(`  ${line}`);
    for (const line of lines) terminal.say(`  ${oneLine(line)}`);
  }
  terminal.say(`\n${terminal.bold('Plan')} ${hash}`);
  terminal.say(
    `  Made in ${(tookMs / 1_000).toFixed(1)} s; no model was called and nothing was written.`,
  );
  terminal.say(`  Rehearse it:       tutti run ${workflow} --rehearse`);
  terminal.say(`  Bind a run to it:  tutti run ${workflow} --plan ${hash}`);
}
