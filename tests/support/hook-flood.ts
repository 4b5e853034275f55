import { Agent, request } from 'node:http';
import { signed } from './hook-lab.ts';

/** A flood of posts: how many, and how many in a hundred of them are what. */
export interface Flood {
  readonly posts: number;
  readonly duplicates: number;
  readonly forged: number;
  readonly stale: number;
  /** What the receiver takes for now, seconds. */
  readonly seconds: number;
  readonly secret: string;
}

interface Post {
  readonly kind: 'new' | 'duplicate' | 'forged' | 'stale';
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** What has become of a flood. */
export interface Flooded {
  /** Statuses of what was sent as each kind, with how many there were: `new 202`. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Distinct messages that were genuine. */
  readonly ids: number;
  /** Of refusals for load: those that did not say when to come again. */
  readonly mute: number;
  readonly p99Ms: number;
  readonly seconds: number;
}

/** Sends all posts at once, over as many connections as `sockets`; each is on its way before any answer is awaited. */
export async function flood(url: string, of: Flood, sockets = 256): Promise<Flooded> {
  const posts = postsOf(of);
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  const statuses: Record<string, number> = {};
  const times: number[] = [];
  let mute = 0;
  const began = performance.now();
  await Promise.all(
    posts.map(async (post) => {
      const { status, retryAfter, ms } = await send(url, post, agent);
      const key = `${post.kind} ${status}`;
      statuses[key] = (statuses[key] ?? 0) + 1;
      if ((status === 429 || status === 503) && retryAfter === undefined) mute += 1;
      times.push(ms);
    }),
  );
  agent.destroy();
  times.sort((a, b) => a - b);
  const seconds = (performance.now() - began) / 1_000;
  const ids = posts.filter(({ kind }) => kind === 'new').length;
  return { statuses, ids, mute, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0, seconds };
}

function postsOf({ posts, duplicates, forged, stale, seconds, secret }: Flood): readonly Post[] {
  const share = (percent: number): number => Math.round((posts * percent) / 100);
  const others = share(duplicates) + share(forged) + share(stale);
  const made = (index: number, at = seconds): Omit<Post, 'kind'> => {
    const body = JSON.stringify({
      entity: 'ticket',
      record: `F${index % 97}`,
      version: `${index}`,
    });
    return { body, headers: signed(body, { id: `flood_${index}`, seconds: at, secret }) };
  };
  const all: Post[] = Array.from({ length: posts - others }, (_, index) => ({
    kind: 'new',
    ...made(index),
  }));
  const news = all.length;
  for (let n = 0; n < share(duplicates); n += 1) all.push({ kind: 'duplicate', ...made(n % news) });
  for (let n = 0; n < share(forged); n += 1) {
    const post = made(1_000_000 + n);
    all.push({ kind: 'forged', ...post, body: post.body.replace('ticket', 'Ticket') });
  }
  for (let n = 0; n < share(stale); n += 1)
    all.push({ kind: 'stale', ...made(2_000_000 + n, seconds - 301) });
  // Mixed, the same way each time.
  return all
    .map((post, index) => ({ post, at: (index * 7_919) % all.length }))
    .sort((a, b) => a.at - b.at)
    .map(({ post }) => post);
}

interface Answered {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** From when it went out on its connection. */
  readonly ms: number;
}

function send(url: string, { body, headers }: Post, agent: Agent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = String(Buffer.byteLength(body));
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': length },
    });
    let began = performance.now();
    sent.once('socket', () => {
      began = performance.now();
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      response.resume();
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          ms: performance.now() - began,
        }),
      );
    });
    sent.end(body);
  });
}
