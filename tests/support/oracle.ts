import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { briefFlags } from './brief-flags.ts';

/** An effect that reached the outside world. */
export interface EffectSeen {
  readonly kind: 'effect';
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly tool: string;
  readonly key: string;
  readonly args: string;
  /** The receiver knew the key and did nothing. */
  readonly again: boolean;
}

/** A model call that reached the provider. */
export interface ModelSeen {
  readonly kind: 'model';
  readonly at: number;
  readonly agent: string;
  /** The step's input, JSON. */
  readonly input: string;
  /** 1 for the first of a conversation. */
  readonly turn: number;
  /** Hash of the conversation so far. */
  readonly request: string;
}

export type OracleEntry = EffectSeen | ModelSeen;

/** The world outside: it lives in a process of its own, and its log is what engines' journals are compared with. */
export interface Oracle {
  /** For the environment of engines: where tools send to, and where the models are. */
  readonly env: Readonly<Record<string, string>>;
  /** What reached it so far. */
  entries(): readonly OracleEntry[];
  /** Lets everybody through who waits, or comes, at a gate. */
  openGate(id: string): Promise<void>;
  /** The provider breaks off its next calls, so many. */
  breakOff(calls: number): Promise<void>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('oracle-process.ts', import.meta.url));

/** Reads a log that only grows; the same list again as long as it has not grown. */
function readerOf(log: string): () => readonly OracleEntry[] {
  let seen: readonly OracleEntry[] = [];
  let size = 0;
  return () => {
    if (statSync(log).size === size) return seen;
    const bytes = readFileSync(log);
    // What is half written is read the next time.
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
    const added = whole.subarray(size).toString('utf8').split('\n');
    seen = [...seen, ...added.filter((text) => text !== '').map((text) => JSON.parse(text))];
    size = whole.length;
    return seen;
  };
}

/**
 * Starts the world outside; it logs into `log`. `thinkMs`: how long its model takes for an answer; long enough that a kill meets calls
 * that are under way.
 */
export async function startOracle(log: string, thinkMs = 5): Promise<Oracle> {
  const child = spawn(process.execPath, [...briefFlags, program, log, String(thinkMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(() => {
      throw new Error('the oracle did not start');
    }),
  ]);
  const { url, modelUrl } = JSON.parse(String(line[0])) as { url: string; modelUrl: string };
  return {
    env: { ORACLE_URL: url, ORACLE_MODEL_URL: modelUrl, ORACLE_KEY: 'a-key-of-the-tests' },
    entries: readerOf(log),
    async openGate(id) {
      await fetch(`${url}/gates/${id}`, { method: 'POST' });
    },
    async breakOff(calls) {
      await fetch(`${url}/breaks/${calls}`, { method: 'POST' });
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
