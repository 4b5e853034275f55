import type { ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { issues } from '../../guard/invoke.ts';
import { type JsonSchema, toJsonSchema } from '../../ports/models/json-schema.ts';
import type { Caller, Scope } from './caller.ts';

/** How far a call has come, for whoever waits for it. */
export interface Told {
  readonly progress: number;
  readonly total?: number;
  readonly message: string;
}

/** One call of an offer. */
export interface Calling {
  readonly caller: Caller;
  /** Aborted when the request is cancelled, or whoever asked has gone. */
  readonly signal: AbortSignal;
  /** Tells whoever asked how far it is; nothing where they did not want to know. */
  readonly tell: (told: Told) => Promise<void>;
}

/** A tool that other systems are offered. */
export interface Offer {
  /** Lower snake case. */
  readonly name: string;
  readonly description: string;
  /** What its callers must be allowed. */
  readonly scope: Scope;
  readonly annotations: ToolAnnotations;
  readonly input: JsonSchema;
  /** @throws what its caller can answer: INPUT_INVALID, RUN_UNKNOWN and the like */
  call(args: unknown, calling: Calling): Promise<Readonly<Record<string, unknown>>>;
}

/** What looks and changes nothing. */
export const looks: ToolAnnotations = Object.freeze({ readOnlyHint: true, openWorldHint: false });

/** Makes an offer whose arguments are a zod object's. */
export function offer<S extends z.ZodObject>(
  declared: Omit<Offer, 'input' | 'call'> & {
    readonly input: S;
    call(args: z.output<S>, calling: Calling): Promise<object>;
  },
): Offer {
  const { input, call } = declared;
  let schema: JsonSchema | null = null;
  return {
    ...declared,
    // Most that serve are never asked for their tools.
    get input() {
      schema ??= toJsonSchema(input, 'input');
      return schema;
    },
    call: async (args, calling) => ({ ...(await call(readArguments(input, args), calling)) }),
  };
}

/** @throws INPUT_INVALID */
export function readArguments<S extends z.ZodType>(schema: S, args: unknown): z.output<S> {
  const parsed = schema.safeParse(args ?? {});
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'INPUT_INVALID',
    `The arguments are not as they must be: ${issues(parsed.error)}.`,
  );
}

/** Arguments of a list: `cursor` is the `next` of the page before. */
export const page = {
  cursor: z.string().max(100).optional().describe('`next` of the page before'),
  limit: z.int().min(1).max(200).default(50),
};

/** Id of a run, as an argument. */
export const runId: z.ZodString = z.string().min(1).max(64).describe('Id of a run');
