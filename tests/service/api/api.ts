import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Host } from '../../../bin/host.ts';
import { modulesOf } from '../../../bin/parts/modules-of.ts';
import { Findings } from '../../../core/engine/findings/findings.ts';
import { type ApiParts, createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import type { Problem } from '../../../core/service/api/problem.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';

/** A whole Tutti with the API in front of it, on a free port. */
export interface TestApi {
  readonly tutti: TestEngine;
  readonly tenantId: number;
  readonly server: Listening;
  /** What callers were not told. */
  readonly errors: readonly unknown[];
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Starts a run over HTTP and returns its id. */
  start(workflow: string, input?: unknown): Promise<string>;
  close(context?: Mocha.Context): Promise<void>;
}

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);
let keys = 0;

/** Opens Tutti with the echo modules and its API; `parts` replace what the API is made of. */
export async function openApi(
  change: (parts: ApiParts, host: Host) => Partial<ApiParts> = () => ({}),
): Promise<TestApi> {
  const tutti = await openTestEngine(config);
  const tenantId = await tutti.host.store.tenant('ours');
  const errors: unknown[] = [];
  const parts: ApiParts = {
    history: tutti.history,
    engine: tutti.engine,
    registry: tutti.host.registry,
    tenantId,
    findings: new Findings(tutti.host.database),
    modules: modulesOf(tutti.host),
    onError: (error) => errors.push(error),
  };
  const server = await listen(createApp({ ...parts, ...change(parts, tutti.host) }), { port: 0 });
  const post: TestApi['post'] = (path, body, headers = {}) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `k${++keys}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    tutti,
    tenantId,
    server,
    errors,
    get: (path, headers = {}) => fetch(server.url + path, { headers, redirect: 'manual' }),
    post,
    async start(workflow, input) {
      const response = await post('/v1/runs', { workflow, input });
      assert.equal(response.status, 202);
      return (await json<{ readonly id: string }>(response)).id;
    },
    async close(context) {
      await server.close();
      await tutti.close(context);
    },
  };
}

export async function json<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** Checks that an answer is a problem with this code and status and tells nothing of the inside; returns it. */
export async function problem(response: Response, status: number, code: string): Promise<Problem> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  const text = await response.text();
  assert.doesNotMatch(text, /\bat .*\.ts|node_modules/);
  const body = JSON.parse(text) as Problem;
  assert.deepEqual([body.status, body.code, response.status], [status, code, status]);
  assert.ok(body.title && body.detail && body.type);
  return body;
}

/** A GET with headers that `fetch` does not let a caller set. */
export async function rawGet(
  server: Listening,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: server.port,
    path,
    headers,
    agent: false,
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response;
}

/** An event as it came off the wire. */
export interface SeenEvent {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly seq: number; readonly kind: string; readonly step: number | null };
}

/** Reads a stream's events as they come, until it ends or the reader stops. */
export async function* eventsOf(response: Response): AsyncGenerator<SeenEvent> {
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (!fields.has('data')) continue;
      const data = JSON.parse(fields.get('data') as string) as SeenEvent['data'];
      yield { id: Number(fields.get('id')), event: fields.get('event') as string, data };
    }
  }
  assert.equal(text, '');
}
