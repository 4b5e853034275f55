import { EngineError } from '../../base/errors.ts';
import type { Expression, ExpressionScope } from './expression.ts';

/**
 * Whether a condition holds. What its types tell is refused before a run starts; this is for what only its value tells, such as the answer
 * of an MCP server. `of`: what has it, for people.
 * @throws EXPRESSION_INVALID for one that is neither true nor false, and what the expression throws
 */
export function holds(when: Expression, scope: ExpressionScope, of: string): boolean {
  const value = when(scope);
  if (typeof value === 'boolean') return value;
  const message = `The condition of ${of} gives ${kindOf(value)}; a condition is true or false, such as x == true, x != null or size(x) > 0.`;
  throw new EngineError('EXPRESSION_INVALID', message);
}

/** Not the value itself: it may be anybody's text, and an error stands in the journal. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  return typeof value === 'number' ? 'a number' : 'an object';
}
