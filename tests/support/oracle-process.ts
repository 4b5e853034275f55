import { once } from 'node:events';
import { fsyncSync, openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { digest } from '../../core/base/ids.ts';
import { competentModel } from './competent-model.ts';
import crashLab from './fixtures/crash.config.ts';
import { startModelServer } from './model-server.ts';
import type { ModelCallSeen } from './model-wire.ts';
import type { EffectSeen, ModelSeen, OracleEntry } from './oracle.ts';

/*
 * The world outside of the engine, in a process of its own that outlives it: `oracle-process.ts <log> <thinkMs>`. It plays the systems that
 * tools send to and the provider of the models, and writes down what reaches it, to disk, before it answers. Whoever reads the log
 * learns what has really happened. It prints its two addresses as one line of JSON, and ends with its standard input.
 */
const [log = '', thinkMs = ''] = process.argv.slice(2);
const file = openSync(log, 'a');
/** By key: what has happened already, for those who ask and those who repeat. */
const happened = new Map<string, EffectSeen>();
const reads = new Map<string, number>();
/** Gates that tools wait at, until somebody opens them. */
const gates = new Map<string, PromiseWithResolvers<void>>();

/** So many model calls more are broken off. */
let breaksOff = 0;

interface Asked extends Omit<EffectSeen, 'kind' | 'at' | 'again'> {
  /** The receiver looks at the key. */
  readonly knows: boolean;
  /** How long it takes to answer when it has happened. @default 0 */
  readonly tookMs?: number;
}

function note(entry: OracleEntry): void {
  writeSync(file, `${JSON.stringify(entry)}\n`);
  fsyncSync(file);
}

/** The system behind `POST /effects`: it does what it is asked as often as it is asked, unless the asker counts on it to know the key. */
function take({ knows, ...effect }: Omit<Asked, 'tookMs'>): EffectSeen {
  const again = knows && happened.has(effect.key);
  const entry: EffectSeen = { kind: 'effect', at: Date.now(), again, ...effect };
  note(entry);
  if (!again) happened.set(effect.key, entry);
  return entry;
}

function gateOf(id: string): PromiseWithResolvers<void> {
  const gate = gates.get(id) ?? Promise.withResolvers<void>();
  gates.set(id, gate);
  return gate;
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || 'null');
}

async function answer(incoming: IncomingMessage): Promise<unknown> {
  const { pathname } = new URL(incoming.url ?? '/', 'http://oracle');
  const [, what = '', id = ''] = pathname.split('/');
  if (what === 'effects' && incoming.method === 'POST') {
    const { tookMs = 0, ...asked } = (await bodyOf(incoming)) as Asked;
    const entry = take(asked);
    await wait(tookMs);
    return entry;
  }
  if (what === 'effects') return happened.get(id) ?? null;
  if (what === 'gates') {
    const gate = gateOf(id);
    if (incoming.method === 'POST') gate.resolve();
    await gate.promise;
    return { isOpen: true };
  }
  if (what === 'breaks') {
    breaksOff = Number(id);
    return {};
  }
  reads.set(id, (reads.get(id) ?? 0) + 1);
  return { times: reads.get(id) };
}

const outside = createServer((incoming, response: ServerResponse) => {
  answer(incoming).then(
    (value) => response.end(JSON.stringify(value)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
outside.keepAliveTimeout = 60_000;
outside.listen(0, '127.0.0.1');
await once(outside, 'listening');

const agents = crashLab.modules.flatMap((module) => module.agents ?? []);
const think = competentModel(agents);
const models = await startModelServer(async (call, index) => {
  note(seen(call));
  await wait(Number(thinkMs));
  if (breaksOff > 0) {
    breaksOff -= 1;
    return { fault: { kind: 'reset' } };
  }
  return think(call, index);
});

function seen({ instructions, messages }: ModelCallSeen): ModelSeen {
  const [opening] = messages;
  const input = opening?.kind === 'text' ? /\nInput: (.*)$/s.exec(opening.text)?.[1] : undefined;
  const agent = agents.find(({ purpose }) => instructions.startsWith(purpose));
  // Each answer of this model asks for one tool or ends: so many calls, so many turns before this one.
  const turn = 1 + messages.filter(({ kind }) => kind === 'call').length;
  return {
    kind: 'model',
    at: Date.now(),
    agent: agent?.name ?? '?',
    input: input ?? '?',
    turn,
    request: digest(messages).toString('hex'),
  };
}

process.stdin.resume().once('end', () => process.exit(0));
const { port } = outside.address() as AddressInfo;
console.log(
  JSON.stringify({ url: `http://127.0.0.1:${port}`, modelUrl: models.baseUrl('openai-chat') }),
);
