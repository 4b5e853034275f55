import { randomBytes } from 'node:crypto';
import { openSync, readSync } from 'node:fs';

/** Where the system gives random bytes away; Windows has no such file. */
const systemSource = '/dev/urandom';

/**
 * Draws a whole number from 1 to 2^53 - 1 that no other process draws, not even a copy of this one that was made while it ran (a
 * machine that was cloned, a snapshot that was restored twice). What a process keeps of its randomness is copied with it, so that both
 * would draw alike; so the system is asked, each time (a few µs), and what the machine's clock says to the nanosecond is mixed in,
 * should its randomness be a copy, too.
 */
export function drawNumber(): number {
  const mixed = drawBytes(8).readBigUInt64LE() ^ process.hrtime.bigint();
  return Number(BigInt.asUintN(53, mixed)) || 1;
}

/** Open from the first draw on: to open it costs five times what reading does. */
let source: number | null = null;

function drawBytes(count: number): Buffer {
  source ??= openSource();
  const bytes = Buffer.alloc(count);
  return source !== null && readSync(source, bytes) === count ? bytes : randomBytes(count);
}

function openSource(): number | null {
  try {
    return openSync(systemSource, 'r');
  } catch {
    return null;
  }
}
