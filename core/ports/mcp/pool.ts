import type { CallToolResult, FetchLike, JsonSchemaType } from '@modelcontextprotocol/client';
import { type Clock, systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { McpCall, McpResult } from '../../sdk/outside.ts';
import type { McpPins } from '../db/mcp-pins.ts';
import { guardedFetch } from '../http/guarded-fetch.ts';
import type { McpCaller } from './caller.ts';
import type { McpConfig } from './config.ts';
import { type Connection, connect } from './connection.ts';
import type { Definition } from './definition.ts';
import { callFailure, isLost } from './failure.ts';
import { largestMessage } from './message-size.ts';
import { Pinned } from './pinned.ts';
import { checkPolicies, type NamedPolicy, policyOf, requireAllowed } from './policies.ts';
import { type ProfileStatistics, Profiles } from './profiles.ts';
import type { Ways } from './remote.ts';
import { resultOf } from './result.ts';
import { checkServers, describeServer, serverNamed } from './servers.ts';
import { abortable, type Session } from './session.ts';
import { type Place, Sessions } from './sessions.ts';
import { inSpan } from './span.ts';
import { cheapValidator } from './validator.ts';
import { wordsOf } from './words.ts';

export type { McpCaller } from './caller.ts';

type Call = McpCall & { readonly server: string };

/** A call, and what its caller takes of the answer. */
interface Asked<T> {
  readonly call: Call;
  readonly caller: McpCaller;
  readonly read: (answer: CallToolResult, policy: NamedPolicy) => T;
}

/** A call under the policy of its caller. */
interface Ruled<T> extends Asked<T> {
  readonly policy: NamedPolicy;
}

/** The sessions of this process with MCP servers. */
export interface McpPool {
  /** Calls a tool; `server` is resolved. @throws MCP_* */
  call(call: Call, caller: McpCaller): Promise<McpResult>;
  /** Ends every session. Safe to call twice. */
  close(): Promise<void>;
}

/** What a pool is made of. */
export interface McpPoolParts {
  /** What configurations name variables of; servers see little of it. */
  readonly env: NodeJS.ProcessEnv;
  readonly pins: McpPins;
  /** For servers elsewhere. @default the one that lets nothing through to private addresses */
  readonly fetch?: FetchLike;
  readonly clock?: Clock;
  /** What servers are told. @default '0' */
  readonly version?: string;
}

/** A configured server, as it is now. */
export interface McpServerView {
  readonly name: string;
  readonly kind: 'stdio' | 'http';
  /** The command in full, or the address. */
  readonly command: string;
  /** Null: none is open, or the server is elsewhere. */
  readonly pid: number | null;
  /** Null while no session is open. */
  readonly session: {
    readonly protocolVersion: string;
    /** What the server calls itself. */
    readonly server: string;
    /** Calls under way, those that wait with them. */
    readonly calls: number;
  } | null;
  readonly profiles: readonly ProfileStatistics[];
}

/** A pool with its statistics, for whoever runs it. */
export interface OpenMcpPool extends McpPool {
  /** In the order of the configuration. */
  servers(): readonly McpServerView[];
  /** As `call`, with what the server answered as it is, failures of the tool included. @throws MCP_* */
  answer(call: Call, caller: McpCaller): Promise<CallToolResult>;
  /** What the server's tools are now; nothing is pinned by that. @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED */
  definitions(server: string, signal: AbortSignal): Promise<ReadonlyMap<string, Definition>>;
  /** Opens a session if none is, and asks whether the server is there. @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED */
  check(server: string, signal: AbortSignal): Promise<McpServerView>;
}

/** How often a call that never reached a server is taken to the next session. */
const mostMoves = 3;

/**
 * Opens the pool of sessions with the servers of a configuration; each is started by the first call that needs it, and shared by all
 * who call a server with the same configuration. @throws CONFIG_INVALID
 */
export function openMcpPool(config: McpConfig, parts: McpPoolParts): OpenMcpPool {
  return new Pool(config, parts);
}

class Pool implements OpenMcpPool {
  readonly #config: McpConfig;
  readonly #sessions: Sessions;
  readonly #pinned: Pinned;
  readonly #profiles: Profiles;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #checks = new WeakMap<Definition, ReturnType<typeof cheapValidator>>();

  constructor(config: McpConfig, parts: McpPoolParts) {
    const { clock = systemClock, pins, version = '0' } = parts;
    checkServers(config.servers);
    if (config.defaultServer !== undefined) serverNamed(config, config.defaultServer);
    checkPolicies(config);
    const ways = waysOf(config, parts);
    this.#config = config;
    this.#pinned = new Pinned(pins);
    this.#profiles = new Profiles(clock);
    this.#places = new Map(
      Object.entries(config.servers).map(([name, server]) => [
        name,
        { server: name, key: digest('mcp-server', server).toString('hex') },
      ]),
    );
    this.#sessions = new Sessions({
      clock,
      limits: limitsOf(config),
      connect: ({ server }, session, signal) =>
        connect(serverNamed(config, server), ways, {
          onClosed: () => session.lose(),
          onToolsChanged: () => session.forgetTools(),
          server,
          version,
          signal,
        }),
    });
  }

  call(call: Call, caller: McpCaller): Promise<McpResult> {
    return this.#counted({
      call,
      caller,
      read: (answer, policy) => resultOf(answer, call, policy),
    });
  }

  answer(call: Call, caller: McpCaller): Promise<CallToolResult> {
    return this.#counted({ call, caller, read: (answer) => answer });
  }

  async #counted<T>(asked: Asked<T>): Promise<T> {
    const { call, caller } = asked;
    const { model, agent } = caller;
    serverNamed(this.#config, call.server);
    const policy = policyOf(this.#config, agent);
    const profile = { server: call.server, model, policy: policy.name };
    return await this.#profiles.count(profile, async (onOpened) => {
      requireAllowed(policy, call, agent);
      return await this.#inSession(call.server, { ...caller, onOpened }, (session) =>
        this.#callOn(session, { ...asked, policy }),
      );
    });
  }

  servers(): readonly McpServerView[] {
    return Object.keys(this.#config.servers).map((name) => this.#view(name));
  }

  definitions(server: string, signal: AbortSignal): Promise<ReadonlyMap<string, Definition>> {
    return this.#inSession(server, asker(signal), (session) => session.tools(signal));
  }

  async check(server: string, signal: AbortSignal): Promise<McpServerView> {
    return this.#inSession(server, asker(signal), async (session) =>
      (await abortable(session.check(), signal)) ? this.#view(server) : null,
    );
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  /** Lets `work` use the server's session; where that was lost before it could begin (null), the next one. */
  async #inSession<T>(
    server: string,
    asking: { readonly runId: string; readonly signal: AbortSignal; readonly onOpened: () => void },
    work: (session: Session) => Promise<T | null>,
  ): Promise<T> {
    serverNamed(this.#config, server);
    const place = this.#places.get(server) as Place;
    for (let moves = 0; moves < mostMoves; moves += 1) {
      const done = await this.#sessions.use(place, asking, async (session) => {
        const result = await work(session);
        if (result !== null) this.#sessions.praise(place, session);
        return result;
      });
      if (done !== null) return done;
    }
    throw new EngineError(
      'MCP_SERVER_FAILED',
      `MCP server '${server}' ended ${mostMoves} times before it took the call; look at it with: tutti mcp check`,
    );
  }

  async #callOn<T>(session: Session, { call, caller, read, policy }: Ruled<T>): Promise<T | null> {
    const { signal } = caller;
    let isSent = false;
    try {
      const definition = await this.#require(session, call, signal);
      if (!definition) return null;
      const done = await session.call(signal, (connection) =>
        inSpan({ ...call, protocolVersion: connection.protocolVersion }, caller, async (meta) => {
          isSent = true;
          const sent = { call, definition, meta, policy };
          return read(await this.#send(connection, sent, signal), policy);
        }),
      );
      return done?.result ?? null;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = callFailure(error, { ...call, isSent });
      if (failure.code === 'MCP_SERVER_FAILED') {
        if (isLost(error)) session.retire();
        else void session.check();
      }
      throw failure;
    }
  }

  #send(
    connection: Connection,
    sent: {
      readonly call: Call;
      readonly definition: Definition;
      readonly meta: Readonly<Record<string, string>>;
      readonly policy: NamedPolicy;
    },
    signal: AbortSignal,
  ): Promise<CallToolResult> {
    // Only the tool's own arguments: what routes a call stays here.
    const { tool: name, args } = sent.call;
    const timeoutMs = sent.policy.callMs ?? this.#config.callMs ?? 60_000;
    const { tool } = sent.definition;
    return connection.callTool(
      { name, args, meta: sent.meta, definition: tool, timeoutMs },
      signal,
    );
  }

  /** The tool as it may be called, with these arguments. Null: the session was lost before it told its tools. */
  async #require(session: Session, call: Call, signal: AbortSignal): Promise<Definition | null> {
    const listed = await session.tools(signal).catch((error: unknown) => {
      if (session.isLost && !signal.aborted) return null;
      throw error;
    });
    if (!listed) return null;
    const definition = listed.get(call.tool);
    if (!definition) throw unknownTool(call, listed);
    await this.#pinned.require(call.server, listed, definition);
    if (!this.#checks.has(definition)) {
      this.#checks.set(definition, cheapValidator(definition.tool.inputSchema as JsonSchemaType));
    }
    const checked = this.#checks.get(definition)?.(call.args);
    if (!checked || checked.valid) return definition;
    throw new EngineError(
      'TOOL_INPUT_INVALID',
      `'${call.tool}' of MCP server '${call.server}' does not take these arguments: ${wordsOf(checked.errorMessage)}`,
      { details: { sent: false } },
    );
  }

  #view(name: string): McpServerView {
    const server = serverNamed(this.#config, name);
    const session = this.#sessions.peek(this.#places.get(name)?.key ?? '');
    return {
      name,
      kind: 'url' in server ? 'http' : 'stdio',
      command: describeServer(server),
      pid: session?.connection.pid ?? null,
      session: session && {
        protocolVersion: session.connection.protocolVersion,
        server: wordsOf(Object.values(session.connection.serverInfo).join(' ')).slice(0, 200),
        calls: session.users,
      },
      profiles: this.#profiles.statistics.filter((profile) => profile.server === name),
    };
  }
}

