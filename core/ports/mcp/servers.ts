import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { leadsHere } from '../../base/loopback.ts';
import type { HttpServer, McpConfig, McpServer, StdioServer } from './config.ts';

/** A folder, or several, behind the reference server for files: nothing outside of them can be reached. */
interface FilesKind {
  /** Absolute paths. */
  readonly root: string | readonly string[];
}

/** A browser behind Playwright's server. */
interface BrowserKind {
  readonly type: 'playwright';
  /** @default ['--headless', '--isolated'] */
  readonly args?: readonly string[];
}

/** A server in the short words of `mcpServers`. */
export type McpServerKind = FilesKind | BrowserKind | StdioServer | HttpServer;

/**
 * Makes the servers of a configuration from several roots and kinds at once:
 *
 *     mcp: { servers: mcpServers({ reports: { root: '/srv/reports' }, browser: { type: 'playwright' } }) }
 *
 * Known kinds are started by npx, which needs nothing installed. @throws CONFIG_INVALID
 */
export function mcpServers(
  kinds: Readonly<Record<string, McpServerKind>>,
): Readonly<Record<string, McpServer>> {
  return checkServers(
    Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, serverOf(name, kind)])),
  );
}

function serverOf(name: string, kind: McpServerKind): McpServer {
  if ('root' in kind) {
    const roots = typeof kind.root === 'string' ? [kind.root] : kind.root;
    const relative = roots.find((root) => !isAbsolute(root));
    if (roots.length === 0 || relative !== undefined) {
      const found = relative === undefined ? 'none' : `'${relative}'`;
      throw invalid(name, `root takes absolute paths, not ${found}`);
    }
    return npx('@modelcontextprotocol/server-filesystem', roots);
  }
  if ('type' in kind && kind.type === 'playwright') {
    return npx('@playwright/mcp', kind.args ?? ['--headless', '--isolated']);
  }
  return kind as McpServer;
}

function npx(name: string, args: readonly string[]): StdioServer {
  return { command: 'npx', args: ['-y', name, ...args] };
}

/**
 * Reads the servers of a file that other clients keep, `{ "mcpServers": { … } }`: parsed JSON, or its text. Servers that are
 * `disabled` there are left out. @throws CONFIG_INVALID
 */
export function mcpServersFrom(json: unknown): Readonly<Record<string, McpServer>> {
  const data = typeof json === 'string' ? parseJson(json) : json;
  const file = z.looseObject({ mcpServers: z.record(z.string(), z.unknown()) }).safeParse(data);
  if (!file.success) {
    throw new EngineError(
      'CONFIG_INVALID',
      'There are no MCP servers in it; write: { "mcpServers": { "name": { "command": "npx", "args": ["-y", "a-server"] } } }',
    );
  }
  const asked = Object.entries(file.data.mcpServers).filter(([, each]) => !isDisabled(each));
  return checkServers(
    Object.fromEntries(asked.map(([name, each]) => [name, withoutType(name, each)])),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new EngineError(
      'CONFIG_INVALID',
      `The file of MCP servers is no JSON: ${(error as Error).message}`,
    );
  }
}

function isDisabled(server: unknown): boolean {
  return isObject(server) && server.disabled === true;
}

/** Other clients say the transport, which follows from `command` or `url`. */
function withoutType(name: string, server: unknown): unknown {
  if (!isObject(server)) return server;
  const { type, disabled: _, ...rest } = server;
  const known = ['stdio', 'http', 'streamable-http', 'streamableHttp'];
  if (type === undefined || known.includes(String(type))) return rest;
  throw invalid(name, `type '${String(type)}' is not known; those are ${known.join(', ')}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const text = z.string().min(1);
// A variable that another client would put in here would arrive as it stands.
const value = z.string().refine((each) => !/\$\{[^}]*\}/.test(each), {
  message: 'holds a placeholder; name the variable in envFrom or headersFrom instead',
});
const stdio = z.strictObject({
  command: text,
  args: z.array(value).readonly().optional(),
  env: z.record(text, value).optional(),
  envFrom: z.array(text).readonly().optional(),
  cwd: text.optional(),
});
const http = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(text, value).optional(),
  headersFrom: z.record(text, text).optional(),
  oauth: z
    .strictObject({
      clientId: text,
      clientSecretFrom: text,
      scope: text.optional(),
      issuer: z.url(),
    })
    .optional(),
  loopback: z.boolean().optional(),
});
// As in workflows, addresses and commands of a shell.
const serverName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** Checks servers, whoever wrote them. @throws CONFIG_INVALID naming the first that is wrong */
export function checkServers(
  servers: Readonly<Record<string, unknown>>,
): Readonly<Record<string, McpServer>> {
  for (const [name, server] of Object.entries(servers)) {
    if (!serverName.test(name)) {
      throw invalid(name, 'its name takes letters, digits, and _ . - only, at most 64');
    }
    if (!isObject(server) || 'command' in server === 'url' in server) {
      throw invalid(name, 'it takes either a command or a url');
    }
    const parsed = ('url' in server ? http : stdio).safeParse(server);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw invalid(name, `${issue?.path.join('.') || 'it'}: ${issue?.message}`);
    }
    if ('url' in parsed.data) checkUrl(name, parsed.data as HttpServer);
  }
  return servers as Readonly<Record<string, McpServer>>;
}

function checkUrl(name: string, { url, loopback = false }: HttpServer): void {
  const target = new URL(url);
  if (target.username !== '' || target.password !== '') {
    throw invalid(name, 'url holds credentials; use headersFrom or oauth');
  }
  if (loopback && !leadsHere(target)) {
    throw invalid(name, `loopback: true takes a url on this machine, not ${target.host}`);
  }
  if (!loopback && target.protocol !== 'https:') {
    throw invalid(name, 'url takes https:, or loopback: true for a server on this machine');
  }
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `MCP server '${name.slice(0, 100)}': ${what}.`);
}

/** The server that is meant. @throws MCP_SERVER_UNKNOWN */
export function serverNamed({ servers }: Pick<McpConfig, 'servers'>, name: string): McpServer {
  const server = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (server) return server;
  const known = Object.keys(servers).join(', ') || 'none';
  throw new EngineError(
    'MCP_SERVER_UNKNOWN',
    `There is no MCP server '${name.slice(0, 100)}'; configured under mcp.servers: ${known}.`,
  );
}

/** How a server is reached, for people: its command in full, or its address; no values of variables and headers. */
export function describeServer(server: McpServer): string {
  if ('url' in server) return server.url;
  return [server.command, ...(server.args ?? [])].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
