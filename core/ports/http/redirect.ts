/** One request on its way, with what may change when it is sent on. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array | null;
  /** Whether it has left the origin that it was first sent to. */
  readonly hasCrossed: boolean;
}

const codes = new Set([301, 302, 303, 307, 308]);

// What may go to whom the caller did not name. Everything else may be a secret: keys have many names.
const harmless = new Set([
  'accept',
  'accept-language',
  'content-language',
  'content-type',
  'idempotency-key',
  'user-agent',
]);

const ofBody = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/** Whether an answer sends the asker elsewhere, and where. */
export function locationOf(
  status: number,
  headers: { get(name: string): string | null },
): string | null {
  return codes.has(status) ? headers.get('location') : null;
}

/**
 * The request that follows a redirect: a POST becomes a GET after 301 and 302, everything but HEAD after 303, and another origin is
 * told nothing that could be a secret.
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function follow(hop: Hop, status: number, url: URL): Hop {
  const headers = new Headers(hop.headers);
  const isNew =
    (status === 303 && !['GET', 'HEAD'].includes(hop.method)) ||
    ([301, 302].includes(status) && hop.method === 'POST');
  if (isNew) for (const name of ofBody) headers.delete(name);
  const isOther = url.origin !== hop.url.origin;
  if (isOther)
    for (const name of [...headers.keys()]) if (!harmless.has(name)) headers.delete(name);
  return {
    url,
    method: isNew ? 'GET' : hop.method,
    headers,
    body: isNew ? null : hop.body,
    hasCrossed: hop.hasCrossed || isOther,
  };
}
