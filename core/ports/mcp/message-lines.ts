import { deserializeMessage, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { someOutsideTexts } from '../../base/nesting.ts';
import { largestMessage, MessageSize, mostValues } from './message-size.ts';

const lineFeed = 10;

/**
 * Messages of a stream with one a line, whatever parts it arrives in. The SDK's own buffer copies all that it has with each part, and
 * reads every message, however many values it has.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#stdio
 */
export class MessageLines {
  #parts: Buffer[] = [];
  #bytes = 0;
  #size = new MessageSize();

  /**
   * Takes a part, and tells of each line that it ends: its message, or why it is none. False: a line is longer than any message, and what
   * follows cannot be read any more.
   */
  take(
    chunk: Buffer,
    hears: { onMessage(message: JSONRPCMessage): void; onError(error: Error): void },
  ): boolean {
    for (let from = 0; ; ) {
      const end = chunk.indexOf(lineFeed, from);
      const part = chunk.subarray(from, end < 0 ? chunk.length : end);
      this.#bytes += part.length;
      if (this.#bytes > largestMessage) return false;
      this.#size.add(part);
      this.#parts.push(part);
      if (end < 0) return true;
      from = end + 1;
      const { isTooLarge } = this.#size;
      const line = Buffer.concat(this.#parts).toString().replace(/\r$/, '');
      this.clear();
      try {
        hears.onMessage(isTooLarge ? refusalOf(line) : deserializeMessage(line));
      } catch (error) {
        // A line that is no message, such as a banner, is passed over.
        hears.onError(error as Error);
      }
    }
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#size = new MessageSize();
  }
}

/** What whoever waits for an answer hears instead of one that has too many values. @throws SyntaxError for what is no message */
function refusalOf(line: string): JSONRPCMessage {
  const { id } = JSON.parse(outermost(line)) as { readonly id?: string | number };
  const message = `the answer has more than ${mostValues} values; ask for less`;
  return deserializeMessage(
    JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_600, message } }),
  );
}

/** A message without what stands in its members' own lists and objects. */
function outermost(line: string): string {
  let kept = '';
  let level = 0;
  let from = 0;
  someOutsideTexts(line, (letter, at) => {
    if (letter === '{' || letter === '[') {
      level += 1;
      if (level === 2) kept += `${line.slice(from, at)}null`;
    } else if (letter === '}' || letter === ']') {
      if (level === 2) from = at + 1;
      level -= 1;
    }
    return false;
  });
  return kept + line.slice(from);
}
