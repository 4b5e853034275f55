import { EngineError, type ErrorCode, isEngineError } from '../base/errors.ts';
import type { Http, Outside, Way } from '../sdk/outside.ts';
import type { AnyTool } from '../sdk/tool.ts';
import { raise } from './labels.ts';
import type { Call } from './scope.ts';

/** What a handler may do out there, now. */
interface Terms {
  /** Whether the call has an effect, and its intent is durable. */
  readonly mayWrite: boolean;
  /** Told when something out there has changed, or may have. */
  readonly onChange?: () => void;
  readonly signal: AbortSignal;
}

/**
 * The ways out that a tool declares, for one call. A tool whose effect is `read` changes nothing there; whatever is read there makes
 * the step's context `external`. Labels, risk and what may be repeated follow from the effect, so only one that is `send` changes
 * something there. @throws TOOL_REFUSED where a way is used that the tool does not declare, or to change something that it may not
 */
export function outsideOf(call: Call, { mayWrite, onChange, signal }: Terms): Outside {
  const { tool, scope } = call;
  const { files, http, mcp, databases, mail, slack } = scope.outside(signal);
  const through = async <R>(way: Way, work: () => Promise<R>): Promise<R> => {
    if (!(tool.outside ?? []).includes(way)) throw undeclared(tool.name, way);
    signal.throwIfAborted();
    try {
      return await work();
    } finally {
      // Errors carry words from outside, too.
      raise(scope, 'external', { tool: tool.name });
    }
  };
  const told = <R>(way: Way, work: () => Promise<R>): Promise<R> =>
    through(way, () => toldOf(work, onChange));
  const changing: typeof told = (way, work) => {
    if (!mayWrite) return Promise.reject(onlyReads(tool.name, way));
    return tool.effect === 'send' ? told(way, work) : Promise.reject(noSend(tool, way));
  };
  // Which of a server's tools change something, only the author of ours can say.
  const asking: typeof told = (way, work) => (mayWrite ? told : through)(way, work);
  return {
    files: {
      read: (path) => through('files', () => files.read(path)),
      list: (path) => through('files', () => files.list(path)),
      write: (path, content) => changing('files', () => files.write(path, content)),
    },
    http: {
      request: (request) =>
        (isRead(request) ? through : changing)('http', () => http.request(request)),
    },
    mcp: { call: (asked) => asking('mcp', () => mcp.call(asked)) },
    databases: { query: (query) => through('databases', () => databases.query(query)) },
    mail: { send: (message) => changing('mail', () => mail.send(message)) },
    slack: { post: (message) => changing('slack', () => slack.post(message)) },
  };
}

/** Refusals of Tutti's own, before anything has left. */
const unsent: readonly ErrorCode[] = [
  'CONFIG_INVALID',
  'EGRESS_REFUSED',
  'FILE_REFUSED',
  'MAIL_REFUSED',
  'MCP_REFUSED',
  'MCP_SERVER_UNKNOWN',
  'MCP_TOOL_CHANGED',
  'MCP_TOOL_UNKNOWN',
  'SLACK_REFUSED',
];

/** Whether a failure proves that nothing has left: by its code, or because whoever sends says so. */
export function isUnsent(error: unknown): boolean {
  if (!isEngineError(error)) return false;
  const { sent } = (error.details ?? {}) as { readonly sent?: unknown };
  return sent === false || unsent.includes(error.code);
}

/** Does something that changes what is out there, and tells of it unless it surely has not. */
async function toldOf<R>(work: () => Promise<R>, onChange: Terms['onChange']): Promise<R> {
  try {
    const result = await work();
    onChange?.();
    return result;
  } catch (error) {
    if (!isUnsent(error)) onChange?.();
    throw error;
  }
}

function isRead({ method = 'GET' }: Parameters<Http['request']>[0]): boolean {
  return method === 'GET' || method === 'HEAD';
}

function undeclared(tool: string, way: Way): EngineError {
  return new EngineError(
    'TOOL_REFUSED',
    `Tool '${tool}' used '${way}', which it does not declare; add it to the tool's 'outside'.`,
  );
}

function noSend({ name, effect }: Pick<AnyTool, 'name' | 'effect'>, way: Way): EngineError {
  return new EngineError(
    'TOOL_REFUSED',
    `Tool '${name}' tried to change something by '${way}', and its effect is '${effect}'; declare it as 'send'.`,
  );
}

function onlyReads(tool: string, way: Way): EngineError {
  return new EngineError(
    'TOOL_REFUSED',
    `Tool '${tool}' tried to change something by '${way}' in a call that may only read; declare its effect.`,
  );
}
