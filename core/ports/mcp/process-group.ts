import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type JSONRPCMessage,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { type Clock, systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { MessageLines } from './message-lines.ts';

/** A program to run, with its whole environment. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** A transport over a child process: its process id, and the last that it wrote to standard error. */
export interface ProcessTransport extends Transport {
  readonly pid: number | null;
  readonly lastWords: string;
}

/** How long a process gets to end by itself, and again after it was asked to, milliseconds. */
const patienceMs = 2_000;
const lastReadMs = 500;
const lastWordsLength = 2_000;

/** Groups that would outlive this process; one listener for all of them. */
const living = new Set<number>();

/** Opens the transport for a program: on Windows the SDK's, which knows its script files; elsewhere one over a process group. */
export function openProcess(program: Program): ProcessTransport {
  if (process.platform !== 'win32') return new GroupTransport(program, systemClock);
  const { command, args, env, cwd } = program;
  const transport = new StdioClientTransport({
    ...{ command, args: [...args], env, stderr: 'ignore' },
    ...(cwd !== undefined && { cwd }),
  });
  return Object.assign(transport, { lastWords: '' });
}

/**
 * Speaks with a program over its standard input and output, one JSON-RPC message a line
 * (https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#stdio).
 *
 * The program leads a process group of its own: launchers such as npx start the server as their child's child, and only the group
 * reaches it. No shell is involved. Ctrl-C in a terminal does not reach the group: calls under way get to end first.
 */
class GroupTransport implements ProcessTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** By this member, beside `pid`, the SDK knows a transport over a process, where silence means an older server. */
  readonly stderr = null;
  readonly #program: Program;
  readonly #clock: Clock;
  readonly #lines = new MessageLines();
  #child: ChildProcess | null = null;
  #words = '';

  constructor(program: Program, clock: Clock) {
    this.#program = program;
    this.#clock = clock;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get lastWords(): string {
    return this.#words;
  }

  async start(): Promise<void> {
    const { command, args, env, cwd } = this.#program;
    const child = spawn(command, args, {
      ...{ env, shell: false, detached: true, stdio: ['pipe', 'pipe', 'pipe'] },
      ...(cwd !== undefined && { cwd }),
    });
    this.#child = child;
    child.stdin?.on('error', (error) => this.onerror?.(error));
    child.stdout?.on('data', (chunk: Buffer) => this.#hear(chunk));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#words = `${this.#words}${chunk.toString()}`.slice(-lastWordsLength);
    });
    child.once('exit', () => {
      // What the leader started does not outlive it.
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      // Its last answers are still read; who left the group with the pipes is not waited for.
      this.#clock.after(lastReadMs, () => this.#ended(child));
    });
    child.once('close', () => this.#ended(child));
    await once(child, 'spawn');
    if (child.pid !== undefined) keep(child.pid);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const input = this.#child?.stdin;
    if (!input?.writable) {
      throw new EngineError('MCP_SERVER_FAILED', 'The process of the MCP server has ended.');
    }
    if (!input.write(serializeMessage(message))) await once(input, 'drain');
  }

  /** Ends the input, then asks the whole group to end, then ends it. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const { pid } = child;
    const gone = child.exitCode !== null || child.signalCode !== null ? null : once(child, 'exit');
    child.stdin?.end();
    if (gone) await this.#within(gone);
    if (pid !== undefined && signalGroup(pid, 'SIGTERM')) {
      await this.#until(() => !signalGroup(pid, 0));
      if (signalGroup(pid, 'SIGKILL')) await this.#until(() => !signalGroup(pid, 0));
    }
    if (pid !== undefined) living.delete(pid);
    this.#ended(child);
  }

  #hear(chunk: Buffer): void {
    const isReadable = this.#lines.take(chunk, {
      onMessage: (message) => this.onmessage?.(message),
      onError: (error) => this.onerror?.(error),
    });
    if (!isReadable) void this.close();
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#lines.clear();
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (child.pid !== undefined) living.delete(child.pid);
    this.onclose?.();
  }

  async #within(event: Promise<unknown>): Promise<void> {
    let cancel = (): void => {};
    const patience = new Promise<void>((resolve) => {
      cancel = this.#clock.after(patienceMs, resolve);
    });
    await Promise.race([event, patience]);
    cancel();
  }

  /** Nothing tells when a group is empty; it is looked at every 20 ms. */
  async #until(isSo: () => boolean): Promise<void> {
    const deadline = this.#clock.monotonic() + patienceMs;
    while (!isSo() && this.#clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => void this.#clock.after(20, resolve));
    }
  }
}

function keep(pid: number): void {
  if (living.size === 0 && process.listenerCount('exit', endAll) === 0) process.on('exit', endAll);
  living.add(pid);
}

/** Where this process ends without having closed anything. */
function endAll(): void {
  for (const pid of living) signalGroup(pid, 'SIGKILL');
}

/** Whether there was anybody in the group to get it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
