import assert from 'node:assert/strict';
import { runTool } from 'tutti/testing';
import { openHttp } from '../../../core/ports/http/http.ts';
import { httpGet } from '../../../modules/general/tools/http-get.ts';
import { httpRequest } from '../../../modules/general/tools/http-request.ts';
import { assertFault, outsideScope } from '../../support/outside.ts';
import { type Answer, type Arrived, openPublicServer } from '../../support/public-server.ts';
import { verifies } from '../../support/verifies.ts';

const url = 'https://api.example.com/v1/rates';

async function serve(answer: (request: Arrived) => Answer) {
  const server = await openPublicServer(answer);
  const open = openHttp({ hosts: ['api.example.com'] }, server.seams);
  return {
    server,
    scope: outsideScope((signal) => ({ http: open(signal) })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('general.http_get', () => {
  it('gives status, type and as much text as is wanted', async () => {
    verifies('R5.http-tool', 'R5.plug-ins');
    await using at = await serve(({ path }) => ({
      status: path === '/v1/rates' ? 200 : 404,
      headers: { 'content-type': 'Application/JSON; charset=utf-8' },
      body: '{"EUR":1.08}',
    }));

    const whole = await runTool(httpGet, { url }, at.scope);
    const cut = await runTool(httpGet, { url: `${url}/x`, maxCharacters: 6 }, at.scope);

    assert.deepEqual(whole.kind === 'result' && whole.value, {
      status: 200,
      url,
      type: 'application/json',
      text: '{"EUR":1.08}',
      isCut: false,
    });
    assert.partialDeepStrictEqual(cut, { value: { status: 404, text: '{"EUR"', isCut: true } });
  });

  it('sends the headers that it is given, and changes nothing', async () => {
    await using at = await serve(({ headers }) => ({ body: String(headers['accept-language']) }));
    const headers = [
      { name: 'Accept-Language', value: 'de' },
      { name: 'X-HTTP-Method-Override', value: 'DELETE' },
    ];

    const answer = await runTool(httpGet, { url, headers }, at.scope);

    assert.partialDeepStrictEqual(answer, { value: { text: 'de' } });
    assert.equal(at.server.requests[0]?.headers['x-http-method-override'], undefined);
  });

  it('tells an agent which host is missing', async () => {
    await using at = await serve(() => ({ body: 'x' }));

    assertFault(await runTool(httpGet, { url: 'https://other.example/' }, at.scope), {
      code: 'EGRESS_REFUSED',
      message: /Host 'other\.example' is not allowed; add it to 'http\.hosts'/,
    });
  });
});

describe('general.http_request', () => {
  it('sends a body under the key of its effect', async () => {
    await using at = await serve(() => ({
      status: 201,
      headers: { 'content-type': 'application/json' },
      body: '{"id":7}',
    }));
    const headers = [{ name: 'Content-Type', value: 'application/json' }];

    const done = await runTool(
      httpRequest,
      { url, method: 'POST', headers, body: '{"EUR":1.09}' },
      at.scope,
    );

    assert.partialDeepStrictEqual(done, {
      value: { kind: 'applied', result: { status: 201, text: '{"id":7}' } },
    });
    const { method, body, headers: sent } = at.server.requests[0] ?? assert.fail();
    assert.deepEqual(
      [method, body, sent['content-type']],
      ['POST', '{"EUR":1.09}', 'application/json'],
    );
    assert.match(String(sent['idempotency-key']), /^[0-9a-f]{64}$/);
  });

  it('is another effect for another method, address or body', () => {
    const keys = [
      { method: 'POST', url, body: 'a' },
      { method: 'PUT', url, body: 'a' },
      { method: 'POST', url: `${url}/2`, body: 'a' },
      { method: 'POST', url, body: 'b' },
      { method: 'POST', url },
    ].map((args) => JSON.stringify(httpRequest.key?.(httpRequest.parameters.parse(args))));

    assert.equal(new Set(keys).size, keys.length);
  });

  it('keeps the status of an answer that is no text', async () => {
    await using at = await serve(() => ({
      status: 202,
      headers: { 'content-type': 'image/png' },
      body: 'png',
    }));

    const done = await runTool(httpRequest, { url, method: 'DELETE' }, at.scope);

    assert.partialDeepStrictEqual(done, {
      value: { kind: 'applied', result: { status: 202, text: '' } },
    });
    assert.match(JSON.stringify(done), /"omitted":"'api\.example\.com' answers with 'image\/png'/);
  });
});
