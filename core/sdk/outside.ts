/**
 * What tools reach beyond the ERP. A tool names what it uses in its `outside`; everything else is refused. What comes from there
 * is text from outside: it makes the context of the agent that reads it `external`.
 */
export interface Outside {
  readonly files: Files;
  readonly http: Http;
  readonly mcp: Mcp;
  readonly databases: Databases;
  readonly mail: Mail;
  readonly slack: Slack;
}

/** One way out, by its name. */
export type Way = keyof Outside;

/** The tenant's own folder of files; no path leads out of it. */
export interface Files {
  /** A regular file's bytes. @throws FILE_REFUSED · FILE_UNKNOWN */
  read(path: string): Promise<Uint8Array>;
  /** Puts a whole file in place, with its folders: readers see the old one or the new one. @throws FILE_REFUSED */
  write(path: string, content: string | Uint8Array): Promise<WrittenFile>;
  /** What lies in a folder, by name. @throws FILE_REFUSED · FILE_UNKNOWN */
  list(path: string): Promise<readonly ListedFile[]>;
}

export interface WrittenFile {
  /** Relative to the tenant's folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ListedFile {
  readonly name: string;
  readonly kind: 'file' | 'folder';
  readonly bytes: number;
}

/** HTTPS to public addresses of the hosts that the configuration allows. */
export interface Http {
  /** One request, redirects followed within the same rules. @throws EGRESS_REFUSED · HTTP_FAILED */
  request(request: HttpRequest): Promise<HttpResponse>;
}

export interface HttpRequest {
  readonly url: string;
  /** Everything but GET and HEAD is for tools that `write` or `send`. @default 'GET' */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the last redirect led. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Why there is no text, of a request that changed something: its status is known all the same. */
  readonly omitted?: string;
}

/** The servers of `mcp.servers` (https://modelcontextprotocol.io). */
export interface Mcp {
  /**
   * Calls a tool of a server. @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED · MCP_TOOL_UNKNOWN · MCP_TOOL_CHANGED until somebody accepts its
   * new definition · MCP_TOOL_FAILED with what the tool says
   */
  call(call: McpCall): Promise<McpResult>;
}

export interface McpCall {
  /** The tool's name on its server. */
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** @default the `server` of the workflow's node, else `mcp.defaultServer` */
  readonly server?: string;
}

export interface McpResult {
  /** The text parts, joined by line breaks; of what is no text, one line that names it. */
  readonly text: string;
  /** What the server calls structured content. @default it gave none */
  readonly data?: unknown;
}

/** Databases of the configuration, to be read. */
export interface Databases {
  /** One statement in a transaction that may only read. @throws DATABASE_UNKNOWN · QUERY_REFUSED · QUERY_FAILED */
  query(query: DatabaseQuery): Promise<DatabaseRows>;
}

export interface DatabaseQuery {
  /** A name in `databases` of the configuration. */
  readonly database: string;
  /** `$1`, `$2` stand for the parameters. */
  readonly sql: string;
  readonly parameters?: readonly (string | number | boolean | null)[];
}

export interface DatabaseRows {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether there were more than the configuration lets through. */
  readonly isCut: boolean;
}

/** Mail by the configuration's server, to the recipients that it allows. */
export interface Mail {
  /** @throws MAIL_REFUSED with nothing sent · MAIL_FAILED */
  send(message: MailMessage): Promise<SentMail>;
}

export interface SentMail {
  /** Its Message-ID. */
  readonly id: string;
  /** Whom the server did not take it for; the others have it. */
  readonly rejected: readonly string[];
}

export interface MailMessage {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** The effect's key: the Message-ID follows from it, so that people and servers see that one sent twice is one. @default a new one */
  readonly id?: string;
  /** From the tenant's folder. */
  readonly attachments?: readonly { readonly name: string; readonly content: Uint8Array }[];
}

/** Channels of Slack, by the configuration's incoming webhooks. */
export interface Slack {
  /** @throws SLACK_REFUSED for a channel that the configuration does not name · HTTP_FAILED */
  post(message: { readonly channel: string; readonly text: string }): Promise<void>;
}
