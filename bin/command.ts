import { toErrorData } from '../core/base/errors.ts';
import type { Config } from '../core/ports/config.ts';
import type { Arguments } from './arguments.ts';
import type { Interrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** A command's call: what it was given, where it speaks, and how it is told to end. */
export interface Call {
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly interrupt: Interrupt;
  readonly env: NodeJS.ProcessEnv;
}

/** One command of the CLI; resolves with the exit code. How it is called stands in `usages/`. */
export type Command = (call: Call) => Promise<number>;

/** What running steps get to end in when a command ends, ms, so that little is done twice. @default 20 s */
export function drainMsOf({ limits }: Pick<Config, 'limits'>): number {
  return limits?.drainMs ?? 20_000;
}

/** 0 done · 1 failed · 2 called wrongly · 3 done in part. */
export const exit = { done: 0, failed: 1, usage: 2, partial: 3 } as const;

/** The exit code that a run's status stands for. */
export function exitCodeOf(status: string): number {
  if (status === 'succeeded') return exit.done;
  return status === 'partial' ? exit.partial : exit.failed;
}

/** Zone of the sample company's books. */
export const bookZone = 'Europe/Berlin';

/** The size of the sample company that a call asks for. @throws INPUT_INVALID */
export function scaleOf(args: Arguments): number {
  return args.integer('scale', { from: 1, to: 20 }) ?? 1;
}

/** The same, or undefined where nobody asks for a size: then whoever ran last is meant. @throws INPUT_INVALID */
export function askedScale(args: Arguments): number | undefined {
  return args.text('scale') === undefined ? undefined : scaleOf(args);
}

/** How many days back a call of `flags.days` asks for, or undefined: it does not say. @throws INPUT_INVALID */
export function askedDays(args: Arguments): number | undefined {
  return args.integer('days', { from: 1, to: 365 });
}

/** Ends work that an interrupt broke off with the signal's exit code, and without an error. */
export async function unlessInterrupted(
  { interrupt, terminal }: Pick<Call, 'interrupt' | 'terminal'>,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!interrupt.signal.aborted || toErrorData(error).code !== 'CANCELLED') throw error;
    terminal.say('Interrupted.');
    return interrupt.exitCode() ?? exit.failed;
  }
}

/** Whose list a command shows: a run's, or that of the sample company of a scale. */
export interface Asked {
  readonly runId?: string | undefined;
  readonly scale?: number | undefined;
}

/** Whose list a command is asked for, by the flags `run` and `scale`; wrong ones are refused before anything is opened. */
export function askedList(call: Call): Asked {
  const runId = call.args.text('run');
  return { runId, scale: askedScale(call.args) };
}
