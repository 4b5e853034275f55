import { submitOwn } from '../../core/engine/submit.ts';
import { taskWorkflow } from '../../core/engine/tasks/agent-task.ts';
import type { TaskRequest, TaskView } from '../../core/engine/tasks/tasks.ts';
import { countOf, formatCost } from '../../core/service/batch/format.ts';
import { demandActive } from '../active-tenant.ts';
import { type Arguments, wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { bookZone, type Call, type Command, exit, exitCodeOf, scaleOf } from '../command.ts';
import { seeToItsEnd } from '../follow.ts';
import type { Host } from '../host.ts';
import { actorOfCall } from '../operator.ts';
import { tasksOf } from '../parts/tasks-of.ts';
import type { Terminal } from '../terminal.ts';

const wrong = wrongUse('ask');

/** `tutti ask`: one task for one agent, seen to its end. */
export const ask: Command = (call) => {
  // Read before anything is opened: a wrong flag costs no start.
  const wanted = wantedOf(call.args);
  const scale = scaleOf(call.args);
  return withHost(call, (host) => askOnce(call, host, { wanted, scale }));
};

type Wanted = Pick<TaskRequest, 'agent' | 'capability' | 'text' | 'input' | 'key' | 'priority'>;

/** What words are whose: a single one without a space is an agent's name, anything else a text. @throws INPUT_INVALID */
function wantedOf(args: Arguments): Wanted {
  const capability = args.text('capability');
  const [one, other] = args.positionals;
  if (capability !== undefined && other !== undefined)
    throw wrong("takes AGENT or --capability, not both; put the text into one pair of quotes '…'");
  const isText = capability !== undefined || (other === undefined && /\s/.test(one ?? ''));
  const text = isText ? one : other;
  const agent = isText ? undefined : one;
  const input = args.json('input');
  if (agent === undefined && capability === undefined && text === undefined)
    throw wrong("needs an agent, a --capability or a text in quotes '…'");
  if (text === undefined && input === undefined)
    throw wrong(`needs a task for ${agent ?? 'the agent'}: a text in quotes '…', or --input`);
  if (args.has('wait') && args.has('no-wait')) throw wrong('takes --wait or --no-wait, not both');
  const key = args.text('key');
  const priority = args.integer('priority', { from: 1, to: 10 });
  return { agent, capability, text, input, ...(key && { key }), ...(priority && { priority }) };
}

async function askOnce(
  call: Call,
  host: Host,
  { wanted, scale }: { readonly wanted: Wanted; readonly scale: number },
): Promise<number> {
  const { terminal } = call;
  const { tenantId, sample } = await host.sampleTenant(scale);
  await demandActive(host.database.pool('tutti_engine', 1), tenantId);
  const tasks = tasksOf(host, {
    startOwn: (own) => submitOwn(host.store, host.registry, own),
    // Another process may have models that this one does not know of.
    hasModels: async () => host.profiles !== null || (await host.isServed()),
  });
  const { id, isNew } = await tasks.start({
    ...wanted,
    ...{ tenantId, businessDate: sample.asOf, timeZone: bookZone },
    actor: actorOfCall(call),
  });
  const { agent, why } = await tasks.view(tenantId, id);
  const what = isNew ? `Task ${id} for ${agent}` : `Key '${wanted.key}' has task ${id}`;
  terminal.say(`${what}. ${why}`);
  if (call.args.has('no-wait')) {
    if (terminal.isJson) terminal.print(await tasks.view(tenantId, id));
    return exit.done;
  }
  const status = await seeToItsEnd(call, host, { tenantId, runId: id, workflow: taskWorkflow });
  if (status === null) return call.interrupt.exitCode() ?? exit.failed;
  const view = await tasks.view(tenantId, id);
  const findings = await host.history.findings(tenantId, { runId: id });
  if (terminal.isJson) terminal.print({ ...view, findings });
  else
    show(
      terminal,
      view,
      findings.map((each) => `${each.severity}: ${each.summary || '(erased)'}`),
    );
  return exitCodeOf(status);
}

function show(terminal: Terminal, view: TaskView, findings: readonly string[]): void {
  const { output, error, costMicroUsd } = view;
  if (error) terminal.say(`\n${terminal.red(`${error.code}: ${error.message}`)}`);
  else terminal.say(`\n${answerOf(output)}`);
  for (const line of findings) terminal.say(`  ${line}`);
  terminal.say(`\n${countOf(findings.length, 'finding')}, ${formatCost(costMicroUsd)}.`);
}

/** An answer for people: texts as they are under their names, anything else as JSON. */
function answerOf(output: unknown): string {
  if (typeof output === 'string') return output;
  if (!(output instanceof Object) || Array.isArray(output)) return JSON.stringify(output, null, 2);
  const parts = Object.entries(output).map(([name, value]: [string, unknown]) =>
    typeof value === 'string' ? `${name}:\n${value}` : `${name}: ${JSON.stringify(value, null, 2)}`,
  );
  return parts.join('\n\n');
}
