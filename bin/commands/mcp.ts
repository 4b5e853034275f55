import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { auditedPins } from '../../core/engine/audit/mcp-pins.ts';
import type { McpPins } from '../../core/ports/db/mcp-pins.ts';
import type { OpenMcpPool } from '../../core/ports/mcp/pool.ts';
import { acceptTools, type McpToolView, reviewTools } from '../../core/ports/mcp/review.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { type Call, type Command, exit, scaleOf } from '../command.ts';
import { serveMcp } from '../mcp-serve.ts';
import { actorOfCall, personOfCall } from '../operator.ts';
import { oneLine, table } from '../terminal.ts';

const wrong = wrongUse('mcp');

/** What a sub-command works with. */
interface Desk {
  readonly pool: OpenMcpPool;
  readonly pins: McpPins;
  readonly signal: AbortSignal;
}

type Action = (call: Call, desk: Desk, named: readonly string[]) => Promise<number>;

/** Sub-commands that look at the servers of the configuration. */
const actions: Readonly<Record<string, Action>> = { servers, tools, accept, check };

/** `tutti mcp`: the servers that tools call by the Model Context Protocol, and what they may be trusted with. */
export const mcp: Command = async (call) => {
  const [action = '', ...named] = call.args.positionals;
  if (action === 'serve' && named.length === 0) return serveMcp(call, scaleOf(call.args));
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!act) throw wrong(`takes ${[...Object.keys(actions), 'serve'].join(', ')}, not '${action}'`);
  return withHost(call, async ({ mcp: pool, database }) => {
    if (!pool && act === servers) return tellServers(call, []);
    if (!pool) {
      const message = 'The configuration names no MCP servers; add them under mcp.servers.';
      throw new EngineError('MCP_SERVER_UNKNOWN', message);
    }
    const pins = auditedPins(database.pool('tutti_engine', 1));
    // The sessions are the host's, which ends them.
    return act(call, { pool, pins, signal: call.interrupt.signal }, named);
  });
};

async function servers(call: Call, { pool }: Desk): Promise<number> {
  return tellServers(call, pool.servers());
}

function tellServers({ terminal }: Call, found: ReturnType<OpenMcpPool['servers']>): number {
  const all = found.map(({ name, kind, command }) => ({ name, kind, command }));
  if (terminal.isJson) terminal.print(all);
  else {
    for (const line of table(all.map(({ name, kind, command }) => [name, kind, command]))) {
      terminal.say(line);
    }
    const none = 'No MCP server is configured; add them under mcp.servers.';
    terminal.say(all.length === 0 ? none : `${countOf(all.length, 'MCP server')} configured.`);
  }
  return exit.done;
}

async function tools(
  { terminal }: Call,
  desk: Desk,
  [server, extra]: readonly string[],
): Promise<number> {
  if (server === undefined || extra !== undefined) throw wrong('tools takes one SERVER');
  const views = await reviewTools(desk, server, desk.signal);
  if (terminal.isJson) terminal.print(views);
  else {
    const rows = views.map(({ tool, state, description }) => [
      tool,
      state,
      oneLine(description).slice(0, 60),
    ]);
    for (const line of table(rows)) terminal.say(line);
    const changed = views.filter(({ state }) => state === 'changed');
    for (const view of changed) for (const line of changeLines(view)) terminal.say(line);
    terminal.say(`${countOf(views.length, 'tool')}, ${changed.length} changed.`);
  }
  return exit.done;
}

async function accept(call: Call, desk: Desk, [server, tool]: readonly string[]): Promise<number> {
  if (server === undefined) throw wrong('accept takes a SERVER');
  const digest = call.args.text('digest');
  if (digest !== undefined && tool === undefined) throw wrong('accept --digest needs a TOOL');
  const by = actorOfCall(call);
  const accepted = await acceptTools(desk, { server, tool, digest, by }, desk.signal);
  const { terminal } = call;
  if (terminal.isJson) terminal.print(accepted);
  else {
    for (const view of accepted) for (const line of changeLines(view)) terminal.say(line);
    terminal.say(
      accepted.length === 0
        ? 'Nothing had changed.'
        : `${personOfCall(call)} accepted ${accepted.map((view) => view.tool).join(', ')} of ${server}.`,
    );
  }
  return exit.done;
}

/** A definition may be a page long: what differs is shown, not both. */
function changeLines({ tool, state, changes, description }: McpToolView): readonly string[] {
  if (state === 'new') return [`${tool}: new`, `  + ${oneLine(description)}`];
  return [
    `${tool}: changed`,
    ...changes.flatMap(({ path, before, after: now }) => [
      `  ${path}`,
      ...(before === undefined ? [] : [`  - ${oneLine(JSON.stringify(before))}`]),
      ...(now === undefined ? [] : [`  + ${oneLine(JSON.stringify(now))}`]),
    ]),
  ];
}

/** What a server gets to start, answer and end in, milliseconds. */
const checkMs = 90_000;

async function check({ terminal }: Call, { pool, signal }: Desk): Promise<number> {
  const checked = await Promise.all(pool.servers().map(({ name }) => checkOne(pool, name, signal)));
  if (terminal.isJson) terminal.print(checked);
  else {
    for (const line of table(
      checked.map(({ name, isWell, says }) => [name, isWell ? 'ok' : 'failed', says]),
    )) {
      terminal.say(line);
    }
  }
  return checked.every(({ isWell }) => isWell) ? exit.done : exit.failed;
}

async function checkOne(pool: OpenMcpPool, name: string, interrupt: AbortSignal) {
  try {
    const signal = AbortSignal.any([interrupt, AbortSignal.timeout(checkMs)]);
    const { session } = await pool.check(name, signal);
    return { name, isWell: true, says: `${session?.server}, protocol ${session?.protocolVersion}` };
  } catch (error) {
    // Its last words on standard error are for whoever looks, not for the record of a run.
    const { cause } = error as Error;
    const words = typeof cause === 'string' ? cause : '';
    return { name, isWell: false, says: `${toErrorData(error).message} ${words}`.trim() };
  }
}
