import {
  type ExplainedRun,
  type ExplainedStep,
  type Explanation,
  mostTold,
} from '../../core/engine/explain/explanation.ts';
import { Explanations } from '../../core/engine/explain/explanations.ts';
import { isTerminal } from '../../core/engine/run/states.ts';
import { countOf, formatDuration } from '../../core/service/batch/format.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import { type Terminal, table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

/** `tutti explain RUN [STEP]`: what waiting steps wait for, and when they should start. */
export const explain: Command = (call) =>
  withHost(call, async (host) => {
    const { args, terminal } = call;
    const [runId, step] = args.positionals as [string, string?];
    const tenantId = (await readingTenant(host, { runId })) as number;
    const pool = host.database.pool('tutti_engine', 1);
    const explanations = new Explanations({ ...host, pool });
    const limit = terminal.isJson ? mostTold : listed.steps;
    const told = await explanations.explain({ tenantId, runId, step, limit });
    if (terminal.isJson) terminal.print(told);
    else show(terminal, told, step);
    return exit.done;
  });

function show(terminal: Terminal, told: ExplainedRun, asked: string | undefined): void {
  const { steps, more, status, note, endAt, at, bottleneck, deadlineAt } = told;
  terminal.say(`Run ${told.runId} is ${status}${ends(endAt, at)}.`);
  if (deadlineAt !== null && !isTerminal(status))
    terminal.say(`It is cancelled if it has not ended by ${deadlineAt}.`);
  if (note) terminal.say(note);
  if (bottleneck && bottleneck.kind !== 'work')
    terminal.say(
      `What waits in this engine waits longest for ${bottleneck.kind} of '${bottleneck.name}': ${Math.round(bottleneck.share * 100)} % of all waiting.`,
    );
  const [step] = steps;
  if (asked !== undefined && step) return showStep(terminal, step, told);
  terminal.say();
  if (asked !== undefined) terminal.say(`'${asked}' does not wait: it runs, or has ended.`);
  else if (steps.length === 0) terminal.say('No step waits.');
  else for (const line of listOf(told)) terminal.say(line);
  if (more > 0) terminal.say(`… and ${more} more; of one: tutti explain ${told.runId} STEP`);
}

function ends(endAt: string | null, at: string): string {
  return endAt === null ? '' : ` and should end ${inText(endAt, at)}`;
}

function listOf({ steps, at }: Explanation): readonly string[] {
  const rows = steps.map((step) => {
    const [first] = step.blockers;
    const ahead = step.blockers.find((each) => each.kind === 'queue');
    return [
      step.path,
      first?.text ?? 'Nothing: it starts at once.',
      ahead?.kind === 'queue' && first !== ahead ? String(ahead.ahead) : '',
      startText(step, at),
    ];
  });
  return table([['step', 'waits for', 'before it', 'starts'], ...rows], [2]);
}

function showStep(terminal: Terminal, step: ExplainedStep, { at, source }: Explanation): void {
  const who = step.agent === null ? step.kind : step.agent;
  const state = stateOf(step);
  terminal.say();
  terminal.say(`${terminal.bold(step.path)} (${who}): ${state}; it starts ${startText(step, at)}.`);
  terminal.say();
  for (const [index, { text, ifLifted }] of step.blockers.entries()) {
    terminal.say(`${index + 1}. ${text}`);
    if (source === 'owner') terminal.say(terminal.dim(`   ${liftedText(ifLifted ?? null, at)}`));
  }
  if (step.blockers.length === 0) terminal.say('Nothing is in its way.');
  else if (step.blockers.length > 1)
    terminal.say(`\n${countOf(step.blockers.length, 'thing')} in its way; the first decides.`);
}

function stateOf({ isFollowUp, blockers, status }: ExplainedStep): string {
  if (isFollowUp) return 'has begun and waits for its next model call';
  return blockers[0]?.kind === 'machine' ? 'has begun and waits for a machine' : status;
}

function liftedText(ifLifted: string | null, at: string): string {
  if (ifLifted === null)
    return 'If this alone were lifted, it would start when the others are gone.';
  return `If this alone were lifted for it, it would start ${inText(ifLifted, at)}.`;
}

function startText({ startAt }: ExplainedStep, at: string): string {
  return startAt === null ? 'when nobody knows' : inText(startAt, at);
}

function inText(moment: string, at: string): string {
  const ms = Date.parse(moment) - Date.parse(at);
  return ms < 1 ? 'at once' : `in ${formatDuration(ms)}`;
}
