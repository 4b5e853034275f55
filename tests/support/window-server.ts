import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type ModelServer, type ServerAnswer, startModelServer } from './model-server.ts';
import type { ModelApi, ModelCallSeen } from './model-wire.ts';

/** What the account allows in any minute, and at once; the server refuses with 429 what is more, as providers do. */
export interface Allowance {
  readonly requestsPerMinute?: number;
  readonly inputTokensPerMinute?: number;
  readonly outputTokensPerMinute?: number;
  readonly concurrency?: number;
}

/** What a server does from now on, until it is told otherwise. */
export interface Mood {
  /** Every call is answered so. @default served within the allowance */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WindowServerOptions {
  readonly allowance: Allowance;
  /** How long a minute takes, milliseconds. @default 60000 */
  readonly minuteMs?: number;
  /** From a request to its reply, milliseconds. */
  readonly latencyMs?: number;
  /** Calls of a conversation: all but the last want a tool. */
  readonly turns?: number;
  /** The tool that they want, as it goes over the wire. */
  readonly tool?: string;
  /** Tokens of every reply. @default 100 */
  readonly outputTokens?: number;
  /** Models that the allowance is for; others are served without limits. @default all */
  readonly models?: readonly string[];
}

/** A request as the server counted it. */
export interface CallCounted {
  /** When it was there, milliseconds of this server's clock. */
  readonly at: number;
  readonly status: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Calls that were open, this one included. */
  readonly open: number;
  readonly model: string;
  readonly item: string;
}

/** A provider that keeps its own books. */
export interface WindowServer {
  readonly baseUrl: (api: ModelApi) => string;
  /** Everything so far, in order. */
  seen(): Promise<readonly CallCounted[]>;
  /** Changes its mood; resolves with the moment by its own clock. */
  feel(mood: Mood): Promise<number>;
  close(): Promise<void>;
}

type Asked = { readonly kind: 'seen' } | { readonly kind: 'feel'; readonly mood: Mood };

/** Starts a server on a thread of its own, so that the engine's work does not move the moments at which calls arrive. */
export async function startWindowServer(options: WindowServerOptions): Promise<WindowServer> {
  const thread = new Worker(new URL(import.meta.url), { workerData: { windowServer: options } });
  const [url] = (await once(thread, 'message')) as [string];
  const ask = async (asked: Asked): Promise<unknown> => {
    const answered = once(thread, 'message');
    thread.postMessage(asked);
    return (await answered)[0];
  };
  return {
    baseUrl: (api) => (api === 'anthropic' ? url : `${url}/v1`),
    seen: async () => (await ask({ kind: 'seen' })) as readonly CallCounted[],
    feel: async (mood) => (await ask({ kind: 'feel', mood })) as number,
    close: async () => void (await thread.terminate()),
  };
}

/** The books of one account: sliding windows, exact to the request. */
class Books {
  readonly calls: CallCounted[] = [];
  readonly #options: WindowServerOptions;
  #oldest = 0;
  #requests = 0;
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(options: WindowServerOptions) {
    this.#options = options;
  }

  /** Counts a request; returns whether it is within the allowance. */
  count(call: Omit<CallCounted, 'status'>): boolean {
    this.#forget(call.at);
    const { allowance } = this.#options;
    const isOver =
      this.#requests + 1 > (allowance.requestsPerMinute ?? Infinity) ||
      this.#inputTokens + call.inputTokens > (allowance.inputTokensPerMinute ?? Infinity) ||
      this.#outputTokens + call.outputTokens > (allowance.outputTokensPerMinute ?? Infinity) ||
      call.open > (allowance.concurrency ?? Infinity);
    this.note({ ...call, status: isOver ? 429 : 200 });
    return !isOver;
  }

  note(call: CallCounted): void {
    this.calls.push(call);
    this.#add(call, 1);
  }

  #forget(now: number): void {
    const { minuteMs = 60_000 } = this.#options;
    for (let call = this.calls[this.#oldest]; call; call = this.calls[this.#oldest]) {
      if (call.at > now - minuteMs) return;
      this.#add(call, -1);
      this.#oldest += 1;
    }
  }

  #add({ status, model, inputTokens, outputTokens }: CallCounted, sign: 1 | -1): void {
    const { models = [model] } = this.#options;
    if (status !== 200 || !models.includes(model)) return;
    this.#requests += sign;
    this.#inputTokens += sign * inputTokens;
    this.#outputTokens += sign * outputTokens;
  }
}

/** The whole of a minute's worth of calls: the most that any window held. */
export function mostInAnyMinute(
  calls: readonly CallCounted[],
  minuteMs: number,
  amountOf: (call: CallCounted) => number,
): number {
  let most = 0;
  let sum = 0;
  let oldest = 0;
  for (const call of calls) {
    sum += amountOf(call);
    while ((calls[oldest] as CallCounted).at <= call.at - minuteMs) {
      sum -= amountOf(calls[oldest] as CallCounted);
      oldest += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

function itemOf({ messages }: ModelCallSeen): string {
  const opening = messages[0]?.kind === 'text' ? messages[0].text : '';
  return /"id":"([^"]*)"/.exec(opening)?.[1] ?? '';
}

async function serve(options: WindowServerOptions): Promise<void> {
  const { latencyMs = 0, turns = 1, tool = '', outputTokens = 100, models } = options;
  const books = new Books(options);
  let mood: Mood = {};
  const refuse = (status: number, headers: Mood['headers'] = {}): ServerAnswer => ({
    fault: { kind: 'status', status, headers },
  });
  const server: ModelServer = await startModelServer((seen) => {
    const inputTokens = Math.ceil(JSON.stringify(seen.body).length / 4);
    const told = seen.messages.filter(({ kind }) => kind === 'result').length;
    const at = performance.now();
    const { model } = seen;
    const call = { at, inputTokens, outputTokens, open: server.open, model, item: itemOf(seen) };
    const isLimited = models === undefined || models.includes(model);
    if (mood.status !== undefined) {
      books.note({ ...call, status: mood.status });
      return refuse(mood.status, mood.headers);
    }
    if (!isLimited) books.note({ ...call, status: 200 });
    else if (!books.count(call)) return refuse(429, mood.headers);
    const usage = { input: inputTokens, output: outputTokens };
    const said =
      told < turns - 1
        ? { calls: [{ name: tool, args: {} }] }
        : { text: JSON.stringify({ text: `answered by ${model}` }) };
    return { ...said, usage, latencyMs };
  });
  parentPort?.on('message', (asked: Asked) => {
    if (asked.kind === 'feel') mood = asked.mood;
    parentPort?.postMessage(asked.kind === 'feel' ? performance.now() : books.calls);
  });
  parentPort?.postMessage(server.url);
}

const own = (workerData as { readonly windowServer?: WindowServerOptions } | null)?.windowServer;
if (!isMainThread && own) await serve(own);
