import type { JsonSchemaType, JsonSchemaValidator } from '@modelcontextprotocol/client';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv';

/** Larger schemas, in characters of JSON, are left to the server. */
const largestSchema = 20_000;
// A stranger's regular expression can take for ever on a text that fits it badly; references can lead anywhere.
const costly =
  /"(pattern|patternProperties|format|\$ref|\$dynamicRef|\$id|\$schema|propertyNames)":/;

/** Makes what checks values by a stranger's schema: null where that could cost much, or the schema is none. */
export function cheapValidator(schema: JsonSchemaType): JsonSchemaValidator<unknown> | null {
  // Which draft it is written in changes nothing of what is checked here.
  const { $schema: _, ...plain } = schema as Readonly<Record<string, unknown>>;
  const text = JSON.stringify(plain);
  if (text.length > largestSchema || costly.test(text)) return null;
  try {
    return new AjvJsonSchemaValidator().getValidator(plain as JsonSchemaType);
  } catch {
    return null;
  }
}
