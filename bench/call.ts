import { Agent, request } from 'node:http';
import type { Usage } from '../core/ports/models/model.ts';

/** One model call of a measured agent. */
export interface Ask {
  readonly index: number;
  /** The mock's answer takes this long; negative: no call at all, the answer is a constant. */
  readonly ms: number;
  /** Where the mock listens. */
  readonly url: string;
}

/** What a measured agent hands in. `from` and `to` are ms since the epoch, as its thread saw the start and the end of its call. */
export interface Handed {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
/** What a call without a call answers: 1.2 kB. */
const constant = 'x'.repeat(1_130);
const prompt = 'p'.repeat(560);
const constantUsage: Usage = {
  input: 200,
  cachedInput: 0,
  cacheWrite: 0,
  output: 300,
  reasoning: 0,
};

/** Makes the call that engine and floor share: a bare keep-alive POST, its answer parsed and its shape checked. */
export async function ask({
  index,
  ms,
  url,
}: Ask): Promise<{ readonly handed: Handed; readonly usage: Usage }> {
  const from = now();
  if (ms < 0) return { handed: { index, from, to: now(), text: constant }, usage: constantUsage };
  const reply = JSON.parse(await post(url, JSON.stringify({ index, ms, prompt }))) as {
    readonly content: string;
    readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  };
  if (typeof reply.content !== 'string')
    throw new Error(`The mock answered ${typeof reply.content}.`);
  const { prompt_tokens: input, completion_tokens: output } = reply.usage;
  const usage = { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
  return { handed: { index, from, to: now(), text: reply.content }, usage };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
