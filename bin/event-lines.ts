import { type EntryView, entriesPerRead, type History } from '../core/engine/history/history.ts';
import { pathOf } from '../core/engine/run/step.ts';
import { oneLine, type Terminal } from './terminal.ts';

interface Listened {
  readonly tenantId: number;
  readonly runId: string;
}

/** Characters of what an event says beside its kind and step. */
const longestData = 160;

/** The events of a run as lines, each once, in the order in which they became durable. */
export class EventLines {
  readonly #history: History;
  readonly #run: Listened;
  readonly #terminal: Terminal;
  readonly #paths = new Map<number, string>();
  #seq = 0;

  constructor(history: History, run: Listened, terminal: Terminal) {
    this.#history = history;
    this.#run = run;
    this.#terminal = terminal;
  }

  /** Prints what is new. */
  async read(): Promise<void> {
    const { tenantId, runId } = this.#run;
    for (;;) {
      const entries = await this.#history.entries(tenantId, runId, this.#seq);
      if (entries.some(({ step }) => step !== null && !this.#paths.has(step))) await this.#name();
      for (const entry of entries) this.#terminal.say(this.#lineOf(entry));
      this.#seq = entries.at(-1)?.seq ?? this.#seq;
      if (entries.length < entriesPerRead) return;
    }
  }

  async #name(): Promise<void> {
    const after = Math.max(-1, ...this.#paths.keys());
    const { tenantId, runId } = this.#run;
    for (const step of await this.#history.steps(tenantId, runId, { after }))
      this.#paths.set(step.id, pathOf(step));
  }

  #lineOf({ seq, step, kind, data }: EntryView): string {
    const path = step === null ? '' : (this.#paths.get(step) ?? String(step));
    const said = JSON.stringify(data);
    const shown = said.length > longestData ? `${said.slice(0, longestData)}…` : said;
    const fields = [String(seq).padStart(4), kind.padEnd(16), path, said === '{}' ? '' : shown];
    return oneLine(fields.filter((each) => each !== '').join('  '));
  }
}
