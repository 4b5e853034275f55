import type { CallToolResult, Tool } from '@modelcontextprotocol/client';
import { EngineError, isEngineError } from '../../core/base/errors.ts';
import type { McpServer } from '../../core/ports/mcp/config.ts';
import { type McpCaller, type OpenMcpPool, openMcpPool } from '../../core/ports/mcp/pool.ts';
import type { McpResult } from '../../core/sdk/outside.ts';
import { sessionPins } from './pins.ts';
import { withoutRouting } from './routing.ts';

/** How a request is made. */
interface RequestOptions {
  /** Milliseconds. @default 60000 */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

type Args = Readonly<Record<string, unknown>>;

interface Asked {
  readonly name: string;
  readonly args: Args;
  readonly options: RequestOptions;
}

/** The longest that a caller can wait for one call, milliseconds. */
const mostMs = 3_600_000;

/** One server's session. A process that ends is started again by the next call. */
export class MCPSession {
  readonly #name: string;
  readonly #server: McpServer;
  #pool: OpenMcpPool | null = null;
  #tools: readonly Tool[] = [];

  /** @internal Sessions are made by an MCPClient. */
  constructor(name: string, server: McpServer) {
    this.#name = name;
    this.#server = server;
  }

  get isConnected(): boolean {
    return this.#pool !== null;
  }

  /** The tools that the server had when they were last asked for. */
  get tools(): readonly Tool[] {
    return this.#tools;
  }

  /** Starts the server, or reaches it. @throws MCP_SERVER_FAILED */
  async connect(): Promise<void> {
    if (this.#pool) return;
    const pool = openMcpPool(
      { servers: { [this.#name]: this.#server }, callMs: mostMs, idleMs: Infinity },
      { env: process.env, pins: sessionPins() },
    );
    this.#pool = pool;
    try {
      await this.#within({}, (signal) => pool.check(this.#name, signal));
    } catch (error) {
      await this.disconnect();
      throw error;
    }
  }

  /** Asks for the tools, so that `tools` has them. */
  async initialize(): Promise<void> {
    await this.connect();
    await this.listTools();
  }

  /** Ends the session, and with it the server's process. */
  async disconnect(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await pool?.close();
  }

  /** @throws MCP_SERVER_FAILED */
  async listTools(options: RequestOptions = {}): Promise<readonly Tool[]> {
    const pool = this.#open();
    const listed = await this.#within(options, (signal) => pool.definitions(this.#name, signal));
    this.#tools = [...listed.values()].map(({ tool }) => tool);
    return this.#tools;
  }

  /**
   * Calls a tool. What it answers is as the server gave it, `isError` included. `server` and `server_name` are no arguments, unless the
   * tool has them. @throws MCP_* · TOOL_INPUT_INVALID
   */
  async callTool(
    name: string,
    args: Args = {},
    options: RequestOptions = {},
  ): Promise<CallToolResult> {
    return await this.#ask({ name, args, options }, (pool, call, caller) =>
      pool.answer(call, caller),
    );
  }

  /** @internal As `callTool`, for a model to read. @throws MCP_TOOL_FAILED, too */
  async read(name: string, args: Args, signal: AbortSignal): Promise<McpResult> {
    return await this.#ask({ name, args, options: { signal } }, (pool, call, caller) =>
      pool.call(call, caller),
    );
  }

  async #ask<T>(
    { name, args, options }: Asked,
    ask: (
      pool: OpenMcpPool,
      call: Parameters<OpenMcpPool['call']>[0],
      caller: McpCaller,
    ) => Promise<T>,
  ): Promise<T> {
    const pool = this.#open();
    if (this.#tools.length === 0) await this.listTools(options);
    const known = this.#tools.find((tool) => tool.name === name);
    const call = { server: this.#name, tool: name, args: withoutRouting(known, args) };
    const own = { tenantId: 0, runId: 'mcp-use', agent: 'mcp-use', model: 'unknown' };
    return await this.#within(options, (signal) => this.#told(ask(pool, call, { ...own, signal })));
  }

  /** Nobody accepts definitions here: a new session takes them as they are. */
  async #told<T>(answer: Promise<T>): Promise<T> {
    return await answer.catch((error: unknown) => {
      if (!isEngineError(error) || error.code !== 'MCP_TOOL_CHANGED') throw error;
      throw new EngineError(
        'MCP_TOOL_CHANGED',
        `MCP server '${this.#name}' has changed what one of its tools is since the session began; look at it, then close the session and create it again.`,
        { cause: error },
      );
    });
  }

  #open(): OpenMcpPool {
    if (this.#pool) return this.#pool;
    throw new EngineError(
      'MCP_SERVER_FAILED',
      `The session with MCP server '${this.#name}' is closed; create it again.`,
    );
  }

  /** Runs what has to end in its time. */
  async #within<T>(
    { timeout = 60_000, signal }: RequestOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = new AbortController();
    const message = `MCP server '${this.#name}' did not answer within ${timeout} ms.`;
    const timer = setTimeout(
      () => late.abort(new EngineError('MCP_SERVER_FAILED', message)),
      timeout,
    );
    try {
      return await work(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
    } finally {
      clearTimeout(timer);
    }
  }
}
