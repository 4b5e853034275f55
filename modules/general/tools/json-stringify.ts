import { defineTool, EngineError, z } from 'tutti';

const maxDepth = 256;

/** Data as a JSON text. */
export const jsonStringify = defineTool({
  name: 'general.json_stringify',
  description:
    'Writes data as a JSON text, indented on request; canonical gives equal data the same text (RFC 8785: names sorted, no blanks).',
  category: 'data_processing',
  access: 'public',
  effect: 'read',
  parameters: z
    .object({
      value: z.unknown(),
      indent: z.int().min(0).max(8).default(0),
      canonical: z.boolean().default(false),
    })
    .refine(({ indent, canonical }) => !canonical || indent === 0, {
      path: ['indent'],
      message: 'must be 0 for canonical text, which has no blanks',
    }),
  result: z.object({ text: z.string(), bytes: z.int() }),
}).handler(async ({ value, indent, canonical }) => {
  check(value, { depth: 0, canonical });
  const text = canonical ? canonicalText(value) : JSON.stringify(value, null, indent);
  return { text, bytes: Buffer.byteLength(text) };
});

/** @throws INPUT_INVALID for what JSON cannot hold */
function check(
  value: unknown,
  { depth, canonical }: { readonly depth: number; readonly canonical: boolean },
): void {
  if (depth > maxDepth) throw unfit(`it goes deeper than ${maxDepth} levels, or holds itself`);
  if (typeof value === 'object' && value !== null) {
    const texts = Array.isArray(value) ? [] : Object.keys(value);
    for (const inner of [...texts, ...Object.values(value)])
      check(inner, { depth: depth + 1, canonical });
    return;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw unfit(`it holds ${value}`);
  if (canonical && typeof value === 'string' && !value.isWellFormed())
    throw unfit('a text in it is no well-formed Unicode');
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return;
  throw unfit(`it holds a value of type ${typeof value}`);
}

/**
 * Names in the order of their UTF-16 code units, also those that are numbers, which an object would put first (RFC 8785, section
 * 3.2.3); numbers and texts as `JSON.stringify` writes them (section 3.2.2).
 */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalText((value as Data)[name])}`);
  return `{${pairs.join(',')}}`;
}

type Data = Readonly<Record<string, unknown>>;

function unfit(why: string): EngineError {
  return new EngineError('INPUT_INVALID', `The value cannot be written as JSON: ${why}.`);
}
