import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BatchEnd,
  type BatchHandler,
  endBatch,
  type ServedBatch,
  showBatch,
} from './batch-world.ts';
import {
  type ModelHandler,
  type ModelServer,
  type ServerAnswer,
  startModelServer,
} from './model-server.ts';
import { type ModelApi, type ModelCallSeen, readRequest } from './model-wire.ts';

export type { BatchEnd, BatchHandler, ServedBatch } from './batch-world.ts';

type Json = Record<string, unknown>;

/** What goes wrong with one request to the server. */
export type RouteFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The socket dies: before anything is done, or after it was done and before anything is said. */
  | { readonly kind: 'reset'; readonly after: 'nothing' | 'deed' }
  /** The answer breaks off after so many bytes. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The answer stops after so many bytes, and the connection stays. */
  | { readonly kind: 'silence'; readonly afterBytes: number }
  /** Something else happens first: before the deed, or after it and before its answer. `isDropped`: the deed is never done. */
  | {
      readonly kind: 'meanwhile';
      readonly before?: () => Promise<unknown>;
      readonly after?: () => Promise<unknown>;
      readonly isDropped?: boolean;
    };

/** A provider's batches on 127.0.0.1; batches stand still until the test ends them. */
export interface BatchServer {
  readonly url: string;
  readonly baseUrl: (api: ModelApi) => string;
  /** In the order in which they were made. */
  readonly batches: readonly ServedBatch[];
  /** Ids of uploaded files that nobody deleted. */
  readonly files: ReadonlySet<string>;
  /** `METHOD /path` of every request about batches and files, in order. */
  readonly requests: readonly string[];
  /** The same server's direct calls, which a fallback makes. */
  readonly models: ModelServer;
  /** Answers the batch's requests and ends it. @default the newest */
  end(how?: BatchEnd, id?: string): void;
  /** Answers direct calls from now on. */
  answerDirect(answer: ServerAnswer): void;
  /** Forgets a batch, or the results of an ended one only. */
  forget(id: string, what: 'batch' | 'results'): void;
  /** The next request whose `METHOD /path` matches goes wrong; faults wait in a queue. */
  fail(route: RegExp, fault: RouteFault): void;
  close(): Promise<void>;
}

/**
 * Both providers' batch endpoints, on the wire formats of OpenAI's Files and Batches and Anthropic's Message Batches, beside
 * the direct endpoints of the three APIs. `handler` answers requests of batches, `direct` direct calls.
 */
export async function startBatchServer(
  handler: BatchHandler,
  options: { readonly direct?: ModelHandler; readonly now?: () => number } = {},
): Promise<BatchServer> {
  const { direct = () => ({ text: 'direct' }), now = Date.now } = options;
  let answerDirectly = direct;
  const models = await startModelServer((call, index) => answerDirectly(call, index));
  const shop = new Shop(now);
  const requests: string[] = [];
  const faults: { readonly route: RegExp; readonly fault: RouteFault }[] = [];
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method === 'POST' && isDirect(incoming.url ?? '')) {
      return forward(models, incoming, response);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const route = `${incoming.method} ${(incoming.url ?? '').split('?')[0]}`;
    requests.push(route);
    const at = faults.findIndex((each) => each.route.test(route));
    const fault = at === -1 ? undefined : faults.splice(at, 1)[0]?.fault;
    if (fault?.kind === 'status') return sendStatus(response, fault);
    if (fault?.kind === 'reset' && fault.after === 'nothing') return void response.destroy();
    const meanwhile = fault?.kind === 'meanwhile' ? fault : undefined;
    await meanwhile?.before?.();
    if (meanwhile?.isDropped) return void response.destroy();
    const answer = await shop.answer(incoming, Buffer.concat(chunks));
    await meanwhile?.after?.();
    if (fault?.kind === 'reset') return void response.destroy();
    send(response, answer, fault);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    baseUrl: (api) => (api === 'anthropic' ? url : `${url}/v1`),
    batches: shop.batches,
    files: shop.inputs,
    requests,
    models,
    end(how = {}, id = shop.batches.at(-1)?.id) {
      endBatch(shop.batch(id ?? ''), handler, how);
    },
    answerDirect(answer) {
      answerDirectly = () => answer;
    },
    forget: (id, what) => shop.forget(id, what),
    fail: (route, fault) => faults.push({ route, fault }),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, models.close()]);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const json = (body: unknown, status = 200): Answer => {
  return { status, type: 'application/json', text: JSON.stringify(body) };
};
const missing = json({ error: { type: 'not_found_error', message: 'No such object.' } }, 404);

