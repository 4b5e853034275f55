import { EngineError, toErrorData } from '../../base/errors.ts';
import type { Dispatcher, FromThread, McpAnswer } from '../../ports/dispatcher.ts';
import type { McpCaller, McpPool } from '../../ports/mcp/pool.ts';

/** What calls of MCP servers work with. */
export interface McpCallParts {
  /** The one pool of this process. @default no server can be reached */
  readonly mcp?: Pick<McpPool, 'call'> | undefined;
  readonly dispatcher: Pick<Dispatcher, 'tell'>;
}

type Asked = Extract<FromThread, { readonly kind: 'mcp' }>;

/**
 * The calls of MCP servers that jobs on threads have under way, by the jobs' refs: all threads share the sessions of this process. What
 * a job has in flight ends with it, and nobody is told of it then.
 */
export class McpCalls {
  readonly #parts: McpCallParts;
  readonly #byRef = new Map<number, Map<number, AbortController>>();

  constructor(parts: McpCallParts) {
    this.#parts = parts;
  }

  /** A job's tool calls a server; it is answered once, unless the call ends before. `refusal`: why nothing may be asked outside. */
  make(
    { ref, id, call }: Asked,
    caller: Omit<McpCaller, 'signal'>,
    refusal: EngineError | null = null,
  ): void {
    if (refusal) {
      const answer = { error: toErrorData(refusal) };
      return this.#parts.dispatcher.tell({ kind: 'mcp-answered', ref, id, answer });
    }
    const abort = new AbortController();
    const own = this.#byRef.get(ref) ?? new Map<number, AbortController>();
    this.#byRef.set(ref, own);
    own.set(id, abort);
    const { signal } = abort;
    void this.#answer(call, { ...caller, signal }).then((answer) => {
      if (signal.aborted) return;
      own.delete(id);
      this.#parts.dispatcher.tell({ kind: 'mcp-answered', ref, id, answer });
    });
  }

  /** Nobody waits for a call any more. */
  cancel({ ref, id }: { readonly ref: number; readonly id: number }): void {
    const own = this.#byRef.get(ref);
    const call = own?.get(id);
    own?.delete(id);
    call?.abort(givenUp());
  }

  /** A job has ended, and with it all that it called. */
  close(ref: number): void {
    const own = this.#byRef.get(ref);
    this.#byRef.delete(ref);
    for (const call of own?.values() ?? []) call.abort(givenUp());
  }

  /** Ends every call. */
  stop(): void {
    for (const ref of [...this.#byRef.keys()]) this.close(ref);
  }

  async #answer(call: Asked['call'], caller: McpCaller): Promise<McpAnswer> {
    const { mcp } = this.#parts;
    try {
      if (!mcp) throw withoutServers(call.server);
      return { result: await mcp.call(call, caller) };
    } catch (error) {
      return { error: toErrorData(error, 'MCP_SERVER_FAILED') };
    }
  }
}

function givenUp(): EngineError {
  return new EngineError('CANCELLED', 'Nobody waits any more for what the MCP call would bring.');
}

function withoutServers(server: string): EngineError {
  return new EngineError(
    'MCP_SERVER_UNKNOWN',
    `There is no MCP server '${server}': the configuration names none; add it to mcp.servers.`,
  );
}
