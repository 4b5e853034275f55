import { commonFlags, describeUsage, type Usage } from './arguments.ts';
import { commands } from './commands.ts';
import { type Terminal, table } from './terminal.ts';

/** Prints what commands there are. */
export function printCommands(terminal: Pick<Terminal, 'say'>): void {
  terminal.say('tutti COMMAND [flags]: runs hundreds of AI agents over a company’s ERP.');
  terminal.say();
  const rows = Object.values(commands).map(({ usage }) => [
    [usage.name, ...(usage.positionals ?? [])].join(' '),
    // What follows the first line is of its actions.
    usage.about.split('\n')[0] ?? '',
  ]);
  for (const line of table([
    ...rows,
    ['help [COMMAND]', 'Shows this, or how a command is called.'],
  ]))
    terminal.say(`  ${line}`);
  terminal.say();
  for (const [name, flag] of Object.entries(commonFlags))
    terminal.say(`  --${name}${flag.value ? ` ${flag.value}` : ''}  ${flag.about}`);
  terminal.say();
  terminal.say(
    'Environment: DATABASE_URL, TUTTI_DATA, OPENAI_API_KEY, ANTHROPIC_API_KEY, TUTTI_DEBUG=1 (stacks of errors); .env is read.',
  );
  terminal.say('Exit codes: 0 done, 1 failed, 2 called wrongly, 3 done in part.');
}

/** Prints how one command is called. */
export function printUsage(terminal: Pick<Terminal, 'say'>, usage: Usage): void {
  for (const line of describeUsage(usage)) terminal.say(line);
}
