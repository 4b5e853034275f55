import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { main } from '../../bin/main.ts';
import { nodeFlagsIn } from '../../bin/node24.mjs';
import { briefly } from '../support/brief-flags.ts';
import { booksDatabase } from '../support/company.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { stopAfterAll } from '../support/hooks.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';

const entry = fileURLToPath(new URL('../../bin/tutti.ts', import.meta.url));

/** The path of a configuration of tests/support/fixtures, by its name. */
export const fixtureConfig = (name: string): string =>
  fileURLToPath(new URL(`../support/fixtures/${name}.config.ts`, import.meta.url));

/** The configuration of the fixture shop. */
export const shopConfig = fileURLToPath(new URL('fixtures/shop.config.ts', import.meta.url));

/** What a process said and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of the CLI that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with what it has said on both streams once that matches. */
  says(pattern: RegExp): Promise<string>;
}

/** Where commands of a test run. */
export interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const patienceMs = 90_000;
const pauseMs = 10;

/** A test that fails leaves its own, and the process of the tests would wait for them. */
const living = new Set<ChildProcess>();
stopAfterAll(async () => {
  for (const child of living) child.kill('SIGKILL');
});

/**
 * Starts a command; nothing of the tests' own environment but PATH and HOME reaches it.
 * @param output an open file for its standard output. @default what it says there is kept
 */
export function startCli(place: Place, args: readonly string[], output?: number): Running {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [...nodeFlagsIn(place.env), ...briefly, entry, ...args], {
    cwd: place.cwd,
    env: { PATH, HOME, ...compileCacheEnv, ...place.env },
    stdio: ['ignore', output ?? 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let isOver = false;
  living.add(child);
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    living.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return {
    child,
    ended,
    async says(pattern) {
      const deadline = performance.now() + patienceMs;
      while (!pattern.test(stdout + stderr)) {
        // What it said last is there when its streams have closed, which is after its end.
        if (performance.now() > deadline || isOver) {
          throw new Error(`It did not say ${pattern}, but:\n${stdout}${stderr}`);
        }
        await sleep(pauseMs);
      }
      return stdout + stderr;
    },
  };
}

/** Commands of a test, with a database and a folder of their own. */
export interface CliLab extends Place {
  readonly fresh: FreshDatabase;
  /** Runs a command with the configuration to its end. */
  tutti(...args: readonly string[]): Promise<Ended>;
}

/**
 * Gives the tests of a `describe` a database and a folder, which are there before its other hooks and gone after them.
 * @param files what is in the folder, by name
 */
export function useCli(config: string, files: Readonly<Record<string, string>> = {}): CliLab {
  const folder = scratchFolder(files);
  let fresh: FreshDatabase | undefined;
  const lab: CliLab = {
    get fresh() {
      return fresh as FreshDatabase;
    },
    get env() {
      return { DATABASE_URL: lab.fresh.url };
    },
    cwd: folder.path,
    tutti: (...args) => runCli(lab, [...args, '--config', config]),
  };
  before(async () => {
    fresh = await booksDatabase();
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh?.drop(this);
  });
  return lab;
}

/** Runs a command in a process of its own to its end: for what a process does, and `runCli` does not. */
export async function runProcess(place: Place, args: readonly string[]): Promise<Ended> {
  return startCli(place, args).ended;
}

/** What one command writes. */
interface Written {
  stdout: string;
  stderr: string;
}

const writing = new AsyncLocalStorage<Written>();

/**
 * Runs a command to its end, in this process: a process of its own takes a second to load what is loaded here. Commands may run at once, in one
 * folder. Neither signals nor the standard input are a command's own.
 */
export async function runCli(place: Place, args: readonly string[]): Promise<Ended> {
  const leave = enter(place.cwd);
  const { PATH = '', HOME = '' } = process.env;
  // No screen, whatever the tests run on.
  const env = { PATH, HOME, TERM: 'dumb', ...place.env };
  const written: Written = { stdout: '', stderr: '' };
  try {
    const code = await writing.run(written, () => main(args, env));
    return { code, ...written };
  } finally {
    leave();
  }
}

let inside = 0;
let outside = process.cwd();

/** Makes a folder the working directory until as many have left it as have entered. */
function enter(folder: string): () => void {
  if (inside === 0) {
    outside = process.cwd();
    process.chdir(folder);
    listen();
  } else if (process.cwd() !== folder) throw new Error(`A command runs in ${process.cwd()}`);
  inside += 1;
  return () => {
    inside -= 1;
    if (inside > 0) return;
    process.chdir(outside);
    for (const stop of stops.splice(0)) stop();
  };
}

const stops: (() => void)[] = [];

/** Keeps what commands write, each its own; what others write goes on as it was. */
function listen(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write;
    stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      const written = writing.getStore();
      if (!written) return Reflect.apply(write, stream, [chunk, ...rest]) as boolean;
      written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      return true;
    }) as typeof stream.write;
    stops.push(() => {
      stream.write = write;
    });
  }
}
