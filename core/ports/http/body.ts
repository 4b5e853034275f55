import type { Response as Answer } from 'undici';
import { EngineError } from '../../base/errors.ts';

// Statuses whose answers have no body: https://fetch.spec.whatwg.org/#null-body-status
const empty = new Set([101, 103, 204, 205, 304]);

/** The answer as the platform's own, its body cut off with an error past `maxBytes`; of a stream of events, each event. */
export function bounded(answer: Answer, url: URL, maxBytes: number): Response {
  const { status, statusText, body } = answer;
  const isStream = typeOf(answer.headers) === 'text/event-stream';
  const content =
    body && !empty.has(status)
      ? (body as ReadableStream<Uint8Array>).pipeThrough(
          (isStream ? countedEvents : counted)(maxBytes, url),
        )
      : null;
  const response = new Response(content, { status, statusText, headers: [...answer.headers] });
  return Object.defineProperty(response, 'url', { value: url.href });
}

function counted(maxBytes: number, { hostname }: URL): TransformStream<Uint8Array, Uint8Array> {
  let left = maxBytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left >= 0) controller.enqueue(chunk);
      else controller.error(tooLong(hostname, maxBytes));
    },
  });
}

const lineFeed = 10;
const carriageReturn = 13;

/**
 * Such a stream has no end, but whoever reads it gathers an event until the empty line after it.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
function countedEvents(
  maxBytes: number,
  { hostname }: URL,
): TransformStream<Uint8Array, Uint8Array> {
  let eventBytes = 0;
  let lineBytes = 0;
  let last = 0;
  return new TransformStream({
    transform(chunk, controller) {
      for (const byte of chunk) {
        eventBytes += 1;
        if (byte === carriageReturn || (byte === lineFeed && last !== carriageReturn)) {
          if (lineBytes === 0) eventBytes = 0;
          lineBytes = 0;
        } else if (byte !== lineFeed) lineBytes += 1;
        last = byte;
        if (eventBytes > maxBytes) return controller.error(tooLong(hostname, maxBytes));
      }
      controller.enqueue(chunk);
    },
  });
}

// Of what a model or a program reads as text; a stream of events has no end.
const texts =
  /^(text\/(?!event-stream).+|application\/((.+\+)?(json|xml|yaml)|x-yaml|json-seq|x-ndjson|ndjson|csv|x-www-form-urlencoded|javascript)|image\/svg\+xml)$/;

/** The body of an answer as text. @throws EGRESS_REFUSED for what is no text, or longer than allowed */
export async function readText(response: Response): Promise<string> {
  if (!response.body) return '';
  const type = typeOf(response.headers);
  if (type !== '' && !texts.test(type)) {
    await response.body.cancel();
    throw new EngineError(
      'EGRESS_REFUSED',
      `'${new URL(response.url).hostname}' answers with '${type}'; only text is taken: JSON, XML, HTML, CSV.`,
    );
  }
  const bytes = await response.arrayBuffer();
  return decoder(response.headers.get('content-type') ?? '').decode(bytes);
}

function decoder(type: string): InstanceType<typeof TextDecoder> {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset);
  } catch {
    // A name that nobody knows: as any text of the web.
    return new TextDecoder();
  }
}

function typeOf(headers: { get(name: string): string | null }): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function tooLong(hostname: string, maxBytes: number): EngineError {
  return new EngineError(
    'EGRESS_REFUSED',
    `The answer of '${hostname}' is longer than ${maxBytes} bytes; ask for less, or raise 'maxBytes' of the configuration.`,
  );
}
