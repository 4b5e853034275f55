import type { FoundEntry } from '../../core/engine/run/history.ts';
import {
  type Call,
  type Command,
  exit,
  flags,
  readingTenant,
  scaleOf,
  withHost,
} from '../command.ts';
import { table } from '../terminal.ts';

const dayMs = 86_400_000;
const usualDays = 7;
const usualLimit = 50;

/** `tutti entries`: searches the journals of all runs. */
export const entries: Command = {
  usage: {
    name: 'entries',
    about: 'Searches the journals of all runs, the newest first.',
    flags: {
      run: { value: 'ID', about: 'of this run alone, whatever its age' },
      agent: { value: 'NAME', about: 'of the steps of this agent: module.agent' },
      tool: { value: 'NAME', about: 'about this tool' },
      code: { value: 'CODE', about: 'that tell of an error of this code' },
      kind: { value: 'KIND', about: 'of one kind, such as step.failed or tool.called' },
      days: { value: 'N', about: `how far back, 1 to 365 (default ${usualDays})` },
      limit: { value: 'N', about: `how many at most, 1 to 10000 (default ${usualLimit})` },
      scale: flags.scale,
      json: flags.json,
    },
  },
  run: (call) => {
    const { args, terminal } = call;
    const asked = askedOf(call);
    const scale = args.text('scale') === undefined ? undefined : scaleOf(args);
    return withHost(call, async (host) => {
      const { runId } = asked;
      const tenantId = await readingTenant(host, { runId, scale });
      const found = tenantId === null ? [] : await host.history.search(tenantId, asked);
      if (terminal.isJson) terminal.print(found);
      else if (found.length === 0) terminal.say('No entry fits.');
      else for (const line of table(found.map(cellsOf))) terminal.say(line);
      return exit.done;
    });
  },
};

function askedOf({ args }: Call) {
  const runId = args.text('run');
  const days = args.integer('days', { from: 1, to: 365 });
  const isWhole = runId !== undefined && days === undefined;
  return {
    runId,
    agent: args.text('agent'),
    tool: args.text('tool'),
    code: args.text('code'),
    kind: args.text('kind'),
    limit: args.integer('limit', { from: 1, to: 10_000 }) ?? usualLimit,
    since: new Date(isWhole ? 0 : Date.now() - (days ?? usualDays) * dayMs),
  };
}

function cellsOf(entry: FoundEntry): readonly string[] {
  const { at, runId, seq, kind, path, agent, data } = entry;
  return [
    at.toISOString().slice(0, 19).replace('T', ' '),
    `${runId}/${seq}`,
    kind,
    path ?? '',
    agent ?? '',
    JSON.stringify(data),
  ];
}
