import { userInfo } from 'node:os';
import type { Actor } from '../core/engine/run/store.ts';

/** Who uses this terminal, for what must be answered for later: the account of the operating system. */
export function operator(): Actor {
  return { kind: 'person', id: `cli:${accountName()}` };
}

/** A container may run as a number that has no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