/** The batches and files of the server. */
class Shop {
  readonly batches: ServedBatch[] = [];
  readonly inputs = new Set<string>();
  readonly #texts = new Map<string, string>();
  readonly #forgotten = new Set<string>();
  readonly #now: () => number;
  #serial = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  batch(id: string): ServedBatch {
    const found = this.batches.find((batch) => batch.id === id);
    if (!found) throw new Error(`the server has no batch ${id}`);
    return found;
  }

  forget(id: string, what: 'batch' | 'results'): void {
    if (what === 'results') this.#forgotten.add(id);
    else this.batches.splice(this.batches.indexOf(this.batch(id)), 1);
  }

  async answer(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const url = new URL(incoming.url ?? '', 'http://127.0.0.1');
    const route = `${incoming.method} ${url.pathname}`;
    if (route === 'POST /v1/files') return await this.#upload(incoming, body);
    if (route === 'POST /v1/batches') return this.#make(JSON.parse(body.toString()), incoming);
    if (route === 'POST /v1/messages/batches') {
      return this.#makeMessages(JSON.parse(body.toString()), incoming);
    }
    if (/^GET \/v1\/(messages\/)?batches$/.test(route)) return this.#list(url);
    const [, file] = /^\w+ \/v1\/files\/([^/]+)/.exec(route) ?? [];
    if (file !== undefined) return this.#file(file, incoming.method === 'DELETE');
    const [, id, what] = /\/batches\/([^/]+)(?:\/(cancel|results))?$/.exec(route) ?? [];
    const batch = this.batches.find((each) => each.id === id);
    if (!batch) return missing;
    if (what === 'cancel') return cancelBatch(batch);
    return what === 'results' ? this.#results(batch) : json(showBatch(batch));
  }

  async #upload(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const headers = { 'content-type': incoming.headers['content-type'] ?? '' };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    const file = form.get('file');
    if (!(file instanceof File) || form.get('purpose') !== 'batch') return json({}, 400);
    const id = `file-${++this.#serial}`;
    this.#texts.set(id, await file.text());
    this.inputs.add(id);
    return json({ id, object: 'file', purpose: 'batch', filename: file.name });
  }

  #make(body: Json, incoming: IncomingMessage): Answer {
    const inputFile = String(body.input_file_id);
    const text = this.#texts.get(inputFile);
    if (text === undefined) return missing;
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    const items = lines.map((line) => ({
      id: String(line.custom_id),
      call: seen(String(line.url), line.body, incoming),
    }));
    if (lines.some((line) => line.url !== body.endpoint || line.method !== 'POST')) {
      return json({ error: { code: 'mismatched_endpoint', message: 'no' } }, 400);
    }
    const metadata = (body.metadata ?? null) as Json | null;
    return this.#add(items, { metadata, inputFile });
  }

  #makeMessages(body: Json, incoming: IncomingMessage): Answer {
    const items = (body.requests as Json[]).map(({ custom_id, params }) => ({
      id: String(custom_id),
      call: seen('/v1/messages', params, incoming),
    }));
    return this.#add(items, { metadata: null, inputFile: undefined });
  }

  #add(items: ServedBatch['items'], rest: Pick<ServedBatch, 'metadata' | 'inputFile'>): Answer {
    const id = `batch_${++this.#serial}`;
    const batch: ServedBatch = {
      ...rest,
      id,
      api: items[0]?.call.api ?? 'openai',
      items,
      createdAtMs: this.#now(),
      state: 'working',
      code: '',
      answers: [],
      output: undefined,
      errors: undefined,
    };
    this.batches.push(batch);
    return json(showBatch(batch));
  }

  #list(url: URL): Answer {
    const isMessages = url.pathname.includes('messages');
    const all = this.batches.filter(({ api }) => (api === 'anthropic') === isMessages).toReversed();
    const after = url.searchParams.get('after') ?? url.searchParams.get('after_id');
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const data = all.slice(from, from + Number(url.searchParams.get('limit') ?? 20));
    const has_more = from + data.length < all.length;
    const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    return json({ object: 'list', data: data.map(showBatch), has_more, ...ends });
  }

  #file(id: string, isDeleted: boolean): Answer {
    if (isDeleted) return json({ id, deleted: this.inputs.delete(id) });
    const [, batchId, what] = /^file-(.+)-(output|errors)$/.exec(id) ?? [];
    const batch = this.batches.find((each) => each.id === batchId);
    const text = what === 'errors' ? batch?.errors : batch?.output;
    if (text === undefined || this.#forgotten.has(batchId ?? '')) return missing;
    return { status: 200, type: 'application/octet-stream', text };
  }

  #results(batch: ServedBatch): Answer {
    if (batch.output === undefined || this.#forgotten.has(batch.id)) return missing;
    return { status: 200, type: 'application/binary', text: batch.output };
  }
}

function cancelBatch(batch: ServedBatch): Answer {
  if (batch.state !== 'working' && batch.state !== 'cancelling') {
    const type = 'invalid_request_error';
    return json({ error: { type, message: 'The batch has ended.' } }, 400);
  }
  batch.state = 'cancelling';
  return json(showBatch(batch));
}

function seen(url: string, body: unknown, incoming: IncomingMessage): ModelCallSeen {
  const like = { url, headers: incoming.headers } as IncomingMessage;
  const call = readRequest(like, JSON.stringify(body));
  if (!call) throw new Error(`a batch cannot have requests to ${url}`);
  return call;
}

const isDirect = (url: string) =>
  ['/v1/responses', '/v1/chat/completions', '/v1/messages'].includes(url.split('?')[0] ?? '');

function forward(models: ModelServer, incoming: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = incoming;
  const onward = request(`${models.url}${incoming.url}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

function sendStatus(
  response: ServerResponse,
  fault: Extract<RouteFault, { readonly kind: 'status' }>,
): void {
  const body = fault.body ?? { error: { type: 'test_error', message: 'planted fault' } };
  response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function send(response: ServerResponse, answer: Answer, fault: RouteFault | undefined): void {
  const bytes = Buffer.from(answer.text);
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': bytes.length,
  });
  if (fault?.kind !== 'cut' && fault?.kind !== 'silence') return void response.end(bytes);
  // The bytes must be out before the socket dies, or the cut would come before the head.
  response.write(bytes.subarray(0, fault.afterBytes), () => {
    if (fault.kind === 'cut') setImmediate(() => response.destroy());
  });
}
