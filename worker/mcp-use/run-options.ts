import type { z } from 'zod';
import type { HistoryMessage } from './history.ts';

/** One question to an agent. */
export interface RunOptions<T = string> {
  readonly prompt: string;
  /** @default the agent's */
  readonly maxSteps?: number;
  /** Opens the sessions, and closes them when the first question fails. @default true */
  readonly manageConnector?: boolean;
  /** In place of the agent's own history. */
  readonly externalHistory?: readonly HistoryMessage[];
  /** The form of the answer. @default text */
  readonly schema?: z.ZodType<T>;
  readonly signal?: AbortSignal;
}

/** The same, one after another. */
export type RunRest<T> = [
  maxSteps?: number | undefined,
  manageConnector?: boolean | undefined,
  externalHistory?: readonly HistoryMessage[] | undefined,
  outputSchema?: z.ZodType<T> | undefined,
  signal?: AbortSignal | undefined,
];

/** Brings both ways of asking to one. */
export function toRunOptions<T>(asked: string | RunOptions<T>, rest: RunRest<T>): RunOptions<T> {
  if (typeof asked !== 'string') return asked;
  const [maxSteps, manageConnector, externalHistory, schema, signal] = rest;
  return {
    prompt: asked,
    ...(maxSteps !== undefined && { maxSteps }),
    ...(manageConnector !== undefined && { manageConnector }),
    ...(externalHistory && { externalHistory }),
    ...(schema && { schema }),
    ...(signal && { signal }),
  };
}
