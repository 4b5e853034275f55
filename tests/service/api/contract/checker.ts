import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv';
import type {
  AnswerObject,
  JsonSchema,
  OpenApi,
  Operation,
} from '../../../../core/service/api/openapi/open-api.ts';

const problemType = 'application/problem+json';

/**
 * Says where an answer is not what a document says. Answers may get new members, so the document rules none out; here every object that
 * names its members is closed, so that one which nobody has documented is found.
 */
export class Checker {
  readonly #document: OpenApi;
  readonly #schemas: Readonly<Record<string, JsonSchema>>;
  readonly #validator = new AjvJsonSchemaValidator();

  constructor(document: OpenApi) {
    this.#document = document;
    this.#schemas = closed(document.components.schemas);
  }

  /** The faults of an answer whose body has been read; none is as it must be. */
  faults(operation: Operation, { status, headers }: Response, text: string): readonly string[] {
    const documented = operation.responses[status];
    if (!documented) return [`answers ${status}, which is not documented: ${text}`];
    const answer = this.#resolved(documented);
    // A change may leave nothing that could have a tag.
    const mayLack = (name: string): boolean =>
      name === 'ETag' && operation.parameters?.some((each) => each.name === 'If-Match') === true;
    const missing = Object.keys(answer.headers ?? {}).filter(
      (name) => !headers.has(name) && !mayLack(name),
    );
    const lacking = missing.map((name) => `lacks the header ${name}`);
    const [[type, body] = []] = Object.entries(answer.content ?? {});
    // A redirection may have a body for people.
    if (type === undefined || body === undefined)
      return text === '' || status >= 300 ? lacking : [...lacking, `has a body: ${text}`];
    const sent = headers.get('content-type')?.split(';')[0];
    if (sent !== type) return [...lacking, `is ${sent}, not ${type}`];
    if (type !== 'application/json' && type !== problemType) return lacking;
    const schema = type === problemType ? known(body.schema) : body.schema;
    return [...lacking, ...this.#invalid(schema, JSON.parse(text))];
  }

  #resolved(answer: Operation['responses'][string]): AnswerObject {
    if (!('$ref' in answer)) return answer;
    return this.#document.components.responses[nameIn(answer.$ref)] as AnswerObject;
  }

  #invalid(schema: JsonSchema, value: unknown): readonly string[] {
    const whole = { ...local(closed(schema)), $defs: local(this.#schemas) };
    const result = this.#validator.getValidator(whole)(value);
    return result.valid ? [] : [result.errorMessage];
  }
}

function nameIn(pointer: string): string {
  return pointer.split('/').at(-1) as string;
}

/** A problem: all members of one, and one of the codes that are named. */
function known(schema: JsonSchema): JsonSchema {
  const { allOf = [schema] } = schema as { readonly allOf?: readonly JsonSchema[] };
  const [problem, named] = allOf as [JsonSchema, JsonSchema?];
  return { allOf: [problem, { ...named, additionalProperties: true }] };
}

/** Closes objects that name their members and say nothing of others. */
function closed<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema), (_, value: unknown) => {
    const isOpen =
      isSchema(value) && value.properties !== undefined && value.additionalProperties === undefined;
    return isOpen ? { ...value, additionalProperties: false } : value;
  }) as T;
}

function isSchema(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && 'type' in value && value.type === 'object';
}

/** The validator knows components as definitions. */
function local<T>(schema: T): T {
  const text = JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/');
  return JSON.parse(text) as T;
}
