/** An MCP server that Tutti starts, and speaks with over its standard input and output. */
export interface StdioServer {
  readonly command: string;
  readonly args?: readonly string[];
  /** All that it sees of the environment, beside PATH, HOME and the like. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of variables of Tutti's own environment that it gets as well. */
  readonly envFrom?: readonly string[];
  readonly cwd?: string;
}

/** An MCP server elsewhere, over Streamable HTTP. */
export interface HttpServer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Header names, each with the environment variable that holds its value: `{ Authorization: 'REPORTS_TOKEN' }`. */
  readonly headersFrom?: Readonly<Record<string, string>>;
  /** OAuth client credentials. @default none */
  readonly oauth?: {
    readonly clientId: string;
    /** Name of the environment variable that holds the secret. */
    readonly clientSecretFrom: string;
    readonly scope?: string;
    /** The one authorization server that gets the secret, as it calls itself: a server that names another gets nothing. */
    readonly issuer: string;
  };
  /** Lets it be on this machine, without TLS. @default false: https to a public address */
  readonly loopback?: boolean;
}

export type McpServer = StdioServer | HttpServer;

/** What some agents may have of the servers. Patterns are names with `*` for any rest. */
export interface McpPolicy {
  /** Qualified names and patterns of agents; of several policies that fit, the first holds. Only `standard` has none. */
  readonly agents?: readonly string[];
  /** Names of servers. @default all */
  readonly servers?: readonly string[];
  /** Names and patterns of the servers' tools. @default all */
  readonly tools?: readonly string[];
  /** How long one call may take, milliseconds. @default callMs of the configuration */
  readonly callMs?: number;
  /** Of a result; text beyond it is cut, structured content beyond it refused. @default 1000000, structured 2000000 */
  readonly maxCharacters?: number;
}

/** Who may call Tutti's own MCP server with a token instead of from this machine: it is then an OAuth 2.1 resource server. */
export interface McpServe {
  /** Its public address, which tokens name as their audience: `https://tutti.example.com/mcp`. */
  readonly resource: string;
  /** Whose tokens count. */
  readonly issuers: readonly TokenIssuer[];
  /** What the issuers call the two scopes. @default tutti.read, tutti.run */
  readonly scopes?: { readonly read?: string; readonly run?: string };
}

/** An authorization server whose tokens count. */
export interface TokenIssuer {
  /** As tokens name it in `iss`, to the letter. */
  readonly issuer: string;
  /** Where its public keys are; keys that a token names or brings are never used. */
  readonly jwksUrl: string;
  /** The signature algorithms that it uses; only those with public keys. */
  readonly algorithms: readonly string[];
}

/** The servers that tools reach by the Model Context Protocol, in the shape that clients of it share. */
export interface McpConfig {
  readonly servers: Readonly<Record<string, McpServer>>;
  /** @default none: a call has to say which */
  readonly defaultServer?: string;
  /** Sessions at once, in total. @default 32 */
  readonly maxSessions?: number;
  /** Sessions that one run may hold open. @default 8 */
  readonly maxSessionsPerRun?: number;
  /** Calls at once on one session. @default 64 */
  readonly maxCallsPerSession?: number;
  /** How long a session that nobody uses stays, milliseconds. @default 300000 */
  readonly idleMs?: number;
  /** How long one call may take, milliseconds. @default 60000 */
  readonly callMs?: number;
  /** How long a call waits for a session while all that there may be are in use, milliseconds. @default 30000 */
  readonly waitMs?: number;
  /** What agents may have of the servers, by name of the policy; `standard` is for those that no other names. @default everything */
  readonly policies?: Readonly<Record<string, McpPolicy>>;
  /** Lets callers with tokens use Tutti's own MCP server. @default none: it serves this machine alone, like the whole API */
  readonly serve?: McpServe;
}
