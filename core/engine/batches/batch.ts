import type { Run } from '../run/run.ts';
import type { BatchCall } from './calls.ts';
import type { BatchTarget } from './targets.ts';

/** A provider's batch: calls of one run, to one model. */
export interface Batch {
  /** By what the provider's list shows it again. */
  readonly mark: string;
  readonly run: Run;
  readonly target: BatchTarget;
  /** When its intent was written, milliseconds since the epoch. */
  readonly plannedAt: number;
  /** The provider's id, once it is known. */
  id: string | null;
  /** Calls whose steps wait for it, by their id in it. */
  readonly open: Map<string, BatchCall>;
  /** Calls that were settled in full because nobody waits for them any more: what they cost is put right when it is known. */
  readonly left: Map<string, BatchCall>;
  /** When its calls are to be made directly, milliseconds since the epoch. */
  readonly untilMs: number;
  /** Whether the provider was asked to stop it. */
  isCancelled: boolean;
  /** Ends the wait until it is looked at again. */
  look: () => void;
}

/** The id of a call in its batch. */
export function itemId({ seq }: Pick<BatchCall, 'seq'>): string {
  return String(seq);
}

/** A batch before the provider has it. */
export function newBatch(
  given: Pick<Batch, 'mark' | 'run' | 'target' | 'plannedAt' | 'untilMs'>,
  calls: Iterable<BatchCall>,
): Batch {
  const open = new Map([...calls].map((call) => [itemId(call), call]));
  return { ...given, id: null, open, left: new Map(), isCancelled: false, look: () => {} };
}
