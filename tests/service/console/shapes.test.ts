import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { apiPartsOf } from '../../../bin/api.ts';
import { createApp, listen } from '../../../core/service/api/app.ts';
import type { JsonSchema, OpenApi } from '../../../core/service/api/openapi/open-api.ts';
import { complaintsOf } from '../../support/compiler.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { declarationsOf, typeText } from '../../support/schema-types.ts';
import { json } from '../api/api.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);
const file = fileURLToPath(new URL('reads.ts', import.meta.url));

/** As what the console reads the answers of routes. */
const reads: readonly (readonly [route: string, as: string])[] = [
  ['get /v1/me', "Omit<Console.Me, 'person'>"],
  ['get /v1/status', 'Console.Status'],
  ['get /v1/limits', 'Console.Limits'],
  ['get /v1/budgets', 'Console.Budgets'],
  ['get /v1/costs', 'Console.Costs'],
  ['get /v1/stops', 'Console.Page<Console.Stop>'],
  ['get /v1/schedules', 'Console.Page<Console.Schedule>'],
  ['get /v1/runs', 'Console.Page<Console.Run>'],
  ['get /v1/runs/{id}', 'Console.RunDetail'],
  ['get /v1/runs/{id}/steps', 'Console.Page<Console.Step>'],
  ['get /v1/runs/{id}/steps/{step}', 'Console.StepContent'],
  ['get /v1/runs/{id}/entries', 'Console.Page<Console.Entry>'],
  ['get /v1/entries', 'Console.Page<Console.Entry>'],
  ['get /v1/runs/{id}/explain', 'Console.Explanation'],
  ['get /v1/approvals', 'Console.Page<Console.Approval>'],
  ['get /v1/approvals/{id}', 'Console.Approval'],
  ['get /v1/approvals/{id}/findings', 'Console.Page<Console.Finding>'],
  ['get /v1/tools/{name}', 'Console.Tool'],
  ['get /v1/proposals', 'Console.Page<Console.Proposal>'],
  ['get /v1/findings', 'Console.Page<Console.Finding>'],
];

describe('what the console reads of the API', () => {
  let tutti: TestEngine;
  let document: OpenApi;

  before(async () => {
    tutti = await openTestEngine(config);
    const tenantId = await tutti.host.store.tenant('ours');
    const parts = apiPartsOf(tutti.host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
    const server = await listen(createApp(parts), { port: 0 });
    document = await json<OpenApi>(await fetch(`${server.url}/v1/openapi.json`));
    await server.close();
  });
  after(function () {
    return tutti.close(this);
  });

  /** What is wrong with reading answers as the console does. */
  function faultsOf(asked: typeof reads): readonly string[] {
    const lines = asked.map(([route, as], index) => {
      const answer = `null as unknown as (${typeText(answerOf(document, route))})`;
      return `export const answer${index}: ${as} = ${answer};`;
    });
    const source = "import type * as Console from '../../../core/service/console/api/shapes.ts';";
    const text = [...lines, source, declarationsOf(document)].join('\n');
    return complaintsOf(file, text).map(
      ({ line, message }) => `${asked[line - 1]?.[0]}: ${message}`,
    );
  }

  it('is what the API documents that it answers', () => {
    assert.deepEqual(faultsOf(reads), []);
  });

  it('is missed where it is not there, or is something else', () => {
    const faults = faultsOf([
      ['get /v1/runs/{id}', 'Console.RunDetail & { readonly mood: string }'],
      ['get /v1/stops', "Console.Page<Omit<Console.Stop, 'at'> & { readonly at: number }>"],
      ['get /v1/runs', "Console.Page<Omit<Console.Run, 'company'> & { readonly company: string }>"],
    ]);

    assert.equal(faults.length, 3);
    for (const [index, member] of ['mood', 'at', 'company'].entries())
      assert.match(String(faults[index]), new RegExp(`'${member}'`));
  });
});

function answerOf({ paths }: OpenApi, route: string): JsonSchema {
  const [method = '', path = ''] = route.split(' ');
  const answer = paths[path]?.[method]?.responses['200'];
  assert.ok(answer && 'content' in answer, route);
  const schema = answer.content?.['application/json']?.schema;
  assert.ok(schema, route);
  return schema;
}
