import { readFileSync } from 'node:fs';

/**
 * Named places where a test may end the process as a power cut would: `CRASH_AT=after-flush:3` kills it at the third pass,
 * `CRASH_AT=after-flush:3:SIGSTOP` makes it stand still there. Passes count once the file `CRASH_FROM` is there, if it names one, and
 * in the process alone whose number is in it, if one is. Costs one comparison when unset.
 */
const [name, count = '1', signal = 'SIGKILL'] = (process.env.CRASH_AT ?? '').split(':');
const from = process.env.CRASH_FROM;
let left = Number(count);

/** Passes a crash point. */
export function crashPoint(
  passed:
    | 'before-flush'
    | 'after-flush'
    | 'after-claim'
    | 'after-slot'
    | 'after-slot-run'
    | 'after-tool'
    | 'after-question'
    | 'after-apply'
    | 'after-handing-on',
): void {
  if (passed !== name || !isArmed()) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, signal);
}

function isArmed(): boolean {
  if (from === undefined) return true;
  try {
    const pid = readFileSync(from, 'utf8');
    return pid === '' || Number(pid) === process.pid;
  } catch {
    return false;
  }
}
