import { type Asked, askedBy } from './loop/steering.ts';
import type { Inbox, Message, SteerKind } from './store/inbox.ts';

/** What an engine hears its messages with. */
export interface InboxReaderParts {
  readonly inbox: Pick<Inbox, 'read'>;
  /** The engine whose runs are meant. */
  readonly boot: string;
  /** Answers the questions among messages; the others are to be heard. */
  readonly answer: (messages: readonly Message[]) => Promise<readonly Message<SteerKind>[]>;
  /** Does what a message asks of a run; false: the run is not in memory yet, and is asked again. */
  readonly hear: (runId: string, asked: Asked, taken: readonly number[]) => boolean;
}

/** Reads the messages to an engine's runs, and has each heard once: it stays in the table until the flush that records it. */
export class InboxReader {
  readonly #parts: InboxReaderParts;
  /** Those that were heard, as far as they were in the table at the last look. */
  #heard: ReadonlySet<number> = new Set();
  #reading: Promise<void> = Promise.resolve();

  constructor(parts: InboxReaderParts) {
    this.#parts = parts;
  }

  /** Looks, one look after the other: an answer that came late would bring again what was heard and taken since. @throws DB_* */
  read(): Promise<void> {
    const read = this.#reading.then(() => this.#look());
    this.#reading = read.catch(() => {});
    return read;
  }

  async #look(): Promise<void> {
    const { inbox, boot, answer, hear } = this.#parts;
    const messages = await answer(await inbox.read(boot));
    const heard = messages
      .toSorted(endsFirst)
      .filter(
        (message) =>
          this.#heard.has(message.id) || hear(message.run_id, askedBy(message), [message.id]),
      );
    this.#heard = new Set(heard.map(({ id }) => id));
  }
}

/** Whoever wants a run ended is heard before all else: what others have asked of it meanwhile could end it another way. */
function endsFirst(one: Message, other: Message): number {
  return Number(endsRun(other)) - Number(endsRun(one));
}

function endsRun({ kind, data }: Message): boolean {
  return kind === 'cancel' && data.step === undefined;
}
