/** A bug that somebody might make: `find` occurs exactly once in `file`; with `replace` in its place one of `tests` has to fail. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test files that should notice. */
  readonly tests: readonly string[];
}
