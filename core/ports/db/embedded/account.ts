import { execFileSync } from 'node:child_process';
import type { Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { EngineError } from '../../../base/errors.ts';

/** The operating-system user that the server runs as, when it is not the user of this process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

// PostgreSQL refuses to run as root; nobody exists on every Unix, so no user has to be created.
const nobody: Account = { uid: 65534, gid: 65534 };

/** Whether this process is root; always false on Windows. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Chooses who runs the server: this process's own user (undefined), or, when that is root, the owner of the existing
 * cluster or else nobody.
 */
export function serverAccount(cluster: Stats | undefined): Account | undefined {
  if (!isRoot()) return undefined;
  return cluster === undefined || cluster.uid === 0
    ? nobody
    : { uid: cluster.uid, gid: cluster.gid };
}

/**
 * Names the users who may log in over the socket as `tutti`: root and the owner of the cluster. Where root started the
 * server as nobody, nobody itself stays out: other programs run as nobody, too.
 * @throws DB_UNAVAILABLE when this process's user has no name, which PostgreSQL needs
 */
export function loginNames(account: Account | undefined): readonly string[] {
  if (account?.uid === nobody.uid) return ['root'];
  return account === undefined ? ['root', ownName()] : ['root', nameOf(account.uid)];
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    const message = `User id ${process.getuid?.()} has no name, which PostgreSQL needs; add it to /etc/passwd or set DATABASE_URL.`;
    throw new EngineError('DB_UNAVAILABLE', message, { cause: error });
  }
}

function nameOf(uid: number): string {
  return execFileSync('id', ['-nu', String(uid)], { encoding: 'utf8' }).trim();
}
