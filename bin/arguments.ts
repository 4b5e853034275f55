import { parseArgs } from 'node:util';
import { EngineError } from '../core/base/errors.ts';

/** What a flag takes: nothing, or one value, whose name the help shows. */
export interface Flag {
  /** Upper case, for example `PORT`; without it the flag is a switch. */
  readonly value?: string;
  readonly about: string;
}

/** How a command is called; the help is made from it. */
export interface Usage {
  readonly name: string;
  readonly about: string;
  /**
   * Names of what comes without a flag; one in brackets, like `[PATH]`, may be left out, and the last may stand for any number with `…`.
   */
  readonly positionals?: readonly string[];
  readonly flags?: Readonly<Record<string, Flag>>;
}

/** How commands are called, by their names. */
export type Usages = Readonly<Record<string, Usage>>;

/** What a command was called with. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** Whether a switch was given. */
  has(flag: string): boolean;
  text(flag: string): string | undefined;
  /** @throws INPUT_INVALID when it is no whole number between the limits */
  integer(flag: string, limits: { readonly from: number; readonly to: number }): number | undefined;
  /** @throws INPUT_INVALID when it is no JSON */
  json(flag: string): unknown;
}

/** Flags that every command has. */
export const commonFlags: Readonly<Record<string, Flag>> = {
  config: {
    value: 'PATH',
    about: 'configuration (default ./tutti.config.ts, else the one of the package)',
  },
  profile: { value: 'NAME', about: 'development (default), staging or production' },
  help: { about: 'shows how the command is called' },
};

/** Reads what follows the name of a command. @throws INPUT_INVALID */
export function readArguments(usage: Usage, argv: readonly string[]): Arguments {
  const { values, positionals } = parse(usage, argv);
  const wanted = usage.positionals ?? [];
  if (values.help !== true) {
    const missing = wanted[positionals.length];
    if (missing !== undefined && !missing.startsWith('[')) throw wrong(usage, `needs ${missing}`);
    const extra = wanted.at(-1)?.endsWith('…') ? undefined : positionals[wanted.length];
    if (extra !== undefined) throw wrong(usage, `does not take '${extra}'`);
  }
  const text = (flag: string): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    positionals,
    has: (flag) => values[flag] === true,
    text,
    integer(flag, { from, to }) {
      const value = text(flag);
      if (value === undefined) return undefined;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= from && number <= to) return number;
      throw wrong(
        usage,
        `takes a whole number from ${from} to ${to} for --${flag}, not '${value}'`,
      );
    },
    json(flag) {
      const value = text(flag);
      if (value === undefined) return undefined;
      try {
        return JSON.parse(value) as unknown;
      } catch (error) {
        throw wrong(usage, `takes JSON for --${flag}: ${(error as Error).message}`);
      }
    },
  };
}

function parse(usage: Usage, argv: readonly string[]): ReturnType<typeof parseArgs> {
  const flags = { ...commonFlags, ...usage.flags };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw wrong(usage, reason(error as Error & { readonly code?: string }));
  }
}

/** The part of Node's message that says what is wrong; its advice about `--` helps nobody here. */
function reason(error: Error & { readonly code?: string }): string {
  const named = /'([^']+)'/.exec(error.message)?.[1]?.split(' ')[0] ?? '';
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `has no flag '${named}'`;
  if (/does not take an argument/.test(error.message)) return `takes no value for '${named}'`;
  return `needs a value for '${named.replace(/,$/, '')}'`;
}

function wrong({ name }: Usage, what: string): EngineError {
  return wrongUse(name)(what);
}

/** Makes the errors of a command that was not called as its help says. */
export function wrongUse(command: string): (what: string) => EngineError {
  return (what) =>
    new EngineError('INPUT_INVALID', `tutti ${command} ${what}; see: tutti help ${command}`);
}

/** What a command's table has for the action that a call names. @throws INPUT_INVALID, with the actions that there are */
export function actionIn<A>(
  command: string,
  actions: Readonly<Record<string, A>>,
  named: string,
): A {
  if (Object.hasOwn(actions, named)) return actions[named] as A;
  const known = Object.keys(actions).join(', ');
  throw wrongUse(command)(`takes ${known}, not '${named.slice(0, 50)}'`);
}

/** The lines of a command's help. */
export function describeUsage(usage: Usage): readonly string[] {
  const flags = Object.entries({ ...usage.flags, ...commonFlags });
  const shown = flags.map(
    ([name, flag]) => `--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`,
  );
  const width = Math.max(...shown.map((each) => each.length));
  return [
    `tutti ${[usage.name, ...(usage.positionals ?? [])].join(' ')} [flags]`,
    `  ${usage.about}`,
    '',
    ...flags.map(([, flag], index) => `  ${shown[index]?.padEnd(width)}  ${flag.about}`),
  ];
}
