import type { Socket } from 'node:net';
import { toErrorData } from '../../core/base/errors.ts';
import { FrameReader, frameOf, longestGreeting, longestMessage } from '../pool/frames.ts';

/** The longest time between two looks that counts: what is longer is our own lateness. */
const longestStepMs = 1_500;
/** What may wait to be sent, bytes: who takes nothing is given up before it fills our memory. */
const mostUnsent = 2 * longestMessage;

/** What becomes of a wire. */
export interface WireEvents<From> {
  message(message: From): void;
  /** Told once: nothing more comes, and nothing is sent. */
  closed(reason: string): void;
}

/** A connection to somebody who is known, as messages. Whatever is wrong with one of them ends the connection, and nothing else. */
export class Wire<To, From> {
  readonly #socket: Socket;
  readonly #events: WireEvents<From>;
  readonly #reader = new FrameReader(longestGreeting);
  #isClosed = false;
  #silentMs = 0;
  #lookedAt: number | null = null;

  constructor(socket: Socket, events: WireEvents<From>) {
    this.#socket = socket;
    this.#events = events;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('end', () => this.drop('the other side closed the connection'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.drop(`the connection broke: ${error.code ?? error.message}`),
    );
    socket.on('close', () => this.drop('the connection was closed'));
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** Both sides fit together: from now on messages may be long. */
  open(): void {
    this.#reader.longest = longestMessage;
  }

  /** @throws MACHINE_MESSAGE: this one cannot be sent; nothing of it was */
  send(message: To): void {
    const frame = frameOf(message);
    if (this.#isClosed) return;
    this.#socket.write(frame);
    if (this.#socket.writableLength > mostUnsent) this.drop('the other side takes nothing');
  }

  /** Says a last thing, and closes. */
  end(message: To): void {
    this.send(message);
    this.#isClosed = true;
    // Who does not close in turn is not waited for.
    this.#socket.end(() => this.#socket.destroySoon());
  }

  /** Looks whether anything was heard. `now` is monotonic ms. Returns for how long nothing was, while we could have heard it. */
  look(now: number): number {
    this.#silentMs += Math.min(now - (this.#lookedAt ?? now), longestStepMs);
    this.#lookedAt = now;
    return this.#silentMs;
  }

  drop(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#events.closed(reason);
  }

  #read(bytes: Buffer): void {
    this.#silentMs = 0;
    try {
      for (const message of this.#reader.read(bytes)) {
        if (this.#isClosed) return;
        this.#events.message(message as From);
      }
    } catch (error) {
      this.drop(`what came cannot be used: ${toErrorData(error).message}`);
    }
  }
}
