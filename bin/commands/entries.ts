import type { FoundEntry } from '../../core/engine/history/history.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedDays, askedScale, type Call, type Command, exit } from '../command.ts';
import { table } from '../terminal.ts';
import { listed, usualDays } from '../usages/amounts.ts';

const dayMs = 86_400_000;

/** `tutti entries`: searches the journals of all runs. */
export const entries: Command = (call) => {
  const { args, terminal } = call;
  const asked = askedOf(call);
  const scale = askedScale(args);
  return withReading(call, async (reading) => {
    const { runId } = asked;
    const tenantId = await readingTenant(reading, { runId, scale });
    const found = tenantId === null ? [] : await reading.history.search(tenantId, asked);
    if (terminal.isJson) terminal.print(found);
    else if (found.length === 0) terminal.say('No entry fits.');
    else for (const line of table(found.map(cellsOf))) terminal.say(line);
    return exit.done;
  });
};

function askedOf({ args }: Call) {
  const runId = args.text('run');
  const days = askedDays(args);
  const isWhole = runId !== undefined && days === undefined;
  return {
    runId,
    agent: args.text('agent'),
    tool: args.text('tool'),
    code: args.text('code'),
    kind: args.text('kind'),
    limit: args.integer('limit', { from: 1, to: 10_000 }) ?? listed.entries,
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
