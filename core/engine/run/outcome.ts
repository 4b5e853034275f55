import type { ErrorData } from '../../base/errors.ts';
import type { Trust } from '../../ports/db/states.ts';

/** How a step ends. */
export type Outcome =
  | {
      readonly kind: 'succeeded';
      readonly output: unknown;
      /** The output as stored. */
      readonly json: string;
      /** Number of an earlier entry that holds it: what the model said, to the letter. @default none */
      readonly saidAt?: number;
      /** Its label, where the graph alone does not tell. @default what its step is made of */
      readonly trust?: Trust;
    }
  | { readonly kind: 'failed'; readonly error: ErrorData }
  /** With the failure that it was skipped for, if it was not its place in the graph. */
  | { readonly kind: 'skipped'; readonly error?: ErrorData }
  | { readonly kind: 'cancelled' };

/** The same, of steps that are no agent's, too: a foreach or a gate has no stored output. */
export type Ended =
  | Exclude<Outcome, { kind: 'succeeded' }>
  | { readonly kind: 'succeeded'; readonly output: unknown; readonly trust?: Trust };
