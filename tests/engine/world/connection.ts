import type pg from 'pg';
import { flushSql, readBackSql } from '../../../core/engine/run/flush.ts';
import type { SimDatabase } from './database.ts';

interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Pending extends Query {
  readonly resolve: (result: { readonly rows: readonly unknown[] }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A journal's connection to the simulated database: nothing is answered until the world says so, and the world may lose the
 * answer, or the statement, or let it arrive after its connection was given up.
 */
export class SimConnection {
  readonly #database: SimDatabase;
  #pending: Pending | null = null;
  #ended: () => void = () => {};
  isLost = false;
  /** Where `dropClient` takes hold. */
  readonly connection = { stream: { destroy: () => this.#fail() } };

  constructor(database: SimDatabase) {
    this.#database = database;
  }

  /** The connection in the type that the journal takes. */
  get client(): pg.Client {
    return this as unknown as pg.Client;
  }

  get isAsked(): boolean {
    return this.#pending !== null;
  }

  query(
    asked: string | Partial<Query>,
    values: readonly unknown[] = [],
  ): Promise<{ readonly rows: readonly unknown[] }> {
    const query = typeof asked === 'string' ? { text: asked, values } : { values, ...asked };
    // As pg does: what the engine writes there next is of its next flush.
    const sent = (query.values ?? []).map((each) =>
      Buffer.isBuffer(each) ? Buffer.from(each) : each,
    );
    return new Promise((resolve, reject) => {
      this.#pending = { text: '', ...query, values: sent, resolve, reject };
    });
  }

  once(_event: 'end', listener: () => void): void {
    this.#ended = listener;
  }

  async end(): Promise<void> {
    this.#fail();
  }

  /** Executes what was asked, and answers. */
  answer(): void {
    const pending = this.#pending;
    this.#pending = null;
    try {
      const rows = pending ? this.#execute(pending) : [];
      pending?.resolve({ rows });
    } catch (error) {
      pending?.reject(error as Error);
    }
  }

  /** Executes what was asked although nobody will hear the answer. */
  executeSilently(): void {
    const pending = this.#pending;
    if (!pending) return;
    try {
      this.#execute(pending);
    } catch {
      // A refusal leaves nothing behind.
    }
  }

  /** The statement in flight, to be executed at any later time. */
  get inFlight(): (() => void) | null {
    const pending = this.#pending;
    return pending && (() => void this.#execute(pending));
  }

  /** Loses the connection. */
  lose(): void {
    this.#fail();
    this.#ended();
  }

  #fail(): void {
    const pending = this.#pending;
    this.#pending = null;
    this.isLost = true;
    const lost = Object.assign(new Error('Connection terminated unexpectedly'), { code: '' });
    pending?.reject(lost);
  }

  #execute({ text, values }: Query): readonly unknown[] {
    if (text === flushSql) return [this.#database.flush(values)];
    if (text === readBackSql) return this.#database.readBack(values);
    throw new Error(`The simulated database does not know this statement: ${text.slice(0, 80)}`);
  }
}
