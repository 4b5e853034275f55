import type { AuditRow } from './line.ts';
import { beginning, hashOf } from './row.ts';

/**
 * What is wrong with a chain: a row was `edited`, some are missing (`gap`), in another order (`reordered`) or new (`inserted`); the end is
 * missing (`truncated`); all is consistent, but not what was signed (`rewritten`); a signature is not of the key that it names, or of a key
 * that nobody knows here (`signature`).
 */
export type FaultKind =
  | 'edited'
  | 'gap'
  | 'reordered'
  | 'inserted'
  | 'truncated'
  | 'rewritten'
  | 'signature';

/** The first thing that is wrong with a chain. */
export interface ChainFault {
  /** Of the first row that is not as it was written, or that is not there. */
  readonly seq: number;
  readonly kind: FaultKind;
  /** One sentence. */
  readonly message: string;
}

/** How far a chain has been followed. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: Buffer;
}

/** Where every chain begins. */
export const chainStart: ChainEnd = Object.freeze({ seq: 0, hash: beginning });

/** What a row that does not follow looks like, as far as it alone can tell. */
export interface Suspicion {
  readonly seq: number;
  readonly kind: 'edited' | 'gap' | 'inserted';
  /** Whether a later row that follows in its place would show that the order was changed. */
  readonly mayBeOrder: boolean;
}

/** Whether a row follows upon the end of a chain; null: it does. `row` is null where what should be one is none. */
export function suspicionOf(
  row: AuditRow | null,
  end: ChainEnd,
  of: { readonly tenantId: number; readonly start: ChainEnd },
): Suspicion | null {
  const expected = end.seq + 1;
  if (row === null || row.tenantId !== of.tenantId)
    return { seq: expected, kind: 'edited', mayBeOrder: false };
  if (row.seq > expected) return { seq: expected, kind: 'gap', mayBeOrder: true };
  if (row.seq < expected) return { seq: row.seq, kind: 'inserted', mayBeOrder: false };
  if (row.prev.equals(end.hash))
    return isHashed(row, expected) ? null : { seq: expected, kind: 'edited', mayBeOrder: false };
  // It follows upon another row than the one before it. Which of the two is wrong, its own hash tells.
  if (isHashed(row, expected)) {
    const isBefore = end.seq > of.start.seq;
    return { seq: isBefore ? end.seq : expected, kind: 'edited', mayBeOrder: false };
  }
  if (isHashed(row, expected - 1)) return { seq: end.seq, kind: 'inserted', mayBeOrder: false };
  const kind = isHashed(row, expected + 1) ? 'gap' : 'edited';
  return { seq: expected, kind, mayBeOrder: true };
}

function isHashed(row: AuditRow, seq: number): boolean {
  return hashOf(row.prev, { ...row, seq }).equals(row.hash);
}
