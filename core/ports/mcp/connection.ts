import {
  type CallToolResult,
  Client,
  type JsonSchemaType,
  type JsonSchemaValidator,
  SdkError,
  SdkErrorCode,
  type StreamableHTTPClientTransport,
  type Tool,
  type Transport,
} from '@modelcontextprotocol/client';
import type { McpServer } from './config.ts';
import { environmentOf } from './environment.ts';
import { unreachable } from './failure.ts';
import { openProcess, type ProcessTransport } from './process-group.ts';
import { openRemote, type Ways } from './remote.ts';
import { cheapValidator } from './validator.ts';

/** A server that answers. */
export interface Connection {
  readonly protocolVersion: string;
  /** What it calls itself; nothing rests on it. */
  readonly serverInfo: { readonly name: string; readonly version: string };
  /** Null for a server elsewhere. */
  readonly pid: number | null;
  listTools(signal: AbortSignal): Promise<readonly Tool[]>;
  callTool(call: ToolCall, signal: AbortSignal): Promise<CallToolResult>;
  /** Asks whether it is there. */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A call as the server gets it. */
interface ToolCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, string>>;
  readonly definition: Tool;
  readonly timeoutMs: number;
}

/** Told what happens to a connection. */
interface ConnectionEvents {
  /** It has ended, whoever ended it. */
  readonly onClosed: () => void;
  /** The server says that its tools have changed. */
  readonly onToolsChanged: () => void;
}

/** How a connection is begun. */
interface Opening extends ConnectionEvents {
  /** Its name in the configuration. */
  readonly server: string;
  /** What it is told of this client. */
  readonly version: string;
  readonly signal: AbortSignal;
}

/** How long a server gets to start and answer, milliseconds: npx may have to fetch it first. */
const connectMs = 60_000;
/** How long it gets to answer the first question of the newer protocol, before it is asked the older one's. */
const probeMs = 20_000;
const listMs = 30_000;
const endMs = 2_000;

/** Connects with a server in the newest protocol that both speak. @throws CONFIG_INVALID, or whatever the transport throws */
export async function connect(server: McpServer, ways: Ways, events: Opening): Promise<Connection> {
  if ('url' in server) {
    const transport = openRemote(server, ways);
    const client = newClient(events, { isLegacy: false });
    await handshake(client, transport, events.signal);
    return connectionOf(client, { remote: transport }, events);
  }
  const { command, args = [], cwd } = server;
  const program = { command, args, env: environmentOf(server, ways.env), cwd };
  const opened = await connectProcess(openProcess(program), events, { isLegacy: false });
  if (opened) return opened;
  // Some older servers end at a question that they do not know: the next process is asked in their own words.
  return (await connectProcess(openProcess(program), events, { isLegacy: true })) as Connection;
}

/** Null: the process ended when it was asked in the words of the newer protocol. */
async function connectProcess(
  transport: ProcessTransport,
  events: Opening,
  era: { readonly isLegacy: boolean },
): Promise<Connection | null> {
  const client = newClient(events, era);
  try {
    await handshake(client, transport, events.signal);
  } catch (error) {
    await transport.close();
    if (!era.isLegacy && isEndedByProbe(error) && !events.signal.aborted) return null;
    throw unreachable(events.server, error, transport.lastWords.trim());
  }
  return connectionOf(client, { process: transport }, events);
}

/** What could not even be started has a cause. */
function isEndedByProbe(error: unknown): boolean {
  return (
    error instanceof SdkError &&
    error.code === SdkErrorCode.EraNegotiationFailed &&
    error.cause === undefined
  );
}

/** The first question hears no signal: it ends when the transport does. */
async function handshake(client: Client, transport: Transport, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const leave = (): void => void transport.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    await client.connect(transport, { timeout: connectMs, signal });
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

function newClient(
  { onToolsChanged, version }: ConnectionEvents & { readonly version: string },
  { isLegacy }: { readonly isLegacy: boolean },
): Client {
  return new Client(
    { name: 'tutti', version },
    {
      // Nothing that a server could ask of us: no sampling, no elicitation, no roots.
      capabilities: {},
      versionNegotiation: isLegacy
        ? { mode: 'legacy' }
        : { mode: 'auto', probe: { timeoutMs: probeMs } },
      jsonSchemaValidator: { getValidator: cheapOrNone },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: onToolsChanged } },
    },
  );
}

/** Results are checked where that is cheap; they are untrusted either way. */
function cheapOrNone<T>(schema: JsonSchemaType): JsonSchemaValidator<T> {
  const validator = cheapValidator(schema) as JsonSchemaValidator<T> | null;
  return validator ?? ((data) => ({ valid: true, data: data as T, errorMessage: undefined }));
}

interface Line {
  readonly process?: ProcessTransport;
  readonly remote?: StreamableHTTPClientTransport;
}

function connectionOf(
  client: Client,
  { process, remote }: Line,
  { onClosed }: ConnectionEvents,
): Connection {
  client.onclose = onClosed;
  // It may have ended since it answered.
  if (client.transport === undefined) queueMicrotask(onClosed);
  const isModern = client.getProtocolEra() === 'modern';
  const { name = '', version = '' } = client.getServerVersion() ?? {};
  return {
    protocolVersion: client.getNegotiatedProtocolVersion() ?? '',
    serverInfo: { name, version },
    pid: process?.pid ?? null,
    async listTools(signal) {
      const options = { signal, timeout: listMs, cacheMode: 'refresh' as const };
      return (await client.listTools(undefined, options)).tools;
    },
    async callTool({ name, args, meta, definition, timeoutMs }, signal) {
      const params = { name, arguments: { ...args }, ...(hasAny(meta) && { _meta: { ...meta } }) };
      return client.callTool(params, { signal, timeout: timeoutMs, toolDefinition: definition });
    },
    async ping(timeout) {
      // The newer protocol has no ping; its servers must answer discovery at any time.
      await (isModern ? client.discover({ timeout }) : client.ping({ timeout }));
    },
    async close() {
      if (remote && !isModern) await atMost(endMs, remote.terminateSession());
      await client.close();
      await process?.close();
    },
  };
}

function hasAny(meta: Readonly<Record<string, string>>): boolean {
  return Object.keys(meta).length > 0;
}

/** A server that does not want to be told goodbye is left. */
async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const patience = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([work.catch(() => {}), patience]);
}
