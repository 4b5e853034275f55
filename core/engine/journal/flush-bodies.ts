import { BinaryArray } from './binary-array.ts';

/** What is kept for the next flush, bytes: one with larger bodies is seldom, and its memory goes. */
const keptSize = 4 << 20;
const none = Buffer.alloc(0);

/** The bodies of a flush's payloads, end to end. */
export class FlushBodies {
  #texts: (string | Buffer)[] = [];
  #keys: (number | null)[] = [];
  #isSealed = false;
  #size = 0;
  #bytes: Buffer = none;

  /** Begins anew, in the same bytes. */
  clear(): void {
    this.#texts = [];
    this.#keys = [];
    this.#isSealed = false;
    this.#size = 0;
    if (this.#bytes.length > keptSize) this.#bytes = none;
  }

  /** Returns where the body starts, from 1, as SQL counts, and its size in bytes. `keyId`: that it is sealed with. */
  add(text: string | Buffer, keyId: number | null = null): readonly [start: number, size: number] {
    const start = this.#size + 1;
    const size = Buffer.byteLength(text);
    this.#texts.push(text);
    this.#keys.push(keyId);
    this.#isSealed ||= keyId !== null;
    this.#size += size;
    return [start, size];
  }

  /** The bodies, end to end; then, where any is sealed, the key of each. Until they are cleared. */
  parameters(): readonly Buffer[] {
    if (!this.#isSealed) return [this.#joined()];
    const keys = new BinaryArray('int');
    for (const key of this.#keys) keys.add(key);
    return [this.#joined(), keys.toBuffer()];
  }

  #joined(): Buffer {
    if (this.#bytes.length < this.#size) this.#bytes = Buffer.allocUnsafe(2 * this.#size);
    const all = this.#bytes;
    let at = 0;
    for (const text of this.#texts)
      at += typeof text === 'string' ? all.write(text, at) : text.copy(all, at);
    return all.subarray(0, at);
  }
}
