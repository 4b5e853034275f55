import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../../bin/node24.mjs';
import { compileCacheEnv } from './compile-cache.ts';

const entry = fileURLToPath(new URL('../../bin/tutti.ts', import.meta.url));
const patienceMs = 120_000;
const lookMs = 20;

/**
 * Where a server runs, as other servers see it: on this host; on a host of its own name; or in a container, which has processes and
 * their numbers of its own, under a host name that others may have, too.
 */
export type ServedPlace =
  | { readonly kind: 'here' }
  | { readonly kind: 'host'; readonly name: string }
  | { readonly kind: 'container'; readonly name: string };

/** `tutti serve` in a process of its own. */
export interface ServedProcess {
  readonly url: string;
  /** Sends a signal to the server itself. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/** What a server is started with. */
export interface ServedOptions {
  readonly config: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** @default this host */
  readonly place?: ServedPlace;
  /** @default one that is free */
  readonly port?: number;
  /** Beside Tutti's own flags for Node. @default none */
  readonly flags?: readonly string[];
}

/** Whether this machine lets the test give processes other host names and process numbers: Linux as root. */
export function hasPlaces(): boolean {
  const asked = 'unshare --uts --pid --fork --mount-proc hostname tutti';
  return process.platform === 'linux' && spawnSync('sh', ['-c', asked]).status === 0;
}

/** Starts a server and waits until it serves. */
export async function startServed(options: ServedOptions): Promise<ServedProcess> {
  const { place = { kind: 'here' }, port = 0, flags = [], config, cwd } = options;
  const serve = [process.execPath, ...nodeFlags, ...flags, entry, 'serve', '--port', String(port)];
  const [program = '', ...args] = [...wrapperOf(place), ...serve, '--config', config];
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, ...compileCacheEnv, ...options.env };
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  const deadline = performance.now() + patienceMs;
  while (!/Serving until/.test(stdout)) {
    if (performance.now() > deadline || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`It does not serve:\n${stdout}${stderr}`);
    await sleep(lookMs);
  }
  const url = /http:\/\/[^\s;]+/.exec(stdout)?.[0] ?? '';
  const pid = place.kind === 'container' ? onlyChildOf(child) : (child.pid as number);
  return { url, ended, kill: (signal) => void process.kill(pid, signal) };
}

/** What is put before a command to run it at a place. */
function wrapperOf(place: ServedPlace): readonly string[] {
  if (place.kind === 'here') return [];
  const named = ['sh', '-c', 'hostname "$0" && exec "$@"', place.name];
  if (place.kind === 'host') return ['unshare', '--uts', ...named];
  return ['unshare', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc', ...named];
}

/** The process that a container begins with; what started the container waits for it. */
function onlyChildOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}
