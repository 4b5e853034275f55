import { readFileSync, writeFileSync } from 'node:fs';
import { EngineError } from '../../core/base/errors.ts';
import type { McpServer } from '../../core/ports/mcp/config.ts';
import {
  type ClientConfig,
  type ClientServer,
  checkOffered,
  serversOf,
  toServer,
} from './config.ts';
import { MCPSession } from './session.ts';

/** A server as it was written, and as it is opened. */
interface Entry {
  readonly given: ClientServer;
  readonly server: McpServer;
}

/** Servers by name, and a session with each that was asked for. */
export class MCPClient {
  readonly #servers = new Map<string, Entry>();
  readonly #sessions = new Map<string, MCPSession>();
  /** Sessions that are on their way. */
  readonly #opening = new Map<string, Promise<MCPSession>>();

  /** `config` is what it says, or the path of its file. @throws CONFIG_INVALID */
  constructor(config: ClientConfig | string = {}, options: Readonly<Record<string, unknown>> = {}) {
    checkOffered('all', options);
    if (options.codeMode) {
      throw new EngineError('CONFIG_INVALID', 'MCPClient has no code mode here: it runs no code.');
    }
    const read = typeof config === 'string' ? readConfig(config) : config;
    for (const [name, server] of serversOf(read)) this.addServer(name, server);
  }

  static fromDict(config: ClientConfig, options?: Readonly<Record<string, unknown>>): MCPClient {
    return new MCPClient(config, options);
  }

  static fromConfigFile(path: string, options?: Readonly<Record<string, unknown>>): MCPClient {
    return new MCPClient(path, options);
  }

  /** Names of the servers with a session, in the order of the configuration, whichever answered first. */
  get activeSessions(): readonly string[] {
    const names = new Set([...this.#servers.keys(), ...this.#sessions.keys()]);
    return [...names].filter((name) => this.#sessions.has(name));
  }

  /** A session that is open already stays as it is. @throws CONFIG_INVALID */
  addServer(name: string, server: ClientServer): void {
    this.#servers.set(name, { given: server, server: toServer(name, server) });
  }

  /** Its session, if there is one, is open until it is closed. */
  removeServer(name: string): void {
    this.#servers.delete(name);
  }

  getServerNames(): readonly string[] {
    return [...this.#servers.keys()];
  }

  /** @throws MCP_SERVER_UNKNOWN */
  getServerConfig(name: string): ClientServer {
    return this.#entry(name).given;
  }

  getConfig(): ClientConfig {
    const servers = [...this.#servers].map(([name, { given }]) => [name, given]);
    return { mcpServers: Object.fromEntries(servers) };
  }

  /** Writes the configuration, with the secrets that it holds. */
  saveConfig(path: string): void {
    writeFileSync(path, `${JSON.stringify(this.getConfig(), null, 2)}\n`, { mode: 0o600 });
  }

  /** The server's session, opened if there is none. @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED */
  async createSession(name: string, autoInitialize = true): Promise<MCPSession> {
    const opening = this.#opening.get(name) ?? this.#open(name);
    this.#opening.set(name, opening);
    try {
      const session = await opening;
      if (autoInitialize) await session.initialize();
      return session;
    } finally {
      this.#opening.delete(name);
    }
  }

  /** A session with every server; when one fails, those that are open stay. @throws MCP_SERVER_FAILED */
  async createAllSessions(autoInitialize = true): Promise<Readonly<Record<string, MCPSession>>> {
    const names = this.getServerNames();
    const opened = names.map((name) => this.createSession(name, autoInitialize));
    await Promise.allSettled(opened);
    await Promise.all(opened);
    return this.getAllActiveSessions();
  }

  getSession(name: string): MCPSession | null {
    return this.#sessions.get(name) ?? null;
  }

  /** @throws MCP_SERVER_UNKNOWN */
  requireSession(name: string): MCPSession {
    const session = this.getSession(name);
    if (session) return session;
    const known = this.activeSessions.join(', ') || 'none';
    throw new EngineError(
      'MCP_SERVER_UNKNOWN',
      `There is no session with MCP server '${name}'; call createSession first. Open are: ${known}.`,
    );
  }

  getAllActiveSessions(): Readonly<Record<string, MCPSession>> {
    return Object.fromEntries(
      this.activeSessions.map((name) => [name, this.#sessions.get(name) as MCPSession]),
    );
  }

  async closeSession(name: string): Promise<void> {
    await this.#opening.get(name)?.catch(() => {});
    const session = this.#sessions.get(name);
    this.#sessions.delete(name);
    await session?.disconnect();
  }

  /** Every session is closed, whatever happens to the others. */
  async closeAllSessions(): Promise<void> {
    const names = new Set([...this.#sessions.keys(), ...this.#opening.keys()]);
    await Promise.all([...names].map((name) => this.closeSession(name)));
  }

  close(): Promise<void> {
    return this.closeAllSessions();
  }

  async #open(name: string): Promise<MCPSession> {
    const known = this.#sessions.get(name);
    if (known?.isConnected) return known;
    const session = new MCPSession(name, this.#entry(name).server);
    await session.connect();
    this.#sessions.set(name, session);
    return session;
  }

  #entry(name: string): Entry {
    const entry = this.#servers.get(name);
    if (entry) return entry;
    const known = this.getServerNames().join(', ') || 'none';
    throw new EngineError(
      'MCP_SERVER_UNKNOWN',
      `There is no MCP server '${name.slice(0, 100)}'; this client has: ${known}.`,
    );
  }
}

function readConfig(path: string): ClientConfig {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ClientConfig;
  } catch (cause) {
    throw new EngineError(
      'CONFIG_INVALID',
      `The configuration ${path} cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  }
}
