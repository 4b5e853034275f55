import type { StepView } from '../../core/engine/history/history.ts';
import {
  type Content,
  type StepContent,
  StepContents,
} from '../../core/engine/history/step-contents.ts';
import { pathOf } from '../../core/engine/run/step.ts';
import { countOf, formatCost, formatDuration } from '../../core/service/batch/format.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

/** `tutti steps RUN [STEP]`: what the steps of a run have come to, or what one of them worked on. */
export const steps: Command = (call) =>
  withHost(call, async (host) => {
    const { args, terminal } = call;
    const [runId, step] = args.positionals as [string, string?];
    const tenantId = (await readingTenant(host, { runId })) as number;
    if (step !== undefined) {
      const content = await new StepContents(host).read({ tenantId, runId, step });
      if (terminal.isJson) terminal.print(content);
      else showStep(terminal, content);
      return exit.done;
    }
    const all = await host.history.steps(tenantId, runId);
    if (terminal.isJson) terminal.print(all);
    else list(terminal, all);
    return exit.done;
  });

function list(terminal: Terminal, all: readonly StepView[]): void {
  const rows = all
    .slice(0, listed.steps)
    .map((step) => [
      pathOf(step),
      step.agent ?? step.kind,
      step.status,
      step.attempt === 0 ? '' : String(step.attempt),
      tookText(step),
      step.costMicroUsd === 0 ? '' : formatCost(step.costMicroUsd),
      step.error?.code ?? '',
    ]);
  const head = ['step', 'agent', 'status', 'tries', 'took', 'cost', ''];
  for (const line of table([head, ...rows], [3, 4, 5])) terminal.say(line);
  if (all.length > listed.steps)
    terminal.say(`… and ${all.length - listed.steps} more; --json has all.`);
}

function showStep(terminal: Terminal, step: StepContent): void {
  const { path, agent, kind, status, trust, input, output, attempts, error } = step;
  const label = output.state === 'none' ? '' : `; its output is '${trust}'`;
  terminal.say(`${terminal.bold(path)} (${agent ?? kind}): ${status}${label}.`);
  if (error) terminal.say(`${error.code}: ${oneLine(error.message)}`);
  for (const [name, content] of [['Input', input] as const, ['Output', output] as const]) {
    terminal.say(`\n${terminal.bold(name)}`);
    terminal.say(contentText(content));
  }
  terminal.say(`\n${terminal.bold(countOf(attempts.length, 'attempt'))}`);
  const rows = attempts.map((each) => [
    String(each.no),
    each.outcome,
    tookText(each),
    countOf(each.turns ?? 0, 'model call'),
    each.worker,
    each.error?.code ?? '',
  ]);
  for (const line of table(rows, [0, 2])) terminal.say(line);
}

function contentText(content: Content): string {
  switch (content.state) {
    case 'there':
      return JSON.stringify(content.value, null, 2);
    case 'none':
      return 'None.';
    case 'erased':
      return 'It has been erased.';
    case 'unknown':
      return `It cannot be told: ${content.why}`;
  }
}

function tookText({ startedAt, endedAt }: Pick<StepView, 'startedAt' | 'endedAt'>): string {
  return startedAt && endedAt ? formatDuration(endedAt.getTime() - startedAt.getTime()) : '';
}
