import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a zod schema for a model to read: `input` for what it writes and zod then reads (parameters of a tool,
 * the final answer), `output` for what zod has read.
 * @throws MODULE_INVALID for what JSON cannot hold, such as a date object or an opaque `Text`
 */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  try {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io,
      override: ({ jsonSchema }) => simplify(jsonSchema),
    });
    return rest;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(
      'MODULE_INVALID',
      `A model cannot be given this schema: ${why} Use types that JSON has.`,
    );
  }
}

// Zod writes the regular expression behind each format and the bounds of a safe integer: tokens without news. `entity` is
// our own mark of an id, which its description tells in words.
function simplify(node: { [key: string]: unknown }): void {
  delete node.entity;
  if (node.format !== undefined) delete node.pattern;
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
}

/** What a provider's constrained decoding understands beyond the common core. */
export interface SchemaDialect {
  /** Constraint keywords it accepts; all others move into the description, where the model still reads them. */
  readonly keywords: ReadonlySet<string>;
  readonly formats: ReadonlySet<string>;
  /** Whether every property must be required. */
  readonly requiresAll: boolean;
}

const formats = [
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uuid',
];

/** OpenAI's strict mode: https://developers.openai.com/api/docs/guides/structured-outputs (2026-11). */
export const openaiDialect: SchemaDialect = {
  keywords: new Set(
    'pattern multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems'.split(
      ' ',
    ),
  ),
  formats: new Set(formats),
  requiresAll: true,
};

/** Anthropic's: https://platform.claude.com/docs/en/build-with-claude/structured-outputs (2026-11). */
export const anthropicDialect: SchemaDialect = {
  keywords: new Set(),
  formats: new Set([...formats, 'uri']),
  requiresAll: false,
};

const core = new Set(
  'type properties required additionalProperties items anyOf oneOf enum const description'.split(
    ' ',
  ),
);
const annotations = new Set('$schema $id title default examples readOnly writeOnly'.split(' '));
const constraints = new Set(
  'pattern format multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems minLength maxLength uniqueItems'.split(
    ' ',
  ),
);

/**
 * The schema in the form that a provider can enforce, or undefined when it has parts that cannot be: optional properties
 * (where all must be required), records, tuples, intersections, references, unknown values, in the words of zod or of whoever
 * else has written it. The form never admits less than it says in words; our own zod check follows anyway.
 */
export function toStrictSchema(schema: JsonSchema, dialect: SchemaDialect): JsonSchema | undefined {
  // Tools without parameters may say no more than that these are an object.
  const { properties = {} } = schema;
  return schema.type === 'object' ? strictNode({ ...schema, properties }, dialect) : undefined;
}

function strictNode(node: unknown, dialect: SchemaDialect): JsonSchema | undefined {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return undefined;
  const entries = Object.entries(node).filter(([key]) => !annotations.has(key));
  if (entries.some(([key]) => !core.has(key) && !constraints.has(key))) return undefined;
  const schema: JsonSchema = Object.fromEntries(entries);
  const structure = strictStructure(schema, dialect);
  if (structure === undefined) return undefined;
  const kept = entries.filter(([key, value]) => isEnforced(key, value, dialect));
  const told = entries.filter(
    ([key, value]) => constraints.has(key) && !isEnforced(key, value, dialect),
  );
  const words = told.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(', ');
  const description = [schema.description, words].filter(Boolean).join('; ');
  return { ...structure, ...Object.fromEntries(kept), ...(description !== '' && { description }) };
}

function isEnforced(key: string, value: unknown, dialect: SchemaDialect): boolean {
  if (key === 'format') return dialect.formats.has(String(value));
  // Lookaround and the like are outside every provider's regular expressions.
  if (key === 'pattern' && String(value).includes('(?')) return false;
  return dialect.keywords.has(key);
}

function strictStructure(schema: JsonSchema, dialect: SchemaDialect): JsonSchema | undefined {
  const branches = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(branches)) {
    // What stands beside alternatives holds together with each of them.
    if (schema.properties !== undefined || schema.items !== undefined) return undefined;
    const anyOf = branches.map((branch) => strictNode(branch, dialect));
    return anyOf.includes(undefined) ? undefined : { anyOf };
  }
  if (schema.type === 'object') return strictObject(schema, dialect);
  if (schema.type === 'array') {
    const items = strictNode(schema.items, dialect);
    return items && { type: 'array', items };
  }
  const { type, enum: values, const: value } = schema;
  // Of several types at once, one of them with parts of its own.
  if (Array.isArray(type) && ['object', 'array'].some((each) => type.includes(each))) {
    return undefined;
  }
  if (type === undefined && values === undefined && value === undefined) return undefined;
  return {
    ...(type !== undefined && { type }),
    ...(values !== undefined && { enum: values }),
    ...(value !== undefined && { const: value }),
  };
}

function strictObject(schema: JsonSchema, dialect: SchemaDialect): JsonSchema | undefined {
  // Without a word of its members it is one of any.
  const { additionalProperties = schema.properties === undefined } = schema;
  if (additionalProperties !== false) return undefined;
  const properties = Object.entries((schema.properties ?? {}) as JsonSchema).map(
    ([name, property]) => [name, strictNode(property, dialect)] as const,
  );
  if (properties.some(([, property]) => property === undefined)) return undefined;
  const required = Array.isArray(schema.required) ? schema.required : [];
  if (dialect.requiresAll && properties.some(([name]) => !required.includes(name)))
    return undefined;
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required,
    additionalProperties: false,
  };
}

/** Asks for the final answer in words, where a provider cannot enforce its schema. */
export function describeOutput(schema: JsonSchema): string {
  return `Your final answer is one JSON object and nothing else. It fits this JSON Schema:\n${JSON.stringify(schema)}`;
}
