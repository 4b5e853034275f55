import { z } from 'zod';
import { toVisible } from '../../core/base/text.ts';
import { toJsonSchema } from '../../core/ports/models/json-schema.ts';
import type { ModelRequest } from '../../core/ports/models/model.ts';

/** What an answer must be, and how it is read. */
export interface AnswerForm<T> {
  readonly output: ModelRequest['output'];
  read(text: string): { readonly value: T } | { readonly why: string };
}

/** The form of an answer by the asker's own schema. @throws MODULE_INVALID for a schema that JSON cannot say */
export function formOf<T>(schema: z.ZodType<T>): AnswerForm<T> {
  return {
    output: { name: 'answer', schema: toJsonSchema(schema, 'input') },
    read(text) {
      const json = parse(text);
      if (json === undefined) return { why: 'it is no JSON' };
      const parsed = schema.safeParse(json);
      return parsed.success ? { value: parsed.data } : { why: z.prettifyError(parsed.error) };
    },
  };
}

/** Text as it comes. */
export const freeForm: AnswerForm<string> = {
  output: { name: 'answer', schema: { type: 'string' } },
  read: (text) => ({ value: text }),
};

const wrapped = z.object({ answer: z.string() });

/** Text where a provider enforces a form: the one member of it; what does not have it is the answer as it is. */
export const wrappedForm: AnswerForm<string> = {
  output: { name: 'answer', schema: toJsonSchema(wrapped, 'input') },
  read(text) {
    const parsed = wrapped.safeParse(parse(text));
    return { value: parsed.success ? parsed.data.answer : text };
  },
};

/** Models like to put JSON into a fence. Undefined: it is none. */
function parse(text: string): unknown {
  const [, fenced] = /^\s*```(?:json)?\s*\n([\s\S]*?)\n```\s*$/.exec(text) ?? [];
  try {
    return JSON.parse(toVisible(fenced ?? text)) as unknown;
  } catch {
    return undefined;
  }
}
