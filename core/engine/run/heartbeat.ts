import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type pg from 'pg';
import { LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import { type ConnectionConfig, dropClient, openClient } from '../../ports/db/connection.ts';
import { renewLease } from './lease-renewal.ts';

/** What the thread is given. */
export interface HeartbeatSetup {
  readonly connection: ConnectionConfig;
  readonly boot: string;
  readonly leaseMs: number;
  /** Of a LeaseClock. */
  readonly lease: SharedArrayBuffer;
  /** One bigint: when the main loop last beat, in `monotonicNs`. */
  readonly beat: SharedArrayBuffer;
}

/** What the thread says, once: the row is gone, another engine has taken over. */
export type HeartbeatWord = 'fenced';

const firstDelayMs = 100;

/**
 * The heartbeat's thread: renews the lease every third of it over a connection of its own, while the main loop beats. A main
 * loop that has not beaten for a third of the lease is wedged, and its engine must not look alive. This thread imports as
 * little as it can: every module is loaded a second time for it.
 */
async function keepLease(setup: HeartbeatSetup, port: MessagePort): Promise<void> {
  const { connection, boot, leaseMs } = setup;
  const clock = new LeaseClock(setup.lease);
  const beat = new BigInt64Array(setup.beat);
  const thirdMs = leaseMs / 3;
  let delayMs = firstDelayMs;
  let client: pg.Client | null = null;
  for (;;) {
    if (monotonicNs() - Atomics.load(beat, 0) > BigInt(Math.round(thirdMs * 1e6))) {
      await sleep(thirdMs / 10);
      continue;
    }
    try {
      client ??= await openClient(connection, 'tutti_engine', { queryTimeoutMs: thirdMs });
      const untilNs = await renewLease(client, boot, leaseMs);
      clock.untilNs = untilNs;
      if (untilNs === 0n) return port.postMessage('fenced' satisfies HeartbeatWord);
      delayMs = firstDelayMs;
      await sleep(thirdMs);
    } catch {
      // Whatever it was, only another try helps; meanwhile the lease runs out by itself.
      if (client) dropClient(client);
      client = null;
      await sleep(delayMs);
      delayMs = Math.min(delayMs * 2, thirdMs / 5);
    }
  }
}

// The entry of a thread: it starts when it is loaded as one.
if (!isMainThread && parentPort) void keepLease(workerData as HeartbeatSetup, parentPort);
