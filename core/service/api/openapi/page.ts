import { type Html, html, Html as Markup } from '../../batch/report/html.ts';
import { iconLink } from '../../batch/report/icon.ts';
import type { AnswerObject, JsonSchema, OpenApi, Operation, Reference } from './open-api.ts';
import { referenceStyle } from './style.ts';
import { fields, said, typeOf } from './type-text.ts';

/** The reference of an API as one page that needs nothing else: no script runs, nothing is fetched. */
export function referencePage(document: OpenApi): string {
  const { info, tags, components } = document;
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const nouns = Object.entries(components.schemas);
  const hooks = Object.entries(document.webhooks);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>${info.title}: API reference</title>
${iconLink}<style>${new Markup(referenceStyle)}</style></head>
<body><div class="page">
<p class="eyebrow">API reference, version ${info.version}</p>
<h1>${info.title}</h1>
<p class="lead">${said(info.description)}</p>
<p class="soft">For programs: <a href="/v1/openapi.json">openapi.json</a></p>
<div class="layout">
<nav aria-label="Contents">${tags.map(({ name }) => html`<a href="#${name}">${titleOf(name)}</a>`)}${hooks.length > 0 && html`<a href="#told">Outbound webhooks</a>`}<a href="#nouns">Nouns</a></nav>
<main>
${tags.map(
  ({
    name,
    description,
  }) => html`<section id="${name}"><h2>${titleOf(name)}</h2><p class="soft">${description}</p>
${calls.filter(({ operation }) => operation.tags.includes(name)).map(callOf(components.responses))}</section>`,
)}
${
  hooks.length > 0 &&
  html`<section id="told"><h2>Outbound webhooks</h2><p class="soft">What endpoints are told of.</p>
${hooks.map(([path, { post }]) => callOf(components.responses)({ path, method: 'post', operation: post }))}</section>`
}
<section id="nouns"><h2>Nouns</h2><p class="soft">What bodies and answers are made of.</p>
${nouns.map(nounOf)}</section>
</main></div>
<footer>Members that are marked with <span class="must"></span> are always there, or must be sent.</footer>
</div></body></html>
`;
  return page.text;
}

function titleOf(name: string): string {
  return name === 'mcp' ? 'MCP servers' : `${name[0]?.toUpperCase()}${name.slice(1)}`;
}

interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function callOf(shared: OpenApi['components']['responses']): (call: Call) => Html {
  return ({ path, method, operation }) => {
    const { summary, description, parameters = [], requestBody, responses } = operation;
    const permission = operation['x-permission'];
    const body = requestBody && Object.values(requestBody.content)[0]?.schema;
    const answers = Object.entries(responses).filter(([status]) => status !== 'default');
    return html`<details class="call" id="${operation.operationId}"><summary><span class="method ${method}">${method.toUpperCase()}</span><span class="path">${path}</span>${
      permission !== undefined && html`<span class="permission">${permission}</span>`
    }<span class="soft">${summary}</span></summary><div class="body">
${description.split('\n\n').map((each) => html`<p>${said(each)}</p>`)}
${
  parameters.length > 0 &&
  html`<h4>Parameters</h4><table>${parameters.map(
    ({ name, required, schema, description: about, ...rest }) =>
      html`<tr><th><code class="${required && 'must'}">${name}</code><span class="facts">${rest.in}</span></th><td>${typeOf(schema)}<p>${said(about)}</p></td></tr>`,
  )}</table>`
}
${body !== undefined && html`<h4>Body</h4>${shapeOf(body)}`}
<h4>Answers</h4><table>${answers.map(([status, answer]) => answerOf(status, resolved(answer, shared)))}</table>
</div></details>
`;
  };
}

function resolved(
  answer: AnswerObject | Reference,
  shared: OpenApi['components']['responses'],
): AnswerObject {
  if (!('$ref' in answer)) return answer;
  return shared[answer.$ref.split('/').at(-1) as string] as AnswerObject;
}

function answerOf(status: string, { description, content = {}, headers = {} }: AnswerObject): Html {
  const [[type, body] = []] = Object.entries(content);
  if (type === 'application/problem+json')
    return html`<tr><th><code>${status}</code></th><td class="codes">${said(description.replace(/^[^:]*: /, ''))}</td></tr>`;
  const own = Object.keys(headers).filter((name) => !name.startsWith('RateLimit'));
  const what =
    type === 'application/json' && body
      ? shapeOf(body.schema)
      : type !== undefined && html`<code>${type}</code>`;
  return html`<tr><th><code>${status}</code></th><td>${said(description)}${own.length > 0 && html`<span class="facts">Headers: ${own.join(', ')}</span>`}${what}</td></tr>`;
}

/** A named shape by its name; any other by its members. */
function shapeOf(schema: JsonSchema): Html {
  const members = fields(schema);
  return members.length === 0 ? html`<p>${typeOf(schema)}</p>` : tableOf(members);
}

function nounOf([name, schema]: readonly [string, JsonSchema]): Html {
  const members = fields(schema);
  return html`<div class="noun" id="noun-${name}"><h3>${name}</h3>${
    members.length === 0 ? html`<p>${typeOf(schema)}</p>` : tableOf(members)
  }</div>
`;
}

function tableOf(members: ReturnType<typeof fields>): Html {
  return html`<table>${members.map(
    ({ path, isRequired, schema }) =>
      html`<tr><td><code class="${isRequired && 'must'}">${path}</code></td><td>${typeOf(schema)}${
        typeof schema.description === 'string' && html`<p>${said(schema.description)}</p>`
      }</td></tr>`,
  )}</table>`;
}
