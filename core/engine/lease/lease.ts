import { hostname } from 'node:os';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { LeaseClock, monotonicNs } from '../../base/lease-clock.ts';
import type { ConnectionConfig } from '../../ports/db/connection.ts';
import { mayPass } from '../../ports/db/db-error.ts';
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
    const result = await this.#pool.query<OtherEngine>(
      `SELECT id, host, pid, process, lease_until < now() AS "isLate" FROM tutti.engine WHERE state <> 'gone' AND id <> $1`,
      [this.boot],
    );
    const here = hostname();
    const dead = result.rows.filter((row) => row.host === here && isProvenDead(row));
    if (dead.length === 0 && !result.rows.some(({ isLate }) => isLate)) return 0;
    const [proven, all] = [idsOf(dead), idsOf(result.rows)];
    return await this.#disown(
      `id = ANY (${all}) AND state <> 'gone' AND (lease_until < now() OR id = ANY (${proven})) ORDER BY id FOR UPDATE SKIP LOCKED`,
      { all, takeovers: 1 },
    );
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

  /**
   * Gives the lease up; what still runs is free for others at once, or, with the database away, when the lease has run out. A flush whose
   * answer was not waited for may be under way: it ends first, so that whoever owns its runs next reads what it wrote. Of an engine that
   * has found its name used by another process, too: a name that two have is nobody's, so the other one stops as well.
   */
  async release(): Promise<void> {
    await this.stop();
    this.clock.untilNs = 0n;
    const all = idsOf([{ id: this.boot }]);
    await this.#disown(`id = ANY (${all}) FOR UPDATE`, {
      all,
      takeovers: 0,
      queryTimeoutMs: releaseTimeoutMs,
    }).catch((error: unknown) => {
      if (!mayPass(error)) throw error;
    });
  }

  /**
   * Sets engines gone and frees their runs. One transaction of two statements, in one round trip: the second sees what a claim of theirs
   * has brought that ended while their rows were waited for, which one statement would not, and nobody would ever look for it. The rows
   * are locked as no flush can share them: a lock as an update takes it lets a flush that has passed the fence write after it.
   */
  async #disown(whom: string, { all, takeovers, queryTimeoutMs }: Disowned): Promise<number> {
    const text = `WITH dead AS MATERIALIZED (SELECT id FROM tutti.engine WHERE ${whom})
        UPDATE tutti.engine e SET state = 'gone' FROM dead WHERE e.id = dead.id;
      UPDATE tutti.run SET owner = NULL, takeovers = takeovers + ${takeovers}
        WHERE owner = ANY (${all}) AND owner IN (SELECT id FROM tutti.engine WHERE id = ANY (${all}) AND state = 'gone')`;
    const query = { text, ...(queryTimeoutMs !== undefined && { query_timeout: queryTimeoutMs }) };
    // Of several statements pg answers with as many results.
    const results = (await this.#pool.query(query)) as unknown as readonly pg.QueryResult[];
    return results.at(-1)?.rowCount ?? 0;
  }

  #lost(): EngineError {
    this.clock.untilNs = 0n;
    return new EngineError(
      'ENGINE_FENCED',
      'Another engine has taken over the runs of this one, whose lease had run out or whose process seemed to be dead; it stops. Start it anew; see docs/operations.md, Host names.',
    );
  }
}

interface OtherEngine extends MarkedProcess {
  readonly id: string;
  readonly host: string;
  readonly isLate: boolean;
}

/** Whose runs are freed, as SQL, and how. */
interface Disowned {
  readonly all: string;
  /** By how much the count of take-overs rises. */
  readonly takeovers: number;
  /** @default the pool's */
  readonly queryTimeoutMs?: number;
}

/** Ids as an array of SQL: several statements in one take no parameters, and a uuid has nothing to escape. */
function idsOf(engines: readonly { readonly id: string }[]): string {
  return `ARRAY[${engines.map(({ id }) => `'${id}'`).join(', ')}]::uuid[]`;
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
