import { commonFlags, describeUsage, type Usage } from './arguments.ts';
import { commands } from './commands.ts';
import { type Terminal, wrapped } from './terminal.ts';

/** How wide the names of commands may be before what they do goes onto a line of its own, characters. */
const widestName = 28;

/** Prints what commands there are. */
export function printCommands(terminal: Pick<Terminal, 'say' | 'columns'>): void {
  terminal.say('tutti COMMAND [flags]: runs hundreds of AI agents over a company’s ERP.');
  terminal.say();
  for (const { usage } of Object.values(commands)) {
    const name = [usage.name, ...(usage.positionals ?? [])].join(' ');
    // What follows the first line is of its actions.
    printCommand(terminal, name, usage.about.split('\n')[0] ?? '');
  }
  printCommand(terminal, 'help [COMMAND]', 'Shows this, or how a command is called.');
  terminal.say();
  for (const [name, flag] of Object.entries(commonFlags))
    terminal.say(`  --${name}${flag.value ? ` ${flag.value}` : ''}  ${flag.about}`);
  terminal.say();
  const environment =
    'Environment: DATABASE_URL, TUTTI_DATA, OPENAI_API_KEY, ANTHROPIC_API_KEY, TUTTI_DEBUG=1 (stacks of errors); .env is read.';
  for (const line of wrapped(environment, terminal.columns)) terminal.say(line);
  terminal.say('Exit codes: 0 done, 1 failed, 2 called wrongly, 3 done in part.');
}

function printCommand(
  terminal: Pick<Terminal, 'say' | 'columns'>,
  name: string,
  about: string,
): void {
  const indent = ' '.repeat(widestName + 4);
  const lines = wrapped(about, Math.max(widestName, terminal.columns - indent.length));
  const isWide = name.length > widestName;
  if (isWide) terminal.say(`  ${name}`);
  for (const [place, line] of lines.entries())
    terminal.say(place === 0 && !isWide ? `  ${name.padEnd(widestName)}  ${line}` : indent + line);
}

/** Prints how one command is called. */
export function printUsage(terminal: Pick<Terminal, 'say'>, usage: Usage): void {
  for (const line of describeUsage(usage)) terminal.say(line);
}
