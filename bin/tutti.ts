import dotenv from 'dotenv';
import { EngineError, type ErrorCode, isEngineError, toErrorData } from '../core/base/errors.ts';
import type { Fault } from '../core/engine/graph/fault.ts';
import { readArguments } from './arguments.ts';
import { type Command, exit } from './command.ts';
import { agent } from './commands/agent.ts';
import { approvals } from './commands/approvals.ts';
import { approve } from './commands/approve.ts';
import { ask } from './commands/ask.ts';
import { audit } from './commands/audit.ts';
import { autonomy } from './commands/autonomy.ts';
import { backup } from './commands/backup.ts';
import { budgets } from './commands/budgets.ts';
import { cancel } from './commands/cancel.ts';
import { config } from './commands/config.ts';
import { costs } from './commands/costs.ts';
import { delegate } from './commands/delegate.ts';
import { doctor } from './commands/doctor.ts';
import { effects } from './commands/effects.ts';
import { erase } from './commands/erase.ts';
import { errors } from './commands/errors.ts';
import { explain } from './commands/explain.ts';
import { findings } from './commands/findings.ts';
import { printCommands, printUsage } from './commands/help.ts';
import { hold } from './commands/hold.ts';
import { holds } from './commands/holds.ts';
import { hooks } from './commands/hooks.ts';
import { key } from './commands/key.ts';
import { limits } from './commands/limits.ts';
import { mcp } from './commands/mcp.ts';
import { modules } from './commands/modules.ts';
import { pause } from './commands/pause.ts';
import { plan } from './commands/plan.ts';
import { proposals } from './commands/proposals.ts';
import { refuse } from './commands/refuse.ts';
import { report } from './commands/report.ts';
import { restore } from './commands/restore.ts';
import { resume } from './commands/resume.ts';
import { retention } from './commands/retention.ts';
import { retry } from './commands/retry.ts';
import { run } from './commands/run.ts';
import { runs } from './commands/runs.ts';
import { schedule } from './commands/schedule.ts';
import { serve } from './commands/serve.ts';
import { settings } from './commands/settings.ts';
import { settle } from './commands/settle.ts';
import { shadow } from './commands/shadow.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { stops } from './commands/stops.ts';
import { tenant } from './commands/tenant.ts';
import { tools } from './commands/tools.ts';
import { triage } from './commands/triage.ts';
import { undo } from './commands/undo.ts';
import { version } from './commands/version.ts';
import { webhooks } from './commands/webhooks.ts';
import { workflow } from './commands/workflow.ts';
import { hearInterrupts } from './interrupt.ts';
import { oneLine, openTerminal } from './terminal.ts';

const commands: readonly Command[] = [
  start,
  serve,
  run,
  ask,
  plan,
  findings,
  report,
  triage,
  approvals,
  approve,
  refuse,
  delegate,
  proposals,
  effects,
  settle,
  undo,
  runs,
  explain,
  cancel,
  retry,
  pause,
  resume,
  stop,
  stops,
  autonomy,
  shadow,
  audit,
  schedule,
  hooks,
  webhooks,
  mcp,
  modules,
  tools,
  agent,
  workflow,
  errors,
  costs,
  budgets,
  limits,
  status,
  settings,
  config,
  key,
  tenant,
  retention,
  hold,
  holds,
  erase,
  backup,
  restore,
  doctor,
  version,
];

/** Codes that say that the call was wrong, not Tutti. */
const usageCodes: readonly ErrorCode[] = [
  'INPUT_INVALID',
  'WORKFLOW_UNKNOWN',
  'RUN_UNKNOWN',
  'AGENT_UNKNOWN',
  'AGENT_INVALID',
  'AGENT_CONFLICT',
  'KEY_REUSED',
  'SETTING_UNKNOWN',
  'TOOL_UNKNOWN',
  'STOP_UNKNOWN',
  'RUN_ENDED',
  'RUN_UNFINISHED',
  'RUN_HELD',
  'RETRY_REFUSED',
  'STEP_UNKNOWN',
  'FINDING_UNKNOWN',
  'EFFECT_UNKNOWN',
  'EFFECT_SETTLED',
  'APPROVAL_UNKNOWN',
  'APPROVAL_CLOSED',
  'APPROVAL_VOTED',
  'APPROVAL_NOT_YOURS',
  'WEBHOOK_UNKNOWN',
  'MCP_SERVER_UNKNOWN',
  'API_KEY_UNKNOWN',
  'TENANT_UNKNOWN',
  'MCP_TOOL_UNKNOWN',
  'HOOK_UNKNOWN',
  'SCHEDULE_UNKNOWN',
];

/** Runs the command that `argv` names; resolves with the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const [name = 'help', ...rest] = argv;
  const plain = openTerminal(false, process.env);
  if (['help', '--help', '-h'].includes(name)) return help(rest[0]);
  const command = find(name === '--version' || name === '-v' ? 'version' : name);
  const args = readArguments(command.usage, rest);
  if (args.has('help')) {
    printUsage(plain, command);
    return exit.done;
  }
  dotenv.config({ quiet: true });
  const interrupt = hearInterrupts();
  // Node ends a process whose only timers are those that do not hold it, such as the engine's; a command ends by itself.
  const hold = setInterval(() => {}, 2 ** 30);
  try {
    const terminal = openTerminal(args.has('json'), process.env);
    const profile = args.text('profile');
    const env = profile === undefined ? process.env : { ...process.env, TUTTI_PROFILE: profile };
    return await command.run({ args, terminal, interrupt, env });
  } finally {
    clearInterval(hold);
    interrupt.release();
  }
}

function help(name: string | undefined): number {
  const terminal = openTerminal(false, process.env);
  if (name === undefined) printCommands(terminal, commands);
  else printUsage(terminal, find(name));
  return exit.done;
}

/** @throws INPUT_INVALID */
function find(name: string): Command {
  const found = commands.find((command) => command.usage.name === name);
  if (found) return found;
  throw new EngineError('INPUT_INVALID', `There is no command '${name}'; see: tutti help`);
}

/** Prints an error as one line, or with its stack when TUTTI_DEBUG asks for it; returns the exit code. */
function fail(error: unknown): number {
  const { code, message } = toErrorData(error);
  const hint = isEngineError(error) ? '' : ' (TUTTI_DEBUG=1 shows where)';
  if (process.env.TUTTI_DEBUG) console.error(error);
  else console.error(oneLine(`${code}: ${message}${hint}`));
  for (const line of furtherFaults(error)) console.error(oneLine(line));
  return usageCodes.includes(code) ? exit.usage : exit.failed;
}

/** The faults of a workflow beyond the first, which the message of the error tells. */
function furtherFaults(error: unknown): readonly string[] {
  if (!isEngineError(error)) return [];
  const { faults = [] } = (error.details ?? {}) as { readonly faults?: readonly Fault[] };
  const errors = faults.filter(({ severity }) => severity === 'error');
  const further = errors.filter(({ message }) => !error.message.includes(message));
  return further.slice(0, 100).map(({ node, path, message }) => {
    return `  ${[node, path].filter(Boolean).join('.')}: ${message}`;
  });
}

// A reader that has seen enough (`tutti findings | head`) is no failure; the command still ends in order.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
// The code is set and not forced, so that what was written to a pipe arrives in full.
process.exitCode = await main(process.argv.slice(2)).catch(fail);
