import { EngineError } from '../../base/errors.ts';

/** Bytes of one message. */
export const largestMessage = 10 * 1024 * 1024;
/**
 * Values of one message, those in its lists and objects counted: so many are read, checked and handed on within 30 ms, in which the
 * process that all agents share does nothing else. Ten megabytes of small ones took 400.
 */
export const mostValues = 200_000;

const codeOf = (letter: string): number => letter.charCodeAt(0);
const [quote, backslash, comma] = [codeOf('"'), codeOf('\\'), codeOf(',')];
const [brace, bracket, lineFeed, carriageReturn] = ['{', '[', '\n', '\r'].map(codeOf);

/** Counts the values of messages while their bytes arrive, before anybody reads them as JSON. */
export class MessageSize {
  readonly #isStream: boolean;
  #values = 0;
  #isText = false;
  #isEscaped = false;
  #isLineEmpty = true;
  #isTooLarge = false;

  /** `isStream`: events, one after the other, each of which ends with an empty line. */
  constructor(isStream = false) {
    this.#isStream = isStream;
  }

  /** Whether a message had too many values. */
  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** Takes a part of a message, cut anywhere. */
  add(part: Uint8Array): void {
    for (const byte of part) {
      if (byte === lineFeed) this.#endLine();
      else if (byte !== carriageReturn) this.#isLineEmpty = false;
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isText && byte === backslash) this.#isEscaped = true;
      else if (byte === quote) this.#isText = !this.#isText;
      else if (!this.#isText && (byte === comma || byte === brace || byte === bracket))
        this.#count();
    }
  }

  #count(): void {
    this.#values += 1;
    if (this.#values > mostValues) this.#isTooLarge = true;
  }

  /** No text of JSON goes over the end of a line: whatever stands around messages may have a single quote. */
  #endLine(): void {
    this.#isText = false;
    this.#isEscaped = false;
    if (this.#isStream && this.#isLineEmpty) this.#values = 0;
    this.#isLineEmpty = true;
  }
}

/** An answer whose body ends with an error once a message in it has too many values. */
export function sized(response: Response): Response {
  const { body, status, statusText, headers, url } = response;
  if (!body) return response;
  const size = new MessageSize(headers.get('content-type')?.startsWith('text/event-stream'));
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size.add(chunk);
      if (size.isTooLarge) controller.error(tooLarge(url));
      else controller.enqueue(chunk);
    },
  });
  const counted = new Response(body.pipeThrough(counting), { status, statusText, headers });
  return Object.defineProperty(counted, 'url', { value: url });
}

function tooLarge(url: string): EngineError {
  return new EngineError(
    'EGRESS_REFUSED',
    `The answer of '${new URL(url).hostname}' has more than ${mostValues} values; ask for less.`,
  );
}
