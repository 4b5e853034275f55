import type { ErrorCategory, ErrorCode } from '../base/errors.ts';

/** How often and how fast a failed step is tried again. */
export interface RetryPolicy {
  /** Tries in all, the first one included. @default the agent's `limits.attempts`, 3 */
  readonly attempts?: number;
  /** How the delay grows from one failure to the next. @default 'exponential' */
  readonly backoff?: 'exponential' | 'linear' | 'fixed';
  /** Delay after the first failure, milliseconds. @default 500 */
  readonly baseMs?: number;
  /** What an exponential delay is multiplied by at each failure. @default 2 */
  readonly factor?: number;
  /** The longest delay, milliseconds. @default 30000 */
  readonly maxMs?: number;
  /** `full`: uniform between nothing and the delay, so that many that failed together do not come back together. @default 'full' */
  readonly jitter?: 'full' | 'none';
}

/** One way to go on after a failure. */
export type Recovery =
  /** The same again; a conversation with a model goes on after its last answer. */
  | { readonly strategy: 'retry'; readonly retry?: RetryPolicy }
  /** The same again from the start: a conversation with a model begins anew. */
  | { readonly strategy: 'reset'; readonly retry?: RetryPolicy }
  /** Another agent, qualified (`finance.clerk`), does it with the same input and must answer in the same form. */
  | { readonly strategy: 'reassign'; readonly to: string }
  /** The agent's playbook instead of its model. */
  | { readonly strategy: 'fallback' }
  /** The step is left out: what waits for it goes on as its join asks, and its failure does not fail the run. */
  | { readonly strategy: 'skip' }
  /** A person or role is told; then the next one of the list, or the failure, follows. */
  | { readonly strategy: 'escalate'; readonly to: string }
  /** The whole run is ended as failed. */
  | { readonly strategy: 'abort' };

/** What follows a kind of failure: each way is tried in turn; when none is left the step has failed. */
export interface RecoveryRule {
  /** Categories or codes of the error catalogue. @default every failure that may pass by itself */
  readonly on?: readonly (ErrorCategory | ErrorCode)[];
  readonly then: readonly Recovery[];
}
