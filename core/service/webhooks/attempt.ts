import type { Clock } from '../../base/clock.ts';
import { toErrorData } from '../../base/errors.ts';
import type { Claim } from './claims.ts';
import { judge, type Outcome, retryAfterMs } from './retry.ts';
import { scrub } from './scrub.ts';
import { signedHeaders } from './secret.ts';

/** What an attempt is made with. */
export interface AttemptParts {
  /** Reaches what may be reached, and nothing else. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** For the whole exchange. */
  readonly timeoutMs: number;
}

/** Bytes of an answer that are looked at. */
const shownBytes = 1_024;

/** Makes one attempt; whatever happens is an outcome. */
export async function attempt(
  parts: AttemptParts,
  claim: Claim,
  closing: AbortSignal,
): Promise<Outcome> {
  const { clock, timeoutMs } = parts;
  const began = clock.monotonic();
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort());
  const spent = (): number => Math.max(0, Math.round(clock.monotonic() - began));
  try {
    const signal = AbortSignal.any([closing, late.signal]);
    if (claim.signing instanceof Error) throw claim.signing;
    const headers = await signedHeaders(
      { deliveryId: claim.deliveryId, body: claim.body, at: new Date(clock.now()) },
      claim.signing,
    );
    const response = await parts.fetch(claim.url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'tutti-webhooks' },
      body: new Uint8Array(claim.body),
      redirect: 'manual',
      signal,
    });
    const { status } = response;
    // A success is one whatever becomes of the words that come with it.
    const answer = await beginningOf(response).catch(() => null);
    const wait = retryAfterMs(status, response.headers.get('retry-after'), clock.now());
    return {
      kind: judge(status),
      status,
      error: null,
      answer,
      durationMs: spent(),
      retryAfterMs: wait,
    };
  } catch (error) {
    const what = late.signal.aborted
      ? `No answer within ${timeoutMs} ms.`
      : closing.aborted
        ? 'Broken off: the engine stopped.'
        : toErrorData(error).message;
    const none = { status: null, answer: null, retryAfterMs: null };
    return { kind: 'failed', error: scrub(what), durationMs: spent(), ...none };
  } finally {
    cancel();
  }
}

/** The first words of an answer; the rest is not waited for. */
async function beginningOf(response: Response): Promise<string | null> {
  const reader = response.body?.getReader();
  if (!reader) return null;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes < shownBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.byteLength;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  return scrub(Buffer.concat(chunks).subarray(0, shownBytes).toString('utf8'));
}
