import assert from 'node:assert/strict';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import spectral from '@stoplight/spectral-core';
import rulesets from '@stoplight/spectral-rulesets';
import { z } from 'zod';
import { openApiOf } from '../../../core/service/api/openapi/document.ts';
import type { OpenApi } from '../../../core/service/api/openapi/open-api.ts';
import { defineRoute, type Route } from '../../../core/service/api/route.ts';
import { iconLink } from '../../../core/service/batch/report/icon.ts';
import { webhookEventTypes } from '../../../core/service/webhooks/event-types.ts';
import { verifies } from '../../support/verifies.ts';
import { ContractLab } from './contract/lab.ts';

/** What Express serves, by method and path. */
interface Layer {
  readonly route?: {
    readonly path: string;
    readonly methods?: Readonly<Record<string, boolean>>;
    readonly stack: readonly { readonly method?: string }[];
  };
  readonly handle?: { readonly stack?: readonly Layer[] };
}

type Ruleset = Parameters<InstanceType<typeof spectral.Spectral>['setRuleset']>[0];

describe('/v1/openapi.json', () => {
  let lab: ContractLab;
  let document: OpenApi;
  let url: string;

  before(async () => {
    lab = await ContractLab.open();
    document = lab.document;
    url = lab.server.url;
  });
  after(async function () {
    await lab.close(this);
  });

  const documented = (): readonly string[] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );

  it('has every route that is served, and no other', () => {
    verifies('R10.docs');
    const mcp = /\/mcp|well-known/;
    // Files for browsers.
    const console = /^get \/console/;
    const served = servedBy(
      (lab.app as unknown as { router: { stack: readonly Layer[] } }).router.stack,
    )
      .filter((each) => !mcp.test(each) || each.includes('/v1/mcp'))
      .filter((each) => !each.startsWith('options ') && !console.test(each));

    assert.deepEqual([...new Set(served)].sort(), [...documented()].sort());
  });

  it('passes the rules that Redocly recommends', async () => {
    const problems = await lintFromString({
      source: JSON.stringify(document),
      absoluteRef: '/openapi.json',
      // In YAML: the compiler takes seconds to compare an object with all that a configuration may be.
      config: await createConfig('extends: [recommended]'),
    });

    assert.deepEqual(
      problems.map(({ ruleId, message }) => `${ruleId}: ${message}`),
      [],
    );
  });

  it('passes Spectral’s rules for OpenAPI', async () => {
    const linter = new spectral.Spectral();
    linter.setRuleset(rulesets.oas as Ruleset);
    const problems = await linter.run(
      structuredClone(document) as object as Record<string, unknown>,
    );

    assert.deepEqual(
      problems.map(({ code, message, path }) => `${code}: ${message} (${path.join('.')})`),
      [],
    );
  });

  it('names the permission that each operation needs, and who needs no key', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

    for (const { security, 'x-permission': permission, operationId } of operations) {
      assert.equal(security.length === 0, permission === undefined, operationId);
    }
  });

  it('has every event that endpoints are told of', () => {
    assert.deepEqual(Object.keys(document.webhooks), [...webhookEventTypes]);
  });

  it('is the same until the routes change, which its tag tells', async () => {
    const first = await fetch(`${url}/v1/openapi.json`);
    const tag = first.headers.get('etag') ?? '';
    const headers = { 'if-none-match': tag };

    assert.match(tag, /^".+"$/);
    assert.equal((await fetch(`${url}/v1/openapi.json`, { headers })).status, 304);
  });

  it('keeps what is sent and what is answered apart where they differ', () => {
    const noun = z.object({ name: z.string(), size: z.int().default(1) }).meta({ id: 'Noun' });
    const made = openApiOf([post('/v1/nouns', noun)]);

    const { Noun, NounOutput, NounInput } = made.components.schemas;
    const [one, other] = [Noun, NounOutput ?? NounInput] as { readonly required: string[] }[];
    assert.deepEqual([one?.required, other?.required].sort(), [['name'], ['name', 'size']]);
  });

  it('is not made where two nouns have one name', () => {
    const routes = [z.string(), z.int(), z.boolean()].map((schema, index) =>
      post(`/v1/things${index}`, z.object({ it: schema }).meta({ id: 'Thing' })),
    );

    assert.throws(() => openApiOf(routes), /Thing/);
  });

  it('is a page for people, too, on which nothing runs', async () => {
    const page = await fetch(`${url}/docs`);
    const text = await page.text();

    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; style-src 'sha256-[^']+'; img-src data:;/);
    assert.doesNotMatch(policy, /unsafe|script/);
    assert.doesNotMatch(text.replace(iconLink.text, ''), /<script|<link|<img|style="/);
    for (const each of documented()) {
      const path = each.split(' ')[1] as string;
      assert.ok(text.includes(`<span class="path">${path}</span>`), path);
    }
    for (const [, anchor] of text.matchAll(/href="#([^"]+)"/g))
      assert.ok(text.includes(`id="${anchor}"`), anchor);
  });
});

function post(path: string, body: z.ZodType): Route {
  return defineRoute({
    ...{ method: 'post', path, summary: 'Makes one.', permission: 'runs:start', body },
    answers: { 200: body },
    handle: async () => undefined,
  });
}

function servedBy(stack: readonly Layer[]): readonly string[] {
  return stack.flatMap(({ route, handle }): readonly string[] => {
    if (!route) return handle?.stack ? servedBy(handle.stack) : [];
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    // Methods that are refused have no name of their own.
    return route.stack.flatMap(({ method }) => (method ? [`${method} ${path}`] : []));
  });
}
