import type pg from 'pg';
import { translateDbError } from '../../../core/ports/db/db-error.ts';
import type { Dice } from './dice.ts';
import type { Statements } from './statements.ts';

/** Something that an engine waits for the database to do. */
interface Asked {
  readonly what: string;
  /** What has come of it, once it is done: its answer is on its way. */
  done?: { readonly result: unknown };
  readonly execute: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  /** What is done in a transaction is done when that is, and not with its first word. */
  readonly isTransaction: boolean;
}

/** What the server says when it has no connection left: nothing was done, and somebody may ask again. */
const tooMany = { code: '53300', message: 'sorry, too many clients already' };
/** Two transactions met: nothing was done, and the same may well succeed. */
const collided = { code: '40P01', message: 'deadlock detected' };

/**
 * What an engine does with the simulated database beside its journal. Whatever another engine could come between of is answered when the
 * world says so, or fails; a process that dies leaves behind what had arrived.
 */
export class SimPool {
  asked: Asked[] = [];
  readonly #statements: Statements;
  #isDead = false;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** The pool in the type that the engine takes. */
  get pool(): pg.Pool {
    return this as unknown as pg.Pool;
  }

  /** Does something in the database when the world says so. */
  ask<T>(what: string, execute: () => T, isTransaction = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.asked.push({ what, execute, resolve: resolve as never, reject, isTransaction });
    });
  }

  async query(text: string, values: readonly unknown[] = []): Promise<object> {
    const { what, execute } = this.#statements.read(text, values);
    return what === null ? execute() : await this.ask(what, execute);
  }

  /** A connection for one transaction: between its statements nobody else does anything. */
  async connect(): Promise<object> {
    await this.ask('a transaction', () => {}, true);
    return {
      query: async (text: string, values: readonly unknown[] = []) => {
        if (/^(BEGIN|ROLLBACK)$/.test(text)) return {};
        if (text !== 'COMMIT') return this.#statements.read(text, values).execute();
        return this.#isDead ? await new Promise(() => {}) : { command: 'COMMIT' };
      },
      release: () => {},
    };
  }

  /** Does one of the things that are asked, or answers what is done; returns what it was. `isSlow`: the answer of what it does comes later. */
  answer(at = 0, isSlow = false): string {
    const asked = this.asked[at];
    if (!asked) return 'nothing';
    asked.done ??= { result: asked.execute() };
    if (isSlow) return `${asked.what}, unheard`;
    this.asked.splice(at, 1);
    asked.resolve(asked.done.result as never);
    return asked.what;
  }

  /** Does not do one of the things that are asked, and says so; returns what it was. */
  fail(dice: Dice): string {
    const open = this.asked.filter(({ done }) => !done);
    if (open.length === 0) return 'nothing';
    const asked = dice.pick(open);
    this.asked = this.asked.filter((each) => each !== asked);
    const error = Object.assign(new Error(), dice.once(2) ? tooMany : collided);
    asked.reject(translateDbError(error));
    return asked.what;
  }

  /** Its process ends: some of what it has asked was done, or is done later; returns that. */
  leave(dice: Dice): readonly (() => void)[] {
    const asked = this.asked.filter(({ done }) => !done);
    this.die();
    return asked.flatMap(({ execute, resolve, isTransaction }) => {
      const happens = dice.once(2);
      if (isTransaction && happens) resolve(undefined as never);
      if (isTransaction || !happens) return [];
      if (dice.once(2)) return [() => void execute()];
      execute();
      return [];
    });
  }

  /** Its process ends, and nothing of what it has asked was done. */
  die(): void {
    this.#isDead = true;
    this.asked = [];
  }
}
