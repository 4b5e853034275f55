import type { z } from 'zod';
import type { AnyAgent } from './agent.ts';

// What an extractor may hand in as text: ids, codes, dates, decimals. No word of these tells a reader anything to do.
const codePattern = /^[A-Za-z0-9._:/+-]{1,64}$/;
// Four words in a row are a sentence, whatever stands between them.
const sentencePattern = /(?:[A-Za-z]{3,}[^A-Za-z0-9]+){3}[A-Za-z]{3}/;
/** Texts that no closed type takes: a pattern that lets one of them pass lets sentences pass. */
const probes = [
  'pay now',
  'Pay V-1 now!',
  'a b',
  '支払 す',
  'x\ny',
  ' ',
  'a'.repeat(65),
  'A1'.repeat(40),
];
/** String formats of zod whose values are codes. Addresses of mail and web pages are not: they are where data is carried off to. */
const closedFormats = ['date', 'datetime', 'time', 'duration', 'uuid', 'guid', 'regex'];

/**
 * Why an agent is no extractor, or null. An extractor reads what may come from outside and has nothing to act with: no tools, no
 * findings, and an output of closed types only, so that nothing but figures, dates and codes leaves it. They stay `external`:
 * typed is not trusted.
 */
export function extractorFault({ tools, delegates, findings, output }: AnyAgent): string | null {
  if (Object.keys(tools).length > 0) return "'tools' must be empty: it reads and hands in, no more";
  if (delegates) return "'delegates' must be left out: it reads and hands in, no more";
  if (findings) return "'findings' must be left out: their sentences are free text";
  const open = openIn(output as z.ZodType, 'output');
  return (
    open &&
    `'${open}' lets free text pass: use an enum, an Id, a number, Money, a date, a flag, or a string with a pattern of at most 64 characters without spaces`
  );
}

/** The texts of an extractor's output that are no codes, by their paths: ids are checked here, for their type takes any text. */
export function freeTextIn(value: unknown, path = 'output'): string | null {
  if (typeof value === 'string') return isCode(value) ? null : path;
  if (value === null || typeof value !== 'object') return null;
  for (const [name, member] of Object.entries(value)) {
    const found = freeTextIn(member, `${path}.${name}`);
    if (found !== null) return found;
  }
  return null;
}

type Def = z.core.$ZodTypeDef & {
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly items?: readonly z.ZodType[];
  readonly rest?: z.ZodType | null;
  readonly options?: readonly z.ZodType[];
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, unknown>>;
};

/** The path of the first type that is not closed, or null. What is not known to be closed is open. */
function openIn(schema: z.ZodType, path: string): string | null {
  const def = schema._zod.def as Def;
  switch (def.type) {
    case 'boolean':
    case 'number':
    case 'int':
    case 'null':
      return null;
    case 'enum':
    case 'literal':
      return (def.values ?? Object.values(def.entries ?? {})).every(isCode) ? null : path;
    case 'string':
      return isClosedString(schema) ? null : path;
    case 'array':
      return openIn(def.element as z.ZodType, `${path}[]`);
    case 'tuple':
      return def.rest
        ? path
        : firstOpen((def.items ?? []).map((each, at) => [`${path}[${at}]`, each]));
    case 'union':
      return firstOpen((def.options ?? []).map((each) => [path, each]));
    case 'object':
      return openObject(def, path);
    case 'optional':
    case 'nullable':
    case 'readonly':
    case 'nonoptional':
      return openIn(def.innerType as z.ZodType, path);
    default:
      return path;
  }
}

function openObject({ shape = {}, catchall }: Def, path: string): string | null {
  if (catchall && catchall._zod.def.type !== 'never') return path;
  return firstOpen(Object.entries(shape).map(([name, each]) => [`${path}.${name}`, each]));
}

function firstOpen(members: readonly (readonly [string, z.ZodType])[]): string | null {
  for (const [path, schema] of members) {
    const open = openIn(schema, path);
    if (open !== null) return open;
  }
  return null;
}

function isCode(value: unknown): boolean {
  return typeof value !== 'string' || (codePattern.test(value) && !sentencePattern.test(value));
}

function isClosedString(schema: z.ZodType): boolean {
  // An id takes any text of 200 characters; what an extractor hands in as one is looked at by freeTextIn.
  if (schema.meta()?.entity !== undefined) return true;
  const def = schema._zod.def as Def & {
    readonly format?: string;
    readonly checks?: readonly z.core.$ZodCheck[];
  };
  const formats = [
    def.format,
    ...(def.checks ?? []).map(({ _zod }) => (_zod.def as { readonly format?: string }).format),
  ];
  const isFormed = formats.some((format) => format !== undefined && closedFormats.includes(format));
  return isFormed && !probes.some((probe) => schema.safeParse(probe).success);
}
