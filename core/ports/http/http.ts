import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../../sdk/outside.ts';
import { readText } from './body.ts';
import type { HttpConfig } from './config.ts';
import { faultOf, type HttpSeams } from './connector.ts';
import { guardedFetch } from './guarded-fetch.ts';

/** HTTP within the configuration's bounds; a request ends when the signal aborts. */
export type OpenHttp = (config: HttpConfig, seams?: HttpSeams) => (signal: AbortSignal) => Http;

/**
 * HTTP for tools: text only, 30 s for a request. A GET follows redirects; what changes something is answered by whom it was sent to,
 * whatever that answer is, and once it was sent nothing is EGRESS_REFUSED any more.
 */
export const openHttp: OpenHttp = (config, seams = {}) => {
  const ask = guardedFetch(config, seams);
  return (signal) => ({
    request: async (request) => {
      const late = AbortSignal.timeout(seams.totalMs ?? 30_000);
      try {
        return await exchange(ask, request, AbortSignal.any([signal, late]));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw isEngineError(error) ? error : failure(request, error);
      }
    },
  });
};

async function exchange(
  ask: typeof fetch,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { url, method = 'GET', headers = {}, body } = request;
  const isRead = method === 'GET' || method === 'HEAD';
  const response = await ask(url, {
    method,
    headers: { ...headers },
    redirect: isRead ? 'follow' : 'manual',
    signal,
    ...(body !== undefined && { body }),
  });
  const head = {
    status: response.status,
    url: response.url,
    headers: Object.fromEntries(response.headers),
  };
  if (isRead) return { ...head, text: await readText(response) };
  try {
    return { ...head, text: await readText(response) };
  } catch (error) {
    // What was sent has had its effect: its status counts more than words that cannot be read.
    if (!isEngineError(error)) throw error;
    return { ...head, text: '', omitted: error.message };
  }
}

function failure({ url }: HttpRequest, error: unknown): EngineError {
  const host = URL.canParse(url) ? new URL(url).hostname : 'the address';
  // What a request may not look like: a header that is none, a body where there may be none.
  if (error instanceof TypeError && error.cause === undefined) {
    return new EngineError(
      'EGRESS_REFUSED',
      `The request to '${host}' is not well formed; correct it: ${error.message}`,
    );
  }
  return new EngineError('HTTP_FAILED', `'${host}' gave no whole answer (${faultOf(error)}).`, {
    cause: error,
  });
}
