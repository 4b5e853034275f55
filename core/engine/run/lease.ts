import { hostname } from 'node:os';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import type { ConnectionConfig } from '../../ports/db/connection.ts';
import { isOutage } from '../../ports/db/db-error.ts';
import { journalVersion } from '../../ports/db/journal-version.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { renewLease, surelyNs } from './lease-renewal.ts';
import { isProvenDead, type MarkedProcess, processMark } from './process-mark.ts';

/** How long a lease lasts without being renewed; renewed every third of it. */
const defaultLeaseMs = 15_000;
// An engine that stops does not wait for a database that is away: its lease runs out by itself.
const releaseTimeoutMs = 3_000;

const engineColumns =
  '(id, host, pid, pid_started, process, version, reads_journal_v, lease_until)';

/** How a lease is kept. */
export interface LeaseKeeping {
  /** The heartbeat's thread opens its own connection. */
  readonly connection: ConnectionConfig;
  /** Told once: another engine has taken over, this one must stop whole. */
  readonly onFenced: (error: EngineError) => void;
}

/**
 * The engine's lease: its row in table `engine`, whose id (the boot id, never reused) fences every flush. Runs belong to an
 * engine; when its lease has run out, or its process on this host is proven gone, the reconciler frees its runs.
 *
 *   new ─ take ─▶ alive ─ drain ─▶ draining (claims nothing more) ─ release, or taken over ─▶ gone
 */
export class Lease {
  readonly boot = newId();
  /** Until when the lease is surely held; shared with the threads. */
  readonly clock = new LeaseClock();
  readonly #pool: pg.Pool;
  readonly #version: string;
  readonly #leaseMs: number;
  #keeper: LeaseKeeper | null = null;

  constructor(pool: pg.Pool, version: string, options: { readonly leaseMs?: number } = {}) {
    this.#pool = pool;
    this.#version = version;
    this.#leaseMs = options.leaseMs ?? defaultLeaseMs;
  }

  get isHeld(): boolean {
    return this.clock.isHeld;
  }

  async take(): Promise<void> {
    const asked = monotonicNs();
    const started = new Date(Date.now() - process.uptime() * 1_000);
    await this.#pool.query(
      `INSERT INTO tutti.engine ${engineColumns}
       VALUES ($1, $2, $3, $4, $5, $6, int4range(1, $7), now() + $8 * interval '1 millisecond')`,
      [
        this.boot,
        hostname(),
        process.pid,
        started,
        processMark(),
        this.#version,
        journalVersion + 1,
        this.#leaseMs,
      ],
    );
    this.clock.untilNs = asked + surelyNs(this.#leaseMs);
  }

  /** From now on a thread renews the lease by itself, as long as this one's event loop turns. It does not keep the process alive. */
  keep({ connection, onFenced }: LeaseKeeping): void {
    const { boot, clock } = this;
    this.#keeper = new LeaseKeeper({
      connection,
      boot,
      leaseMs: this.#leaseMs,
      clock,
      onFenced: () => onFenced(this.#lost()),
    });
  }

  /** Renews it at once, beside the thread: after an outage, before anything goes on. @throws ENGINE_FENCED when another engine has taken over */
  async renew(database: pg.Pool | pg.Client = this.#pool): Promise<void> {
    const untilNs = await renewLease(database, this.boot, this.#leaseMs);
    if (untilNs === 0n) throw this.#lost();
    this.clock.untilNs = untilNs;
  }

  /** Frees the runs of engines that are gone: lease run out, or a process of this host that no longer lives. Never waits. */
  async takeOver(): Promise<number> {
    const dead = await this.#deadHere();
    const result = await this.#pool.query(
      `WITH dead AS MATERIALIZED (SELECT id FROM tutti.engine WHERE state <> 'gone' AND id <> $1 AND (lease_until < now() OR id = ANY ($2::uuid[]))
         ORDER BY id FOR UPDATE SKIP LOCKED),
       gone AS (UPDATE tutti.engine e SET state = 'gone' FROM dead WHERE e.id = dead.id RETURNING e.id)
       UPDATE tutti.run r SET owner = NULL, takeovers = r.takeovers + 1 FROM gone WHERE r.owner = gone.id`,
      [this.boot, dead],
    );
    return result.rowCount ?? 0;
  }

  /** Claims nothing more; what it owns goes on. */
  async drain(): Promise<void> {
    await this.#pool.query(
      `UPDATE tutti.engine SET state = 'draining' WHERE id = $1 AND state = 'alive'`,
      [this.boot],
    );
  }

  /** Ends the thread. The lease is held until it runs out. */
  async stop(): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = null;
    await keeper?.stop();
  }

  /** Gives the lease up; what still runs is free for others at once, or, with the database away, when the lease has run out. */
  async release(): Promise<void> {
    await this.stop();
    this.clock.untilNs = 0n;
    const text = `WITH gone AS (UPDATE tutti.engine SET state = 'gone' WHERE id = $1 RETURNING id)
       UPDATE tutti.run r SET owner = NULL FROM gone WHERE r.owner = gone.id`;
    const query = { text, values: [this.boot], query_timeout: releaseTimeoutMs };
    await this.#pool.query(query).catch((error: unknown) => {
      if (!isOutage(error)) throw error;
    });
  }

  #lost(): EngineError {
    this.clock.untilNs = 0n;
    return new EngineError(
      'ENGINE_FENCED',
      'Another engine has taken over the runs of this one; it stops.',
    );
  }

  async #deadHere(): Promise<readonly string[]> {
    const result = await this.#pool.query<MarkedProcess & { readonly id: string }>(
      `SELECT id, pid, process FROM tutti.engine WHERE state <> 'gone' AND host = $1 AND id <> $2`,
      [hostname(), this.boot],
    );
    return result.rows.filter(isProvenDead).map((row) => row.id);
  }
}

/** Whether somebody else's live engine serves this database. */
export async function liveEngine(
  pool: pg.Pool,
): Promise<{ readonly id: string; readonly pid: number } | null> {
  const result = await pool.query<MarkedProcess & { readonly id: string; readonly host: string }>(
    `SELECT id, pid, process, host FROM tutti.engine WHERE state = 'alive' AND lease_until > now() ORDER BY lease_until DESC`,
  );
  return (
    result.rows.find(
      (row) => row.host !== hostname() || (row.pid !== process.pid && !isProvenDead(row)),
    ) ?? null
  );
}
