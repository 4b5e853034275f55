import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Where the system gives random bytes away; Windows has no such file. */
const systemSource = '/dev/urandom';

/**
 * Draws a whole number from 1 to 2^53 - 1 that no other process draws, not even a copy of this one that was made while it ran (a
 * machine that was cloned, a snapshot that was restored twice). What a process keeps of its randomness is copied with it, so that both
 * would draw alike; so the system is asked, each time (about 10 µs), and what the machine's clock says to the nanosecond is mixed in,
 * should its randomness be a copy, too.
 */
export function drawNumber(): number {
  const mixed = drawBytes(8).readBigUInt64LE() ^ process.hrtime.bigint();
  return Number(BigInt.asUintN(53, mixed)) || 1;
}

function drawBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let source: number;
  try {
    source = openSync(systemSource, 'r');
  } catch {
    return randomBytes(count);
  }
  try {
    return readSync(source, bytes) === count ? bytes : randomBytes(count);
  } finally {
    closeSync(source);
  }
}
