import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as FormerClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as FormerTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { briefFlags } from '../../support/brief-flags.ts';
import { booksDatabase } from '../../support/company.ts';
import { compileCacheEnv } from '../../support/compile-cache.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';
import { dataOf, servedConfig } from './served.ts';

const cli = fileURLToPath(new URL('../../../bin/tutti.ts', import.meta.url));
const handshake = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: {
    ...{ protocolVersion: '2025-11-25', capabilities: {} },
    clientInfo: { name: 'raw', version: '1.0.0' },
  },
};

describe('tutti mcp serve', () => {
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await booksDatabase();
  });
  after(async function () {
    await fresh.drop(this);
  });

  const command = () => ({
    command: process.execPath,
    args: [...briefFlags, cli, 'mcp', 'serve', '--config', fileURLToPath(servedConfig)],
    env: {
      ...(process.env as Record<string, string>),
      ...compileCacheEnv,
      ...{ DATABASE_URL: fresh.url, OPENAI_API_KEY: '' },
    },
  });

  it('serves clients of both protocols over standard input and output', async () => {
    verifies('R5.mcp-server');
    const mode = { pin: '2026-07-28' } as const;
    const current = new Client(
      { name: 'test', version: '1.0.0' },
      { versionNegotiation: { mode } },
    );
    await current.connect(new StdioClientTransport(command()));
    const former = new FormerClient({ name: 'former', version: '1.0.0' });
    await former.connect(new FormerTransport(command()));

    const [one, other] = [await current.listTools(), await former.listTools()];
    assert.deepEqual(
      other.tools.map(({ name }) => name),
      one.tools.map(({ name }) => name),
    );
    // One of the two processes has the engine; both see what it does.
    for (const client of [current, former] as const) {
      const asked = { name: 'tool_desk_value_read', arguments: { value: 'x' } };
      const read = await (client as Client).callTool(asked);
      assert.deepEqual(dataOf<{ readonly result: unknown }>(read).result, { value: 'x' });
    }

    await current.close();
    await former.close();
  });

  it('ends a run whose request is cancelled, over the protocol before as well', async () => {
    const former = new FormerClient({ name: 'former', version: '1.0.0' });
    await former.connect(new FormerTransport(command()));
    const run = async () => {
      const listed = await former.callTool({ name: 'list_runs', arguments: {} });
      const { items } = dataOf<{ readonly items: readonly Row[] }>(listed);
      return items.find(({ key }) => key === 'cancel');
    };
    const cancelled = new AbortController();
    const asked = { workflow: 'held', key: 'cancel', waitSeconds: 60, cancelOnAbort: true };
    const { signal } = cancelled;
    const waiting = former
      .callTool({ name: 'start_run', arguments: asked }, undefined, { signal })
      .catch(() => null);
    await eventually(async () => (await run())?.status === 'running');

    cancelled.abort();
    await waiting;

    await eventually(async () => (await run())?.status === 'cancelled');
    await former.close();
  });

  it('writes the protocol and nothing else, and ends with its input', async () => {
    const { command: program, args, env } = command();
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    child.stdin.write(`${JSON.stringify(handshake)}\n`);
    await eventually(() => output.includes('\n'));

    child.stdin.end();
    const [code] = (await once(child, 'close')) as [number];

    assert.equal(code, 0);
    const lines = output.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { readonly id: number }).id),
      [1],
    );
  });

  it('ends in order on a signal', async () => {
    const { command: program, args, env } = command();
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write(`${JSON.stringify(handshake)}\n`);
    await once(child.stdout, 'data');

    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];

    assert.equal(code, 143);
  });
});

interface Row {
  readonly key: string | null;
  readonly status: string;
}
