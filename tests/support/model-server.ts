import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type ServerReply, streamEvents } from './model-stream.ts';
import { type ModelApi, type ModelCallSeen, readRequest } from './model-wire.ts';

export type { ServerReply } from './model-stream.ts';
export type { ModelApi, ModelCallSeen } from './model-wire.ts';

/** What goes wrong with an answer. */
export type ServerFault =
  /** An error response; `body` is sent as it is when it is a string. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  /** The socket is destroyed: before the head, or after half of the stream. */
  | { readonly kind: 'reset' | 'cut' }
  /** Nothing more is ever sent: before the head, after the head, or after half of the stream. */
  | { readonly kind: 'silence'; readonly after: 'nothing' | 'head' | 'half' }
  /** An event in the middle is no JSON. */
  | { readonly kind: 'garbage' }
  /** The stream ends in order, but its final event never comes. */
  | { readonly kind: 'no-final' }
  /** An error event in the middle of the stream, in the provider's own form. */
  | { readonly kind: 'error-event'; readonly name: string; readonly message: string }
  /** Comments only, one each `everyMs`, before the stream goes on. */
  | { readonly kind: 'drip'; readonly everyMs: number; readonly times: number }
  /** The whole reply comes, but the connection stays open. */
  | { readonly kind: 'open-end' }
  /** A body of this size that is no end of one event. */
  | { readonly kind: 'flood'; readonly sizeBytes: number };

/** What the handler says to a call: a reply, with a fault on the way if it has one. */
export type ServerAnswer = ServerReply & {
  readonly fault?: ServerFault;
  /** Milliseconds before anything is sent. */
  readonly latencyMs?: number;
};

export type ModelHandler = (
  call: ModelCallSeen,
  index: number,
) => ServerAnswer | Promise<ServerAnswer>;

export interface ModelServer {
  /** `http://127.0.0.1:port`; the base URL of all three APIs is `baseUrl(api)`. */
  readonly url: string;
  readonly baseUrl: (api: ModelApi) => string;
  /** Requests in the order in which they arrived. */
  readonly calls: readonly ModelCallSeen[];
  /** Requests that were neither answered in full nor given up. */
  readonly open: number;
  close(): Promise<void>;
}

/**
 * A model provider on 127.0.0.1 that speaks the wire formats of OpenAI's Responses and Chat Completions and Anthropic's
 * Messages, streaming as the real ones do; what it answers is `handler`'s.
 */
export async function startModelServer(handler: ModelHandler): Promise<ModelServer> {
  const calls: ModelCallSeen[] = [];
  let open = 0;
  const server = createServer((incoming, response) => {
    open++;
    response.once('close', () => open--);
    serve(incoming, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const seen = readRequest(incoming, Buffer.concat(chunks).toString());
    if (seen === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"no such route"}}');
      return;
    }
    const index = calls.push(seen) - 1;
    const answer = await handler(seen, index);
    if (answer.latencyMs) await wait(answer.latencyMs, undefined, { ref: false });
    await send(response, seen, answer);
  }
  // Longer than a busy machine stands still: a client that comes back to a closed connection finds its provider away.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    baseUrl: (api) => (api === 'anthropic' ? url : `${url}/v1`),
    calls,
    get open() {
      return open;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function send(
  response: ServerResponse,
  seen: ModelCallSeen,
  answer: ServerAnswer,
): Promise<void> {
  const { fault } = answer;
  if (fault?.kind === 'reset') return void response.destroy();
  if (fault?.kind === 'silence' && fault.after === 'nothing') return;
  if (fault?.kind === 'status') {
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    const body = fault.body ?? { error: { type: 'test_error', message: 'planted fault' } };
    return void response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const events = streamEvents(seen, answer);
  if (fault === undefined) {
    for (const event of events) response.write(event);
    return void response.end();
  }
  await sendFaulty(response, { seen, events, fault });
}

async function sendFaulty(
  response: ServerResponse,
  { seen, events, fault }: { seen: ModelCallSeen; events: string[]; fault: ServerFault },
): Promise<void> {
  const half = Math.ceil(events.length / 2);
  const write = (some: readonly string[]) => {
    for (const event of some) response.write(event);
  };
  switch (fault.kind) {
    case 'silence':
      return fault.after === 'half' ? write(events.slice(0, half)) : undefined;
    case 'cut':
      write(events.slice(0, half));
      // The bytes must be out before the socket dies, or the cut would come before the head.
      await new Promise<void>((resolve) => response.write(': half\n\n', () => resolve()));
      return void response.destroy();
    case 'garbage':
      write([
        ...events.slice(0, half),
        namedEvent(events[half], '{"type": "trunc'),
        ...events.slice(half),
      ]);
      return void response.end();
    case 'no-final':
      write(events.slice(0, seen.api === 'openai-chat' ? -3 : -1));
      return void response.end();
    case 'error-event':
      write([...events.slice(0, half), errorEvent(seen.api, fault)]);
      return void response.end();
    case 'drip':
      for (let sent = 0; sent < fault.times; sent++) {
        response.write(': still thinking\n\n');
        await wait(fault.everyMs, undefined, { ref: false });
      }
      write(events);
      return void response.end();
    case 'open-end':
      return write(events);
    case 'flood':
      return await flood(response, fault.sizeBytes);
    default:
      throw new Error(`fault ${fault.kind} is not one of a stream`);
  }
}

function namedEvent(like: string | undefined, data: string): string {
  const name = /^event: .*\n/.exec(like ?? '')?.[0] ?? '';
  return `${name}data: ${data}\n\n`;
}

function errorEvent(api: ModelApi, { name, message }: { name: string; message: string }): string {
  switch (api) {
    case 'openai':
      if (name === 'server_error') {
        const response = { status: 'failed', error: { code: name, message } };
        return `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', response, sequence_number: 9 })}\n\n`;
      }
      return `event: error\ndata: ${JSON.stringify({ type: 'error', code: name, message, param: null, sequence_number: 9 })}\n\n`;
    case 'openai-chat':
      return `data: ${JSON.stringify({ error: { code: name, type: name, message } })}\n\n`;
    case 'anthropic':
      return `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type: name, message } })}\n\n`;
  }
}

async function flood(response: ServerResponse, sizeBytes: number): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  const closed = once(response, 'close');
  response.write('data: "');
  for (let sent = 0; sent < sizeBytes && !response.destroyed; sent += chunk.length) {
    const drained = new Promise<void>((resolve) => response.write(chunk, () => resolve()));
    await Promise.race([drained, closed]);
  }
}
