import { inspect } from 'node:util';
import dotenv from 'dotenv';
import { EngineError, type ErrorCode, isEngineError, toErrorData } from '../core/base/errors.ts';
import { Scrubber } from '../core/base/telemetry/scrub.ts';
import type { Fault } from '../core/engine/graph/fault.ts';
import { readArguments } from './arguments.ts';
import { exit } from './command.ts';
import { commands, type Known } from './commands.ts';
import { printCommands, printUsage } from './help.ts';
import { hearInterrupts } from './interrupt.ts';
import { oneLine, openTerminal, type Terminal } from './terminal.ts';

/** Codes that say that the call was wrong, not Tutti. */
const usageCodes: readonly ErrorCode[] = [
  'INPUT_INVALID',
  'WORKFLOW_UNKNOWN',
  'RUN_UNKNOWN',
  'AGENT_UNKNOWN',
  'AGENT_INVALID',
  'AGENT_CONFLICT',
  'POLICY_UNKNOWN',
  'POLICY_INVALID',
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
  'SESSION_UNKNOWN',
  'TENANT_UNKNOWN',
  'MCP_TOOL_UNKNOWN',
  'HOOK_UNKNOWN',
  'SCHEDULE_UNKNOWN',
  'MODULE_UNKNOWN',
  'MODULE_CONFIGURED',
  'MODULE_NEEDED',
  'MODULE_NOT_LOADABLE',
];

/**
 * Runs the command that `argv` names with the process's streams and signals; resolves with the exit code, whatever happens. What a `.env` file
 * of the working directory adds goes into `env`.
 */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return await run(argv, env).catch((error: unknown) => fail(error, env));
}

async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name = 'help', ...rest] = argv;
  const plain = openTerminal(false, env);
  if (['help', '--help', '-h'].includes(name)) return help(rest[0], plain);
  const { usage, load } = find(name === '--version' || name === '-v' ? 'version' : name);
  const args = readArguments(usage, rest);
  if (args.has('help')) {
    printUsage(plain, usage);
    return exit.done;
  }
  dotenv.config({ quiet: true, processEnv: env as Record<string, string> });
  const interrupt = hearInterrupts();
  // Node ends a process whose only timers are those that do not hold it, such as the engine's; a command ends by itself.
  const hold = setInterval(() => {}, 2 ** 30);
  try {
    const terminal = openTerminal(args.has('json'), env);
    const profile = args.text('profile');
    const chosen = profile === undefined ? env : { ...env, TUTTI_PROFILE: profile };
    const command = await load();
    return await command({ args, terminal, interrupt, env: chosen });
  } catch (error) {
    const code = interrupt.exitCode();
    // Whatever was under way fails with the signal's own reason: it was asked to.
    if (code === null || error !== interrupt.signal.reason) throw error;
    fail(new EngineError('CANCELLED', 'It was ended before it was done.'), env);
    return code;
  } finally {
    clearInterval(hold);
    interrupt.release();
  }
}

function help(name: string | undefined, terminal: Terminal): number {
  if (name !== undefined) printUsage(terminal, find(name).usage);
  else printCommands(terminal);
  return exit.done;
}

/** @throws INPUT_INVALID */
function find(name: string): Known {
  if (Object.hasOwn(commands, name)) return commands[name] as Known;
  throw new EngineError('INPUT_INVALID', `There is no command '${name}'; see: tutti help`);
}

/** Prints an error as one line, or with its stack when TUTTI_DEBUG asks for it, without the secrets of the environment; returns the exit code. */
function fail(error: unknown, env: NodeJS.ProcessEnv): number {
  const { code, message } = toErrorData(error);
  const scrubber = new Scrubber(env);
  const hint = isEngineError(error) ? '' : ' (TUTTI_DEBUG=1 shows where)';
  if (env.TUTTI_DEBUG) console.error(scrubber.text(inspect(error)));
  else console.error(oneLine(scrubber.text(`${code}: ${message}${hint}`)));
  for (const line of furtherFaults(error)) console.error(oneLine(scrubber.text(line)));
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
