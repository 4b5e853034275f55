import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

/** CPU that a stretch of work took, ms: this process with its threads, and the database server. */
export interface Cpu {
  readonly processMs: number;
  readonly serverMs: number;
}

// USER_HZ: what /proc/<pid>/stat counts in on every Linux.
const tickMs = 10;

/** Starts to count CPU; the returned function says how much it was since. The server's clock ticks every 10 ms. */
export function meterCpu(serverPids: readonly number[]): () => Cpu {
  const own = process.cpuUsage();
  const server = sumTicks(serverPids);
  return () => {
    const { user, system } = process.cpuUsage(own);
    return {
      processMs: (user + system) / 1_000,
      serverMs: (sumTicks(serverPids) - server) * tickMs,
    };
  };
}

/** The processes of the server behind a connection: its postmaster and that one's children. Empty without /proc. */
export async function serverPids(pool: pg.Pool): Promise<readonly number[]> {
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const postmaster = statOf(rows[0]?.pid ?? 0)?.parent;
  if (postmaster === undefined) return [];
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return [postmaster, ...all.filter((pid) => statOf(pid)?.parent === postmaster)];
}

function sumTicks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), 0);
}

// Fields after the command's closing parenthesis: state, ppid, …; utime and stime are the 12th and 13th of them.
function statOf(pid: number): { readonly parent: number; readonly ticks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

/** Bytes that the tables of the engine hold with their indexes, and the position of the write-ahead log. */
export interface Disk {
  readonly tableBytes: number;
  readonly walBytes: number;
}

export async function readDisk(pool: pg.Pool): Promise<Disk> {
  const { rows } = await pool.query<{ tables: number; wal: string }>(
    `SELECT sum(pg_total_relation_size(oid))::bigint AS tables, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal
     FROM pg_class WHERE relnamespace = 'tutti'::regnamespace AND relkind = 'r'`,
  );
  return { tableBytes: Number(rows[0]?.tables), walBytes: Number(rows[0]?.wal) };
}

/** The largest resident memory of this process so far, MB. */
export function peakMemoryMb(): number {
  return process.resourceUsage().maxRSS / 1_024;
}
