import { toVisible } from '../core/base/text.ts';

/** Where a command speaks: results on standard output, everything else where it does not disturb them. */
export interface Terminal {
  /** Whether standard output is JSON and nothing else. */
  readonly isJson: boolean;
  /** Whether what `say` writes goes to a screen that lines can be drawn on anew. */
  readonly isLive: boolean;
  /** Width of the screen in characters; 100 where there is none. */
  readonly columns: number;
  /** A line for people: standard output, or standard error when that is for JSON. */
  say(line?: string): void;
  /** Raw text to where `say` writes. */
  draw(text: string): void;
  /** A line on standard error. */
  warn(line: string): void;
  /** The one JSON document of the command. */
  print(document: unknown): void;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
}

/** The process's own terminal. Colours and live lines only on a screen, without NO_COLOR, CI or TERM=dumb. */
export function openTerminal(isJson: boolean, env: NodeJS.ProcessEnv): Terminal {
  const stream = isJson ? process.stderr : process.stdout;
  const isScreen = stream.isTTY === true && env.TERM !== 'dumb';
  const hasColor = isScreen && (env.NO_COLOR ?? '') === '';
  const paint = (code: string, text: string): string =>
    hasColor ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    isJson,
    isLive: isScreen && env.CI === undefined,
    columns: (isScreen && stream.columns) || 100,
    say: (line = '') => void stream.write(toVisible(`${line}\n`)),
    draw: (text) => void stream.write(toVisible(text)),
    warn: (line) => void process.stderr.write(toVisible(`${line}\n`)),
    print: (document) =>
      void process.stdout.write(toVisible(`${JSON.stringify(document, null, 2)}\n`)),
    bold: (text) => paint('1', text),
    dim: (text) => paint('2', text),
    red: (text) => paint('31', text),
  };
}

/** Text of agents and records on one line, without what a terminal would obey: control characters become spaces. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** The beginning of a text, with a sign where it is cut; at most so many characters. */
export function shortened(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters - 1)}…` : text;
}

/** A text in lines of at most so many characters, broken at its blanks; a longer word stays whole. */
export function wrapped(text: string, characters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= characters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows of text as aligned columns; those in `right` are numbers. The first row is the head. */
export function table(
  cells: readonly (readonly string[])[],
  right: readonly number[] = [],
): readonly string[] {
  const rows = cells.map((row) => row.map(oneLine));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
