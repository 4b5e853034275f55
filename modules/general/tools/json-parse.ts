import { defineTool, EngineError, z } from 'tutti';
import { jsonFault } from '../json-fault.ts';

/** The data that a JSON text stands for. */
export const jsonParse = defineTool({
  name: 'general.json_parse',
  description:
    'Reads a JSON text as data. What is no JSON is refused with line and column. Of equal names in one object the last counts.',
  category: 'data_processing',
  access: 'public',
  effect: 'read',
  parameters: z.object({
    text: z.string().max(1_000_000),
    maxDepth: z.int().min(1).max(256).default(64).describe('levels of lists and objects'),
    numbers: z
      .enum(['number', 'text'])
      .default('number')
      .describe("'text' keeps each number as it is written, for amounts that must stay exact"),
  }),
  result: z.object({ value: z.unknown() }),
}).handler(async ({ text, maxDepth, numbers }) => {
  const fault = jsonFault(text, maxDepth);
  if (fault)
    throw new EngineError(
      'INPUT_INVALID',
      `The text is no JSON that can be read: line ${fault.line}, column ${fault.column}: ${fault.message}.`,
    );
  return { value: JSON.parse(text, numbers === 'text' ? asWritten : undefined) };
});

/** JSON.parse source text access: https://tc39.es/proposal-json-parse-with-source */
function asWritten(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value;
}
