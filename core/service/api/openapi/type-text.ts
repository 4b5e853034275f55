import { type Html, html } from '../../batch/report/html.ts';
import type { JsonSchema } from './open-api.ts';

/** A member of an object, and those within it: `tokens.input`, `items[].id`. */
export interface Field {
  readonly path: string;
  readonly isRequired: boolean;
  readonly schema: JsonSchema;
}

const deepest = 3;

/** The members of an object that is no component, down to a few levels. */
export function fields(schema: JsonSchema, before = '', depth = 0): readonly Field[] {
  const { properties, required = [] } = schema as KnownSchema;
  if (!properties || depth > deepest) return [];
  return Object.entries(properties).flatMap(([name, each]) => {
    const path = `${before}${name}`;
    const { items } = each as KnownSchema;
    const own = { path, isRequired: required.includes(name), schema: each };
    const within = items
      ? fields(items, `${path}[].`, depth + 1)
      : fields(each, `${path}.`, depth + 1);
    return [own, ...within];
  });
}

/** What a schema takes, in a few words; components are linked. */
export function typeOf(schema: JsonSchema): Html {
  return html`<span class="type">${words(schema)}</span>`;
}

/** Text with `code` in it. */
export function said(text: string): readonly Html[] {
  return text
    .split('`')
    .map((each, index) => (index % 2 === 1 ? html`<code>${each}</code>` : html`${each}`));
}

/** JSON Schema as far as our documents use it. */
export interface KnownSchema {
  readonly $ref?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly type?: string | readonly string[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly format?: string;
  readonly additionalProperties?: JsonSchema | boolean;
}

function words(schema: JsonSchema): Html {
  const known = schema as KnownSchema;
  const { $ref, type, items, anyOf, oneOf, allOf, format, additionalProperties } = known;
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) as string;
    return html`<a href="#noun-${name}">${name}</a>`;
  }
  if (known.enum) return html`${known.enum.map((each) => JSON.stringify(each)).join(' | ')}`;
  if (known.const !== undefined) return html`${JSON.stringify(known.const)}`;
  const some = anyOf ?? oneOf;
  if (some) return joined(some.map(words), ' | ');
  if (allOf) return joined(allOf.map(words), ' & ');
  if (type === 'array') return html`${words(items ?? {})}[]`;
  if (type === 'object' && typeof additionalProperties === 'object')
    return html`{ [name]: ${words(additionalProperties)} }`;
  const name = typeof type === 'string' ? type : (type ?? ['any']).join(' | ');
  return html`${format === undefined ? name : `${name} (${format})`}${bounds(schema)}`;
}

function joined(parts: readonly Html[], sign: string): Html {
  return html`${parts.map((part, index) => html`${index > 0 && sign}${part}`)}`;
}

function bounds({ minimum, maximum, minLength, maxLength, default: usual }: JsonSchema): string {
  const span = (from: unknown, to: unknown, unit: string): string => {
    if (from === undefined && to === undefined) return '';
    return `, ${from ?? ''}…${to ?? ''}${unit}`;
  };
  const taken = usual === undefined ? '' : `, usually ${JSON.stringify(usual)}`;
  return `${span(minimum, maximum, '')}${span(minLength, maxLength, ' characters')}${taken}`;
}
