import type { CallToolResult } from '@modelcontextprotocol/server';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { toVisible } from '../../base/text.ts';
import { translateDbError } from '../../ports/db/db-error.ts';

/** What a call brought: as text for models, and as data for programs. */
export function answer(data: Readonly<Record<string, unknown>>): CallToolResult {
  const text = toVisible(JSON.stringify(data));
  return {
    content: [{ type: 'text', text }],
    structuredContent: JSON.parse(text) as Record<string, unknown>,
  };
}

/** The same for what has failed: a result as well, so that whoever asked can read what to do. `report` gets what callers are not told. */
export function answerError(thrown: unknown, report: (error: unknown) => void): CallToolResult {
  const { code, message, retryable } = toToldError(thrown, report);
  return { ...answer({ code, message, retryable }), isError: true };
}

/** The error that a caller is told; of failures inside only that there was one. */
export function toToldError(thrown: unknown, report: (error: unknown) => void): EngineError {
  const error = isEngineError(thrown) ? thrown : translateDbError(thrown);
  if (error.status >= 500) report(thrown);
  if (error.code !== 'INTERNAL') return error;
  const message = 'Something failed inside Tutti; its log says what. Try again or report it.';
  return new EngineError('INTERNAL', message);
}
