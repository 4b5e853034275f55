import {
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { wordsOf } from './words.ts';

/** A failure of a session, which a later call may not meet. */
export function serverFailed(server: string, what: string, cause?: unknown): EngineError {
  return new EngineError('MCP_SERVER_FAILED', `MCP server '${server}' ${wordsOf(what)}`, { cause });
}

/** What a server could not be reached for, as one of ours. `words`: what its process said last, for whoever looks at it. */
export function unreachable(server: string, error: unknown, words = ''): EngineError {
  const what = `cannot be reached: ${reasonOf(error)}`;
  return ownError(error) ?? serverFailed(server, what, words === '' ? error : words);
}

/**
 * What a call of a tool failed with, as one of ours: what the server answered is the tool's, the rest is the session's. Once it has been
 * sent, no refusal of ours proves any more that nothing has left: an answer that was not taken came after the deed.
 */
export function callFailure(
  error: unknown,
  {
    server,
    tool,
    isSent,
  }: { readonly server: string; readonly tool: string; readonly isSent: boolean },
): EngineError {
  const own = ownError(error);
  if (own?.code === 'EGRESS_REFUSED' && isSent) {
    const message = `What '${tool}' of MCP server '${server}' has done is not known: ${own.message}`;
    return new EngineError('MCP_TOOL_FAILED', message, { cause: error });
  }
  if (own) return own;
  if (error instanceof ProtocolError) {
    const message = `MCP server '${server}' refused '${tool}': ${wordsOf(error.message)}`;
    return new EngineError('MCP_TOOL_FAILED', message, { cause: error });
  }
  return serverFailed(server, `failed in '${tool}': ${reasonOf(error)}`, error);
}

/** The error of ours that lies under what the SDK made of it; what the network did is no such thing. */
function ownError(error: unknown): EngineError | null {
  let each: unknown = error;
  for (let depth = 0; each instanceof Error && depth < 5; depth += 1, each = each.cause) {
    if (isEngineError(each)) return each.code === 'HTTP_FAILED' ? null : each;
  }
  return null;
}

/** Whether the session behind a failure cannot be used any more; a call that only took too long says nothing of it. */
export function isLost(error: unknown): boolean {
  if (error instanceof ProtocolError) return false;
  return !(error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout);
}

/** Why a server cannot be reached or spoken with, without what the far side wrote into bodies. */
function reasonOf(error: unknown): string {
  if (error instanceof SdkHttpError)
    return `it answered HTTP ${error.status}; is the address right?`;
  if (error instanceof UnauthorizedError) {
    return 'it refused the credentials; see headersFrom and oauth of its configuration';
  }
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) {
    return 'it did not answer in time';
  }
  if (error instanceof SdkError && error.code === SdkErrorCode.ConnectionClosed) {
    return 'it ended the connection; the next call starts it again';
  }
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
