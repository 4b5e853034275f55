import { EngineError } from '../base/errors.ts';
import type { Files, HttpRequest, Mcp, Outside } from '../sdk/outside.ts';
import type { Config } from './config.ts';
import { openFiles } from './files/files.ts';
import { openDatabases } from './sql/databases.ts';

/** What lies beyond the ERP, for one call of a tool: it ends when the signal aborts. */
export type OutsideOf = (signal: AbortSignal) => Outside;

/** The ways out of one thread. */
export interface OpenedOutside {
  /** Of a tenant; `mcp` speaks with the engine, which holds the sessions. `traceparent`: the span that HTTP requests belong to, if any. */
  of(tenantId: number, mcp: (signal: AbortSignal) => Mcp, traceparent?: string): OutsideOf;
  close(): Promise<void>;
}

/** What says where the ways lead. */
type Ways = Pick<Config, 'files' | 'http' | 'databases' | 'mail' | 'slack'>;

/** A world without anything beyond the ERP. */
export const nothingOutside: Outside = refusing();

/** Opens the ways out of a configuration. Nothing is loaded, connected or touched before it is used. */
export function openOutside(
  config: Ways,
  place: { readonly dataFolder: string; readonly env: NodeJS.ProcessEnv },
): OpenedOutside {
  const { dataFolder, env } = place;
  const databases = openDatabases(config.databases ?? {}, env);
  const http = once(async () => {
    const { openHttp } = await import('./http/http.ts');
    return openHttp(config.http ?? {}, { env });
  });
  const mail = once(async () => (await import('./mail/mail.ts')).openMail(config.mail, env));
  const slack = once(async () => (await import('./slack/slack.ts')).openSlack(config.slack, env));
  const folders = new Map<number, Files>();
  const filesOf = (tenantId: number): Files => {
    const known = folders.get(tenantId);
    if (known) return known;
    const opened = openFiles(config.files ?? {}, { dataFolder, tenantId });
    folders.set(tenantId, opened);
    return opened;
  };
  return {
    of: (tenantId, mcp, traceparent) => (signal) => ({
      files: filesOf(tenantId),
      http: {
        request: async (request) => (await http())(signal).request(traced(request, traceparent)),
      },
      mcp: mcp(signal),
      databases: databases.of(signal),
      mail: { send: async (message) => (await mail())(signal).send(message) },
      slack: { post: async (message) => (await slack())(signal).post(message) },
    }),
    close: () => databases.close(),
  };
}

/** A request with the name of its span (https://www.w3.org/TR/trace-context/), but nothing else that a trace may carry. */
function traced(request: HttpRequest, traceparent: string | undefined): HttpRequest {
  const { headers = {} } = request;
  const isTold = Object.keys(headers).some((name) => name.toLowerCase() === 'traceparent');
  if (traceparent === undefined || isTold) return request;
  return { ...request, headers: { ...headers, traceparent } };
}

/** Opens at the first call, once. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | null = null;
  return () => {
    opened ??= open();
    return opened;
  };
}

function refusing(): Outside {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new EngineError('TOOL_REFUSED', 'Nothing beyond the ERP can be reached from here.'),
    );
  return {
    files: { read: refuse, write: refuse, list: refuse },
    http: { request: refuse },
    mcp: { call: refuse },
    databases: { query: refuse },
    mail: { send: refuse },
    slack: { post: refuse },
  };
}