function limitsOf(config: McpConfig) {
  return {
    inTotal: config.maxSessions ?? 32,
    perRun: config.maxSessionsPerRun ?? 8,
    callsAtOnce: config.maxCallsPerSession ?? 64,
    idleMs: config.idleMs ?? 300_000,
    waitMs: config.waitMs ?? 30_000,
  };
}

function waysOf({ servers }: McpConfig, { env, fetch }: McpPoolParts): Ways {
  if (fetch) return { env, fetch };
  const urls = Object.values(servers).flatMap((server) => ('url' in server ? [server.url] : []));
  const ports = [443, ...urls.map((url) => Number(new URL(url).port || 443))];
  const egress = { hosts: ['*'], ports, setting: 'mcp.servers', maxBytes: largestMessage };
  return { env, fetch: guardedFetch(egress) };
}

/** Who looks at a server without a run. */
function asker(signal: AbortSignal) {
  return { runId: 'operator', signal, onOpened: () => {} };
}

function unknownTool({ server, tool }: Call, listed: ReadonlyMap<string, Definition>): EngineError {
  const names = [...listed.keys()].slice(0, 50).join(', ') || 'none';
  return new EngineError(
    'MCP_TOOL_UNKNOWN',
    `MCP server '${server}' has no tool '${tool.slice(0, 100)}'; it has: ${wordsOf(names)}`,
  );
}
