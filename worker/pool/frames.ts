import { deserialize, serialize } from 'node:v8';
import { EngineError } from '../../core/base/errors.ts';

/** The longest message, bytes: far more than any step's input or conversation. */
export const longestMessage = 32 * 1024 * 1024;
/** The longest one until both sides know that they fit together, bytes. */
export const longestGreeting = 16 * 1024;
const headBytes = 4;

/** A message as it goes over the wire: its length (32 bits, big endian), then its structured clone. @throws MACHINE_MESSAGE: it is too long, or no data */
export function frameOf(message: unknown): Buffer {
  let body: Buffer;
  try {
    body = serialize(message);
  } catch (cause) {
    throw unfit(`A message cannot be sent: ${(cause as Error).message}`, cause);
  }
  if (body.length > longestMessage) throw tooLong(body.length, longestMessage);
  return framed(body);
}

/** A serialized message behind its length. */
export function framed(body: Buffer): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Makes messages of the bytes that come in. Only for bytes of somebody who is known: what it reads becomes objects. */
export class FrameReader {
  /** The longest message that it takes, bytes. */
  longest: number;
  #chunks: Buffer[] = [];
  #have = 0;
  /** Length of the body that is coming; null while its length is. */
  #body: number | null = null;

  constructor(longest: number) {
    this.longest = longest;
  }

  /** The messages that these bytes complete. @throws MACHINE_MESSAGE: one is too long, empty, or not readable; nothing after it is */
  read(bytes: Buffer): readonly unknown[] {
    this.#chunks.push(bytes);
    this.#have += bytes.length;
    const messages: unknown[] = [];
    for (;;) {
      if (this.#body === null) {
        if (this.#have < headBytes) return messages;
        this.#body = this.#lengthIn(this.#take(headBytes));
      }
      if (this.#have < this.#body) return messages;
      messages.push(messageIn(this.#take(this.#body)));
      this.#body = null;
    }
  }

  #lengthIn(head: Buffer): number {
    const length = head.readUInt32BE();
    if (length > this.longest || length === 0) throw tooLong(length, this.longest);
    return length;
  }

  #take(length: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks;
    const all = first.length >= length ? first : Buffer.concat(this.#chunks);
    const rest = this.#chunks.slice(all === first ? 1 : this.#chunks.length);
    this.#chunks = all.length > length ? [all.subarray(length), ...rest] : rest;
    this.#have -= length;
    return all.subarray(0, length);
  }
}

function messageIn(body: Buffer): unknown {
  try {
    return deserialize(body);
  } catch (cause) {
    throw unfit(
      'A message cannot be read; are both sides of the same release, on the same Node?',
      cause,
    );
  }
}

function tooLong(bytes: number, longest: number): EngineError {
  return unfit(`A message has ${bytes} bytes, where 1 to ${longest} are allowed.`);
}

function unfit(message: string, cause?: unknown): EngineError {
  return new EngineError('MACHINE_MESSAGE', message, { cause });
}
