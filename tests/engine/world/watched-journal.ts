import {
  type Flushed,
  Journal,
  type JournalEvents,
  type JournalOptions,
} from '../../../core/engine/journal/journal.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';

/** Who hears of what is handed to a journal, and of calls that a purse had too little for. */
type Hearers = Readonly<Record<'told' | 'refused', (change: Change) => void>>;

/** A journal that says what is handed to it, and whose call a purse had too little for. */
export class WatchedJournal extends Journal {
  readonly #hearers: Hearers;

  constructor(
    hearers: Hearers,
    line: JournalOptions & { readonly connect: ConstructorParameters<typeof Journal>[0] },
    events: JournalEvents,
  ) {
    super(line.connect, line, events);
    this.#hearers = hearers;
  }

  override write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#hearers.told(change);
    super.write(
      change,
      durable &&
        ((flushed) => {
          if (!flushed.admitted) this.#hearers.refused(change);
          durable(flushed);
        }),
    );
  }
}
