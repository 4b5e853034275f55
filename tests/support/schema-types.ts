import type { JsonSchema, OpenApi } from '../../core/service/api/openapi/open-api.ts';
import type { KnownSchema } from '../../core/service/api/openapi/type-text.ts';

/** The nouns of a document as declarations of TypeScript. */
export function declarationsOf({ components }: OpenApi): string {
  return Object.entries(components.schemas)
    .map(([name, schema]) => `type ${name} = ${typeText(schema)};`)
    .join('\n');
}

/** A schema as a type of TypeScript; nouns go by their names. */
export function typeText(schema: JsonSchema): string {
  const known = schema as KnownSchema;
  const { $ref, anyOf, oneOf, allOf, type } = known;
  if ($ref !== undefined) return $ref.split('/').at(-1) as string;
  if (known.enum) return known.enum.map((each) => JSON.stringify(each)).join(' | ');
  if (known.const !== undefined) return JSON.stringify(known.const);
  const some = anyOf ?? oneOf;
  if (some) return some.map((each) => `(${typeText(each)})`).join(' | ');
  if (allOf) return allOf.map((each) => `(${typeText(each)})`).join(' & ');
  if (type === undefined) return 'unknown';
  return [type]
    .flat()
    .map((each) => oneText(each, known))
    .join(' | ');
}

function oneText(
  type: string,
  { items, properties, required = [], ...known }: KnownSchema,
): string {
  if (type === 'integer') return 'number';
  if (type === 'array') return `readonly (${typeText(items ?? {})})[]`;
  if (type !== 'object') return type;
  const { additionalProperties: others } = known;
  if (!properties)
    return `{ readonly [name: string]: ${typeof others === 'object' ? typeText(others) : 'unknown'} }`;
  const members = Object.entries(properties).map(([name, each]) => {
    const mark = required.includes(name) ? '' : '?';
    return `readonly ${JSON.stringify(name)}${mark}: ${typeText(each)};`;
  });
  return `{ ${members.join(' ')} }`;
}
