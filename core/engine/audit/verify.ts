import {
  type ChainEnd,
  type ChainFault,
  chainStart,
  type Suspicion,
  suspicionOf,
} from './chain.ts';
import { isSigned, keyIdOf, type SignedHead } from './head.ts';
import type { AuditRow } from './line.ts';

/** What following a chain has come to. */
export interface Verdict {
  readonly tenantId: number;
  /** Rows that were followed. */
  readonly rows: number;
  /** The last row that is as it was written; 0: none is. */
  readonly seq: number;
  /** Of that row, hex. */
  readonly hash: string;
  /** Signed heads that agree. */
  readonly heads: number;
  /** Null: nothing is wrong. */
  readonly fault: ChainFault | null;
}

/** What a chain is held against. */
export interface VerifyOptions {
  readonly tenantId: number;
  /** What was signed of it, here or elsewhere. @default nothing: what is cut off at its end cannot be seen */
  readonly heads?: readonly SignedHead[];
  /** Public keys that count, hex. @default each head's own */
  readonly keys?: readonly string[];
  /** From where, when what is before has been verified. @default the beginning */
  readonly start?: ChainEnd;
}

/**
 * Follows a chain row by row, in constant memory, up to the first thing that is wrong; the rest is then read only to tell a gap from
 * another order. Rows that are null stand for what should be a row and is none.
 */
export async function verifyChain(
  rows: AsyncIterable<AuditRow | null>,
  options: VerifyOptions,
): Promise<Verdict> {
  const { tenantId, heads = [], start = chainStart } = options;
  const signed = new Map<number, SignedHead[]>();
  for (const each of heads) {
    const { seq } = each.head;
    if (seq >= start.seq) signed.set(seq, [...(signed.get(seq) ?? []), each]);
  }
  let end = start;
  let agreed = 0;
  const verdict = (fault: ChainFault | null): Verdict => ({
    ...{ tenantId, rows: end.seq - start.seq, seq: end.seq, hash: end.hash.toString('hex') },
    ...{ heads: agreed, fault },
  });
  const rest = rows[Symbol.asyncIterator]();
  while (true) {
    for (const each of signed.get(end.seq) ?? []) {
      if (!isTrusted(each, options)) return verdict(signatureFault(each, options));
      if (each.head.hash !== end.hash.toString('hex')) return verdict(rewritten(each));
      agreed += 1;
    }
    signed.delete(end.seq);
    const { done, value: row } = await rest.next();
    if (done) break;
    const suspicion = suspicionOf(row, end, { tenantId, start });
    if (suspicion) return verdict(await faultOf(suspicion, end, rest));
    if (row) end = { seq: row.seq, hash: row.hash };
  }
  for (const each of [...signed.values()].flat()) {
    const isSound = isTrusted(each, options);
    return verdict(isSound ? truncated(end, each) : signatureFault(each, options));
  }
  return verdict(null);
}

function isTrusted(signed: SignedHead, { tenantId, keys }: VerifyOptions): boolean {
  const isKnown = keys === undefined || keys.includes(signed.publicKey);
  return isKnown && signed.head.tenantId === tenantId && isSigned(signed);
}

async function faultOf(
  { seq, kind, mayBeOrder }: Suspicion,
  end: ChainEnd,
  rest: AsyncIterator<AuditRow | null>,
): Promise<ChainFault> {
  const isOrder = mayBeOrder && (await isLater(end, rest));
  const found = isOrder ? 'reordered' : kind;
  return { seq, kind: found, message: messages[found](seq) };
}

/** Whether the row that follows upon the end comes later. */
async function isLater(end: ChainEnd, rest: AsyncIterator<AuditRow | null>): Promise<boolean> {
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    if (next.value?.prev.equals(end.hash)) return true;
  }
  return false;
}

const messages = {
  edited: (seq: number) => `Row ${seq} is not as it was written.`,
  gap: (seq: number) => `Row ${seq} is missing.`,
  reordered: (seq: number) => `Another row stands in the place of row ${seq}, which comes later.`,
  inserted: (seq: number) => `At row ${seq} there is one that was not written there.`,
} as const;

function rewritten({ head }: SignedHead): ChainFault {
  const { seq, at } = head;
  return {
    seq,
    kind: 'rewritten',
    message: `Row ${seq} is not the one that was signed at ${at}: it, or one before it, was written anew.`,
  };
}

function truncated({ seq }: ChainEnd, { head }: SignedHead): ChainFault {
  return {
    seq: seq + 1,
    kind: 'truncated',
    message: `The log ends with row ${seq}, and was signed up to row ${head.seq} at ${head.at}.`,
  };
}

function signatureFault(signed: SignedHead, { tenantId, keys }: VerifyOptions): ChainFault {
  const { head, publicKey } = signed;
  const key = keyIdOf(publicKey);
  const why =
    keys && !keys.includes(publicKey)
      ? `is of key ${key}, which is none of those that count here (${keys.map(keyIdOf).join(', ') || 'none'})`
      : head.tenantId === tenantId
        ? `is not of the key that it names (${key})`
        : `is of tenant ${head.tenantId}'s log, and this is tenant ${tenantId}'s`;
  const message = `The signature of ${head.at} under row ${head.seq} ${why}.`;
  return { seq: head.seq, kind: 'signature', message };
}
