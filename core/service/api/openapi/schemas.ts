import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { JsonSchema } from './open-api.ts';

/** What zod writes, while it is being tidied. */
type Draft = Record<string, unknown>;

/** Whether a schema describes what callers send or what they get. */
type Way = 'input' | 'output';

const local = '#/$defs/';

/** Turns zod's schemas into JSON Schema; those with a `meta` id become components, each once. */
export class Schemas {
  readonly #components = new Map<string, JsonSchema>();

  /** Every component so far, by its name. */
  get components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** @throws INTERNAL where two nouns have the same name */
  of(schema: z.ZodType, way: Way): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...json
    } = z.toJSONSchema(schema, {
      io: way,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => tidy(jsonSchema as Draft, way),
    }) as Draft;
    const defined = Object.entries($defs as Readonly<Record<string, JsonSchema>>);
    const names = new Map(defined.map(([name, each]) => [name, this.#nameOf(name, each, way)]));
    for (const [name, each] of defined)
      this.#components.set(names.get(name) as string, pointing(each, names));
    return pointing(json, names);
  }

  /** A noun that callers send otherwise than they get it has two components. */
  #nameOf(name: string, schema: JsonSchema, way: Way): string {
    const usual = name.replace(/^_+/, '');
    const other = `${usual}${way === 'input' ? 'Input' : 'Output'}`;
    for (const each of [usual, other]) {
      const known = this.#components.get(each);
      if (!known || isDeepStrictEqual(known, pointing(schema, new Map()))) return each;
    }
    throw new EngineError('INTERNAL', `Two schemas have the id '${name}'; rename one of them.`);
  }
}

/** Leaves out what says nothing to a reader or says it twice; members may be added to answers, so none is ruled out there. */
function tidy(schema: Draft, way: Way): void {
  if (schema.format !== undefined) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (isDeepStrictEqual(schema.propertyNames, { type: 'string' })) delete schema.propertyNames;
  if (way === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
}

function pointing(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (key !== '$ref' || typeof value !== 'string' || !value.startsWith(local)) return value;
    const name = value.slice(local.length);
    return `#/components/schemas/${names.get(name) ?? name}`;
  }) as JsonSchema;
}
