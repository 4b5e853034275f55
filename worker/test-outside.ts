import { createHash } from 'node:crypto';
import { EngineError } from '../core/base/errors.ts';
import { namesOf } from '../core/ports/files/path.ts';
import { unknown } from '../core/ports/files/refusal.ts';
import type { OutsideOf } from '../core/ports/outside.ts';
import type {
  DatabaseQuery,
  Files,
  HttpRequest,
  HttpResponse,
  ListedFile,
  MailMessage,
  McpCall,
  McpResult,
  Outside,
  WrittenFile,
} from '../core/sdk/outside.ts';

/** An answer, or what makes it. */
type Answer<Asked, Answered> = Answered | ((asked: Asked) => Answered | Promise<Answered>);

/** What there is in a test's world beyond the ERP. Whatever is not named here cannot be reached. */
export interface TestWorld {
  /** By path. @default none */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** By method and address: `GET https://rates.example/eur`; a text is an answer of 200. @default nothing answers */
  readonly http?: Readonly<Record<string, Answer<HttpRequest, string | Partial<HttpResponse>>>>;
  /** By server and tool: `files/read`, or by the tool alone. @default there is none */
  readonly mcp?: Readonly<Record<string, Answer<McpCall, string | McpResult>>>;
  /** Rows by database. @default there is none */
  readonly databases?: Readonly<
    Record<string, Answer<DatabaseQuery, readonly Readonly<Record<string, unknown>>[]>>
  >;
}

/** A world outside, and what was done there. */
export interface TestOutside {
  /** For `outside` of a test's scope. */
  readonly of: OutsideOf;
  /** Files by path, those that were written included. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly requests: readonly HttpRequest[];
  readonly mcpCalls: readonly McpCall[];
  readonly queries: readonly DatabaseQuery[];
  readonly mails: readonly MailMessage[];
  readonly posts: readonly { readonly channel: string; readonly text: string }[];
}

/** Makes a world outside, in memory. */
export function testOutside({
  files = {},
  http = {},
  mcp = {},
  databases = {},
}: TestWorld = {}): TestOutside {
  const seen = {
    files: new Map(Object.entries(files).map(([path, content]) => [key(path), bytesOf(content)])),
    requests: [] as HttpRequest[],
    mcpCalls: [] as McpCall[],
    queries: [] as DatabaseQuery[],
    mails: [] as MailMessage[],
    posts: [] as { readonly channel: string; readonly text: string }[],
  };
  const outside: Outside = {
    files: filesIn(seen.files),
    http: {
      async request(asked) {
        seen.requests.push(asked);
        const name = `${asked.method ?? 'GET'} ${asked.url}`;
        return toResponse(asked, await answerOf(http, { name, asked, code: 'EGRESS_REFUSED' }));
      },
    },
    mcp: {
      async call(asked) {
        seen.mcpCalls.push(asked);
        const named = `${asked.server ?? ''}/${asked.tool}`;
        const name = Object.hasOwn(mcp, named) ? named : asked.tool;
        const answer = await answerOf(mcp, { name, asked, code: 'MCP_TOOL_UNKNOWN' });
        return typeof answer === 'string' ? { text: answer } : answer;
      },
    },
    databases: {
      async query(asked) {
        seen.queries.push(asked);
        const question = { name: asked.database, asked, code: 'DATABASE_UNKNOWN' as const };
        const rows = await answerOf(databases, question);
        return { columns: Object.keys(rows[0] ?? {}), rows, isCut: false };
      },
    },
    mail: {
      async send(message) {
        seen.mails.push(message);
        return { id: `<${message.id ?? seen.mails.length}@test>`, rejected: [] };
      },
    },
    slack: {
      async post(message) {
        seen.posts.push(message);
      },
    },
  };
  return { of: () => outside, ...seen };
}

function filesIn(known: Map<string, Uint8Array>): Files {
  return {
    async read(path) {
      const found = known.get(key(path));
      if (found) return found;
      throw unknown(path);
    },
    async write(path, content) {
      const bytes = bytesOf(content);
      known.set(key(path), bytes);
      return written(key(path), bytes);
    },
    async list(path) {
      const folder = key(path) === '' ? '' : `${key(path)}/`;
      const found = new Map<string, ListedFile>();
      for (const [each, { length: bytes }] of known) {
        if (!each.startsWith(folder)) continue;
        const [name = '', ...rest] = each.slice(folder.length).split('/');
        found.set(
          name,
          rest.length > 0 ? { name, kind: 'folder', bytes: 0 } : { name, kind: 'file', bytes },
        );
      }
      if (found.size === 0 && folder !== '') throw unknown(path);
      return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

/** A path as the real folder of files takes it. @throws FILE_REFUSED */
function key(path: string): string {
  return namesOf(path).join('/');
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

function written(path: string, content: Uint8Array): WrittenFile {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, bytes: content.length, sha256 };
}

function toResponse({ url }: HttpRequest, answer: string | Partial<HttpResponse>): HttpResponse {
  const given = typeof answer === 'string' ? { text: answer } : answer;
  return { status: 200, url, headers: {}, text: '', ...given };
}

interface Question<Asked> {
  readonly name: string;
  readonly asked: Asked;
  /** What there is none of. */
  readonly code: 'EGRESS_REFUSED' | 'MCP_TOOL_UNKNOWN' | 'DATABASE_UNKNOWN';
}

async function answerOf<Asked, Answered>(
  table: Readonly<Record<string, Answer<Asked, Answered>>>,
  { name, asked, code }: Question<Asked>,
): Promise<Answered> {
  const answer = Object.hasOwn(table, name) ? table[name] : undefined;
  if (answer === undefined)
    throw new EngineError(
      code,
      `The test's world has nothing at '${name}'; it has: ${Object.keys(table).join(', ')}.`,
    );
  return typeof answer === 'function'
    ? await (answer as (asked: Asked) => Answered | Promise<Answered>)(asked)
    : answer;
}
