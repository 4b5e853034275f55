import type { z } from 'zod';
import { toVisibleData } from '../../base/text.ts';
import { toJsonSchema } from '../../ports/models/json-schema.ts';
import type { AnyAgent } from '../../sdk/agent.ts';

/** What a task gives to its agent. */
export interface Given {
  /** The task in words. */
  readonly text?: string | undefined;
  /** The agent's input as it takes it; with `text` what is beside that. @default {} */
  readonly input?: unknown;
}

/** The input of an agent, or why what was given is none. */
export type TaskInput =
  | { readonly kind: 'input'; readonly input: unknown }
  | { readonly kind: 'fault'; readonly fault: string };

/** The names under which an agent takes a task in words. */
const members = ['task', 'text', 'question'] as const;

/** What an agent gets of what was given: the words as its one free text, the rest as it is. */
export function taskInput(agent: AnyAgent, { text, input = {} }: Given): TaskInput {
  const member = text === undefined ? null : textMember(agent);
  if (text !== undefined && member === null)
    return fault(`takes no task in words: of ${members.join(', ')} it must take exactly one`);
  if (member !== null && !isRecord(input)) return fault('takes no such input beside the words');
  const own = member === null ? input : { ...(input as object), [member]: text };
  const visible = toVisibleData(own);
  const parsed = agent.input.safeParse(visible);
  if (parsed.success) return { kind: 'input', input: visible };
  const [issue] = parsed.error.issues;
  return fault(`does not take this: ${issue?.path.join('.') || 'input'}: ${issue?.message}`);
}

/**
 * Where an agent takes a task in words: the one of `task`, `text` and `question` that is free text in its input. Null where none is, or
 * more than one: then nobody knows which is meant.
 */
function textMember(agent: AnyAgent): string | null {
  const { properties = {} } = schemaOf(agent.input) as { readonly properties?: object };
  const free = members.filter((member) =>
    isFreeText((properties as Readonly<Record<string, object>>)[member]),
  );
  return free.length === 1 ? (free[0] ?? null) : null;
}

function isFreeText(schema: object | undefined): boolean {
  if (!schema || !('type' in schema) || schema.type !== 'string') return false;
  return !['enum', 'const', 'pattern', 'format'].some((keyword) => keyword in schema);
}

/** Nothing where the input is none that JSON has. */
function schemaOf(input: z.ZodType): object {
  try {
    return toJsonSchema(input, 'input');
  } catch {
    return {};
  }
}

function isRecord(value: unknown): boolean {
  return value instanceof Object && !Array.isArray(value);
}

function fault(text: string): TaskInput {
  return { kind: 'fault', fault: text };
}
