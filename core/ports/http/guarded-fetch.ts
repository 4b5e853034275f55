import type { Agent, Response as Answer, fetch as Send } from 'undici';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { bounded } from './body.ts';
import type { FetchConfig } from './config.ts';
import { faultOf, guardedConnector, type HttpSeams } from './connector.ts';
import { type Egress, openEgress } from './egress.ts';
import { follow, type Hop, locationOf } from './redirect.ts';
import { secretHeaders } from './secret-headers.ts';

const maxRedirects = 3;

// Names that a sender sets itself (https://fetch.spec.whatwg.org/#forbidden-request-header), and those that turn a GET into something else.
const ownNames =
  /^(host|connection|content-length|date|expect|keep-alive|te|trailer|transfer-encoding|upgrade|via|x-http-method|x-http-method-override|x-method-override|proxy-.*|sec-.*)$/;

/**
 * `fetch` that reaches what the configuration allows, and nothing else: https to public addresses of allowed hosts, each redirect by
 * the same rules, at most three. The answer's body ends with an error past `maxBytes`; of a `text/event-stream`, which the caller
 * ends, each event does. It throws EGRESS_REFUSED before anything has been sent to whom it may not be, and HTTP_FAILED; the signal's reason when that aborts.
 * @throws CONFIG_INVALID for hosts and origins that are none
 */
export function guardedFetch(config: FetchConfig, seams: HttpSeams = {}): typeof fetch {
  const egress = openEgress(config);
  let sender: Promise<Sender> | null = null;
  const secrets = secretHeaders(config.headersFrom ?? {}, seams.env ?? process.env);
  const maxBytes = config.maxBytes ?? 5_000_000;

  const ask = async (hop: Hop, signal: AbortSignal | null): Promise<Answer> => {
    const headers = new Headers(hop.headers);
    if (!hop.hasCrossed) for (const [name, value] of secrets(hop.url)) headers.set(name, value);
    try {
      const { url, method, body } = hop;
      sender ??= openSender(egress, seams);
      const { send, dispatcher } = await sender;
      const init = { method, headers: [...headers], body, signal, dispatcher };
      return await send(url, { ...init, redirect: 'manual' });
    } catch (error) {
      throw failure(hop, error, signal);
    }
  };

  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    const mode = init?.redirect ?? (input instanceof Request ? input.redirect : 'follow');
    let hop = await firstHop(egress, input, init);
    for (let redirects = 0; ; redirects += 1) {
      const answer = await ask(hop, signal);
      const location = mode === 'manual' ? null : locationOf(answer.status, answer.headers);
      if (location === null) return bounded(answer, hop.url, maxBytes);
      await answer.body?.cancel();
      if (mode === 'error' || redirects === maxRedirects) throw astray(hop, redirects);
      hop = follow(hop, answer.status, nextUrl(egress, hop, location));
    }
  };
}

/** What requests leave through, over connections that are kept. */
interface Sender {
  readonly send: typeof Send;
  readonly dispatcher: Agent;
}

/** Most who may send never do: its hundred files are loaded by the first request. */
async function openSender(egress: Egress, seams: HttpSeams): Promise<Sender> {
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({ connect: guardedConnector(egress, seams), bodyTimeout: 0 });
  return { send: fetch, dispatcher };
}

async function firstHop(
  egress: Egress,
  input: Parameters<typeof fetch>[0],
  init: Parameters<typeof fetch>[1],
): Promise<Hop> {
  const url = egress.check(input instanceof Request ? input.url : String(input));
  const request = new Request(input instanceof Request ? input : url.href, {
    ...init,
    ...(init?.body && { duplex: 'half' }),
  });
  const headers = new Headers(request.headers);
  for (const name of [...headers.keys()]) if (ownNames.test(name)) headers.delete(name);
  if (!headers.has('user-agent')) headers.set('user-agent', 'tutti');
  const body = request.body ? new Uint8Array(await request.arrayBuffer()) : null;
  return { url, method: request.method, headers, body, hasCrossed: false };
}

/** Where a redirect leads, by the same rules. @throws EGRESS_REFUSED */
function nextUrl(egress: Egress, { url }: Hop, location: string): URL {
  const next = egress.check(
    URL.canParse(location, url.href) ? new URL(location, url).href : location,
  );
  if (!egress.isOwn(next.origin) || next.origin === url.origin) return next;
  throw new EngineError(
    'EGRESS_REFUSED',
    `'${url.hostname}' sends the request on to '${next.origin}', which lies inside; nothing outside may lead there.`,
  );
}

function failure({ url }: Hop, error: unknown, signal: AbortSignal | null): unknown {
  if (signal?.aborted) return signal.reason;
  const cause = error instanceof Error ? error.cause : undefined;
  if (isEngineError(cause)) return cause;
  return new EngineError('HTTP_FAILED', `'${url.hostname}' gave no answer (${faultOf(error)}).`, {
    cause: error,
  });
}

function astray({ url }: Hop, redirects: number): EngineError {
  return new EngineError(
    'HTTP_FAILED',
    `'${url.hostname}' sends the request on after ${redirects} redirects; ask for its last address.`,
  );
}
