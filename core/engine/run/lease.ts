import { hostname } from 'node:os';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import { journalVersion } from './store.ts';

/** How long a lease lasts without being renewed; renewed every third of it. */
const leaseMs = 15_000;

const engineColumns = '(id, host, pid, pid_started, version, reads_journal_v, lease_until)';

/**
 * The engine's lease: its row in table `engine`, whose id (the boot id, never reused) fences every flush. Runs belong to an
 * engine; when its lease has run out, or its process on this host is proven gone, the reconciler frees its runs.
 */
export class Lease {
  readonly boot = newId();
  /** Until when the lease is surely held; shared with the threads. */
  readonly clock = new LeaseClock();
  readonly #pool: pg.Pool;
  readonly #version: string;

  constructor(pool: pg.Pool, version: string) {
    this.#pool = pool;
    this.#version = version;
  }

  async take(): Promise<void> {
    const asked = monotonicNs();
    const started = new Date(Date.now() - process.uptime() * 1_000);
    await this.#pool.query(
      `INSERT INTO tutti.engine ${engineColumns} VALUES ($1, $2, $3, $4, $5, int4range(1, $6), now() + $7 * interval '1 millisecond')`,
      [this.boot, hostname(), process.pid, started, this.#version, journalVersion + 1, leaseMs],
    );
    this.clock.untilNs = asked + BigInt(leaseMs) * 1_000_000n;
  }

  /** Extends the lease by the database's clock. @throws ENGINE_FENCED when another engine has taken over */
  async renew(): Promise<void> {
    const asked = monotonicNs();
    const result = await this.#pool.query(
      `UPDATE tutti.engine SET lease_until = now() + $2 * interval '1 millisecond' WHERE id = $1 AND state <> 'gone'`,
      [this.boot, leaseMs],
    );
    if (result.rowCount === 0)
      throw new EngineError(
        'ENGINE_FENCED',
        'Another engine has taken over the runs of this one; it stops.',
      );
    this.clock.untilNs = asked + BigInt(leaseMs) * 1_000_000n;
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

  /** Gives the lease up; what still runs is free for others at once. */
  async release(): Promise<void> {
    await this.#pool.query(
      `WITH gone AS (UPDATE tutti.engine SET state = 'gone' WHERE id = $1 RETURNING id)
       UPDATE tutti.run r SET owner = NULL FROM gone WHERE r.owner = gone.id`,
      [this.boot],
    );
  }

  async #deadHere(): Promise<readonly string[]> {
    const result = await this.#pool.query<{ id: string; pid: number }>(
      `SELECT id, pid FROM tutti.engine WHERE state <> 'gone' AND host = $1 AND id <> $2`,
      [hostname(), this.boot],
    );
    return result.rows.filter((row) => !isAlive(row.pid)).map((row) => row.id);
  }
}

/** Whether somebody else's live engine serves this database. */
export async function liveEngine(
  pool: pg.Pool,
): Promise<{ readonly id: string; readonly pid: number } | null> {
  const result = await pool.query<{ id: string; pid: number; host: string }>(
    `SELECT id, pid, host FROM tutti.engine WHERE state = 'alive' AND lease_until > now() ORDER BY lease_until DESC`,
  );
  return (
    result.rows.find(
      (row) => row.host !== hostname() || (row.pid !== process.pid && isAlive(row.pid)),
    ) ?? null
  );
}

// Signal 0 asks only whether the process exists; EPERM means that it does and is somebody else's.
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
