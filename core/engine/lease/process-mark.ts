import { readFileSync, readlinkSync } from 'node:fs';

/** A process as an engine's row names it. */
export interface MarkedProcess {
  readonly pid: number;
  /** `processMark` of it; null where it could not tell. */
  readonly process: string | null;
}

/**
 * Tells this process from every other that had or will have its number: boot of the kernel, pid namespace (containers with one
 * host name have several) and start, in clock ticks since that boot, so that no change of the wall clock matters. Null where
 * there is no /proc.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function processMark(): string | null {
  const start = startOf(process.pid);
  return place() && start && `${place()} ${start}`;
}

/**
 * Whether a process that called this host its own has surely ended. Without a mark only its number speaks; another kernel or
 * namespace under the same host name proves nothing.
 */
export function isProvenDead({ pid, process: mark }: MarkedProcess): boolean {
  if (mark === null) return !isAlive(pid);
  const here = place();
  if (here === null || !mark.startsWith(`${here} `)) return false;
  if (!isAlive(pid)) return true;
  const start = startOf(pid);
  // Alive but not to be read: the system hides other users' processes.
  return start !== null && mark !== `${here} ${start}`;
}

function place(): string | null {
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  return boot && namespace && `${boot} ${namespace}`;
}

/** When a process started, or 'ended' for one that only waits for its parent. */
function startOf(pid: number): string | null {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === null) return null;
  // The name in parentheses may hold anything; after it come state (field 3) … starttime (field 22).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /[ZX]/.test(fields[0] ?? '') ? 'ended' : (fields[19] ?? null);
}

function read(file: () => string): string | null {
  try {
    return file();
  } catch {
    return null;
  }
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
