import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isEngineError } from '../../../core/base/errors.ts';
import type { McpPin, McpPins } from '../../../core/ports/db/mcp-pins.ts';
import type { McpConfig, StdioServer } from '../../../core/ports/mcp/config.ts';
import {
  type McpCaller,
  type McpPoolParts,
  type OpenMcpPool,
  openMcpPool,
} from '../../../core/ports/mcp/pool.ts';
import type { McpResult } from '../../../core/sdk/outside.ts';
import { briefFlags } from '../../support/brief-flags.ts';
import { compileCacheEnv } from '../../support/compile-cache.ts';

const fixtures = new URL('../../support/fixtures/', import.meta.url);

/** Runs a file of tests/support/fixtures as a server. */
export function fixture(name: string, env: Readonly<Record<string, string>> = {}): StdioServer {
  const args = [...briefFlags, fileURLToPath(new URL(name, fixtures))];
  return { command: process.execPath, args, env: { ...compileCacheEnv, ...env } };
}

/** Pools over real servers; everything is closed at the end, and nothing may be left running. */
export class McpLab {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'tutti-mcp-'));
  readonly #pools: OpenMcpPool[] = [];

  /** A file that servers write their process ids to. */
  get pids(): string {
    return path.join(this.folder, 'pids');
  }

  /** Every process that was started, in order. */
  started(): readonly number[] {
    if (!existsSync(this.pids)) return [];
    return readFileSync(this.pids, 'utf8').trim().split('\n').map(Number);
  }

  tools(env: Readonly<Record<string, string>> = {}): StdioServer {
    return fixture('mcp-tools.ts', { PIDS: this.pids, ...env });
  }

  open(config: McpConfig, parts: Partial<McpPoolParts> = {}): OpenMcpPool {
    const pool = openMcpPool(config, { env: process.env, pins: memoryPins(), ...parts });
    this.#pools.push(pool);
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    const left = this.started().filter(isAlive);
    rmSync(this.folder, { recursive: true, force: true });
    assert.deepEqual(left, [], 'processes are left behind');
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function aCaller(more: Partial<McpCaller> = {}): McpCaller {
  const signal = new AbortController().signal;
  return { tenantId: 1, runId: 'run-1', agent: 'a.b', model: 'm', signal, ...more };
}

/** Calls a tool of the server `tools`. */
export function call(
  pool: OpenMcpPool,
  [tool, args = {}, server = 'tools']: readonly [string, Record<string, unknown>?, string?],
  caller: McpCaller = aCaller(),
): Promise<McpResult> {
  return pool.call({ server, tool, args }, caller);
}

/** The code that a promise fails with, and its words. */
export async function failureOf(promise: Promise<unknown>): Promise<readonly [string, string]> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isEngineError(error), String(error));
    return [error.code, error.message];
  }
  return assert.fail('it went well');
}

/** Pins that live as long as the test. */
export function memoryPins(): McpPins {
  const pinned = new Map<string, Map<string, McpPin>>();
  const of = (server: string): Map<string, McpPin> => {
    const known = pinned.get(server) ?? new Map<string, McpPin>();
    pinned.set(server, known);
    return known;
  };
  return {
    read: async (server) => new Map(of(server)),
    first: async (server, tools) => {
      for (const each of tools) {
        if (!of(server).has(each.tool)) {
          of(server).set(each.tool, { ...each, acceptedBy: null, at: new Date() });
        }
      }
    },
    accept: async (server, tools, by) => {
      const acceptedBy = typeof by === 'string' ? by : by.id;
      for (const each of tools) of(server).set(each.tool, { ...each, acceptedBy, at: new Date() });
    },
  };
}
