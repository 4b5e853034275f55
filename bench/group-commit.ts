import type pg from 'pg';
import { type FlushRow, flushSql } from '../core/engine/journal/flush.ts';
import { FlushWriter, stepRows } from '../core/engine/journal/flush-rows.ts';
import type { Change } from '../core/engine/journal/rows.ts';

const largest = 1_000;

/** The floor's writer: what arrives while a commit is in flight goes down with the next, through the engine's own statement. */
export class GroupCommit {
  readonly #client: pg.Client;
  readonly #boot: string;
  readonly #writer = new FlushWriter();
  #gathered: {
    readonly change: Change;
    readonly durable: () => void;
    readonly failed: (error: unknown) => void;
  }[] = [];
  #busy = false;
  #flushNo = 0;

  constructor(client: pg.Client, boot: string) {
    this.#client = client;
    this.#boot = boot;
  }

  /** Resolves when the change is committed. */
  write(change: Change): Promise<void> {
    return new Promise((durable, failed) => {
      this.#gathered.push({ change, durable, failed });
      if (this.#busy) return;
      this.#busy = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#gathered.length > 0) {
      const group = this.#gathered.splice(0, largest);
      try {
        const changes = group.map((each) => each.change);
        const steps = stepRows(changes);
        const values = [
          this.#boot,
          this.#flushNo,
          this.#flushNo + 1,
          ...this.#writer.parameters(changes, steps),
        ];
        const { rows } = await this.#client.query<FlushRow>({
          name: 'flush',
          text: flushSql,
          values,
        });
        if (rows[0]?.alive !== 1 || rows[0].refused !== null || rows[0].steps !== steps.length)
          throw new Error(`The floor's flush answered ${JSON.stringify(rows[0])}.`);
        this.#flushNo += 1;
        for (const each of group) each.durable();
      } catch (error) {
        for (const each of group) each.failed(error);
      }
    }
    this.#busy = false;
  }
}
