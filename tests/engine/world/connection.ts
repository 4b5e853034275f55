import type pg from 'pg';
import { flushSql, readBackSql } from '../../../core/engine/journal/flush.ts';
import type { SimDatabase } from './database.ts';
import { type FlushValues, flushValues } from './flush-values.ts';
import type { Left } from './gathered.ts';

type LeftBy = (flush: FlushValues) => Left | null;

interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Pending {
  /** What the database does when the statement reaches it. */
  readonly execute: () => readonly unknown[];
  readonly resolve: (result: { readonly rows: readonly unknown[] }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A journal's connection to the simulated database: nothing is answered until the world says so, and the world may lose the
 * answer, or the statement, or let it arrive after its connection was given up.
 */
export class SimConnection {
  readonly #database: SimDatabase;
  readonly #leftBy: LeftBy;
  #pending: Pending | null = null;
  #ended: () => void = () => {};
  isLost = false;
  /** Where `dropClient` takes hold. */
  readonly connection = { stream: { destroy: () => this.#fail() } };

  /** `leftBy`: what of its engine a flush does not bring that leaves now. @default each brings all */
  constructor(database: SimDatabase, leftBy: LeftBy = () => null) {
    this.#database = database;
    this.#leftBy = leftBy;
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
    const execute = this.#statement({ text: '', ...query });
    return new Promise((resolve, reject) => {
      this.#pending = { execute, resolve, reject };
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
      const rows = pending ? pending.execute() : [];
      pending?.resolve({ rows });
    } catch (error) {
      pending?.reject(error as Error);
    }
  }

  /** Executes what was asked although nobody will hear the answer. */
  executeSilently(): void {
    try {
      this.#pending?.execute();
    } catch {
      // A refusal leaves nothing behind.
    }
  }

  /** The statement in flight, to be executed at any later time. */
  get inFlight(): (() => void) | null {
    const pending = this.#pending;
    return pending && (() => void pending.execute());
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

  /** A flush's parameters are read here, as pg copies them: what the engine writes there next is of its next flush. */
  #statement({ text, values }: Query): Pending['execute'] {
    if (text === readBackSql) return () => this.#database.readBack(values);
    if (text === flushSql) {
      const flush = flushValues(values);
      const left = this.#leftBy(flush);
      return () => [this.#database.flush(flush, left)];
    }
    throw new Error(`The simulated database does not know this statement: ${text.slice(0, 80)}`);
  }
}
