import { Agent, request } from 'node:http';
import type { ContractLab } from '../service/api/contract/lab.ts';
import { type Needs, needsOf } from '../service/api/contract/requests.ts';
import { randomOf } from './event-storm.ts';
import { type Malformed, malformedOf, mangledOf } from './malformed.ts';
import { waitedMs } from './own-delay.ts';

/** How much is sent. */
export interface Attack {
  readonly seed: number;
  /** Mangled bodies for each route, beside the corpus. */
  readonly mangled: number;
  /** Every n-th of the corpus is sent, which ones by seed and route; 1: all. */
  readonly every: number;
  /** How often a route's requests are made anew after one that did something. */
  readonly renewals: number;
}

/** What came of it. */
export interface Attacked {
  readonly sent: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** What must not have happened, by route and body. */
  readonly faults: readonly string[];
  /** Of what was refused; none of these times has that in which the thread waited for a core. */
  readonly p99Ms: number;
  /** Of what was harmless enough to be done: plans, runs, keys. */
  readonly doneP99Ms: number;
  /** Of requests between them that ask for nothing: what process and machine take at that time. */
  readonly idleP99Ms: number;
}

interface Target {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly statuses: readonly string[];
  readonly isRead: boolean;
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const lanes = 8;
/** Every so many requests of a lane one that asks for nothing. */
const idleEvery = 10;
/** How long what a request is about may take to be made anew. */
const patienceMs = 1_000;
/** Words of the program about itself. */
const inside = /\\n\s+at |node_modules|file:\/\/|\/(core|bin|worker|modules)\/[\w/-]+\.ts/;

/** Sends malformed bodies to every route that changes something. */
export async function attack(lab: ContractLab, how: Attack): Promise<Attacked> {
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  const waiting = targetsOf(lab);
  const first = new Map<string, Needs>();
  for (const { name } of waiting) first.set(name, await needsOf(lab, name));
  const faults: string[] = [];
  const byStatus: Record<string, number> = {};
  const refused: number[] = [];
  const done: number[] = [];
  const idle: number[] = [];
  const one = async (target: Target, needs: Needs, bad: Malformed): Promise<boolean> => {
    const ownMs = ownTime();
    const answer = await send(lab, agent, { target, needs, bad });
    (answer.status < 300 ? done : refused).push(ownMs());
    if ((refused.length + done.length) % idleEvery === 0) idle.push(await idleMs(lab));
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
    const fault = faultOf(target, bad, answer);
    if (fault !== null) faults.push(`${target.name}, ${bad.name}: ${fault}`);
    return answer.status < 300;
  };
  const lane = async (): Promise<void> => {
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      let needs = first.get(target.name) as Needs;
      let left = how.renewals;
      for (const bad of bodiesFor(target, needs, how))
        if ((await one(target, needs, bad)) && left-- > 0)
          needs = await renewed(lab, target.name, needs);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  agent.destroy();
  const times = { p99Ms: p99Of(refused), doneP99Ms: p99Of(done), idleP99Ms: p99Of(idle) };
  return { sent: refused.length + done.length, byStatus, faults, ...times };
}

async function idleMs(lab: ContractLab): Promise<number> {
  const ownMs = ownTime();
  await (await lab.ask('GET', '/livez')).text();
  return ownMs();
}

/** How much time passes, without that in which this thread waits for a core, ms. */
function ownTime(): () => number {
  const from = performance.now() - waitedMs();
  return () => performance.now() - waitedMs() - from;
}

function p99Of(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
}

function* bodiesFor(
  { name }: Target,
  { body }: Needs,
  { seed, mangled, every }: Attack,
): Iterable<Malformed> {
  // Each route gets another part.
  let no = seed + name.length;
  for (const bad of malformedOf(body)) {
    no += 1;
    if (no % every === 0) yield bad;
  }
  const random = randomOf(seed);
  for (let left = mangled; left > 0; left -= 1) yield mangledOf(body, random);
}

function targetsOf({ document }: ContractLab): Target[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'get')
      .map(([each, { responses, requestBody }]) => {
        const method = each.toUpperCase();
        const statuses = Object.keys(responses);
        return { name: `${method} ${path}`, method, path, statuses, isRead: Boolean(requestBody) };
      }),
  );
}

/** What a request needs after one that did something; as before where that takes too long or cannot be made any more. */
async function renewed(lab: ContractLab, name: string, before: Needs): Promise<Needs> {
  const made = Promise.resolve(needsOf(lab, name)).catch(() => before);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Needs>((resolve) => {
    timer = setTimeout(() => resolve(before), patienceMs);
  });
  try {
    return await Promise.race([made, late]);
  } finally {
    clearTimeout(timer);
  }
}

let keys = 0;

function send(
  { server }: ContractLab,
  agent: Agent,
  of: { readonly target: Target; readonly needs: Needs; readonly bad: Malformed },
): Promise<Answered> {
  const { target, needs, bad } = of;
  const path =
    target.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(needs.path?.[name] ?? 'x')) +
    (needs.query ?? '');
  keys += 1;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(bad.body.length),
    'idempotency-key': `malformed-${keys}`,
    ...bad.headers,
  };
  return new Promise((resolve, reject) => {
    const asked = request(
      server.url + path,
      { agent, method: target.method, headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            type: answer.headers['content-type'] ?? '',
            text,
          }),
        );
        answer.on('error', reject);
      },
    );
    asked.on('error', (error) => resolve({ status: 0, type: '', text: String(error) }));
    asked.end(bad.body);
  });
}

function faultOf(target: Target, bad: Malformed, { status, type, text }: Answered): string | null {
  const said = `${status} ${text.slice(0, 300)}`;
  if (status === 0 || status >= 500) return said;
  if (inside.test(text)) return `tells of the inside: ${said}`;
  if (status >= 400)
    return type.startsWith('application/problem+json') ? null : `is ${type}: ${said}`;
  if (!target.statuses.includes(String(status))) return `is not documented: ${said}`;
  return bad.isUnreadable && target.isRead ? `was taken: ${said}` : null;
}
