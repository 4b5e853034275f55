import { randomFillSync } from 'node:crypto';
import { openSync, readSync } from 'node:fs';

const bytes = Buffer.alloc(8);
/** Where the system gives random bytes away, opened once; null where it has no such file. */
let source: number | null | undefined;

/**
 * Draws a whole number from 1 to 2^53 - 1 that no other process draws, not even a copy of this one that was made while it ran (a
 * machine that was cloned, a snapshot that was restored twice). What a process keeps of its randomness is copied with it, so that both
 * would draw alike; so the system is asked, each time, and what the machine's clock says to the nanosecond is mixed in, should its
 * randomness be a copy, too.
 */
export function drawNumber(): number {
  fill();
  const mixed = bytes.readBigUInt64LE() ^ process.hrtime.bigint();
  return Number(BigInt.asUintN(53, mixed)) || 1;
}

function fill(): void {
  if (source === undefined) source = open();
  if (source === null || readSync(source, bytes) < bytes.length) randomFillSync(bytes);
}

function open(): number | null {
  try {
    return openSync('/dev/urandom', 'r');
  } catch {
    return null;
  }
}
