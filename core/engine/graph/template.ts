import type { Cel, Template } from '../../sdk/node.ts';
import {
  type Expression,
  type ExpressionScope,
  isMemberPath,
  memberAt,
  parseExpression,
} from './expression.ts';
import type { ScopeTypes } from './scope.ts';

/** A template whose expressions are parsed. */
export type Filler = (scope: ExpressionScope) => unknown;

/** A template's expressions that are more than member paths. Not by their paths: `a.b` may be a member, or one in another. */
type Computed = ReadonlyMap<Cel, Expression>;

/**
 * Parses every expression of a template once, by the types of what it sees where they are known; `typesOf` is asked only for what is
 * computed. What is returned reads the template itself: a workflow may have 10,000.
 * @throws EXPRESSION_INVALID naming the path
 */
export function parseTemplate(
  template: Template,
  path: string,
  typesOf?: () => ScopeTypes | undefined,
): Filler {
  const computed = new Map<Cel, Expression>();
  findExpressions(template, path, (cel, at) => {
    if (!isMemberPath(cel.cel)) computed.set(cel, parseExpression(cel, at, typesOf?.()));
  });
  return fillerOf(template, path, computed.size > 0 ? computed : null);
}

/** Apart, so that a filler holds nothing but what it needs. */
function fillerOf(template: Template, path: string, computed: Computed | null): Filler {
  return (scope) => fill(template, path, { scope, computed });
}

function findExpressions(
  template: Template,
  path: string,
  found: (cel: Cel, path: string) => void,
): void {
  if (isCel(template)) found(template, path);
  else if (Array.isArray(template))
    for (const [index, each] of template.entries())
      findExpressions(each, `${path}[${index}]`, found);
  else if (template !== null && typeof template === 'object')
    for (const [key, member] of Object.entries(template))
      findExpressions(member, `${path}.${key}`, found);
}

function fill(
  template: Template,
  path: string,
  given: { readonly scope: ExpressionScope; readonly computed: Computed | null },
): unknown {
  if (template === null || typeof template !== 'object') return template;
  if (isCel(template)) {
    const compute = given.computed?.get(template);
    return compute ? compute(given.scope) : memberAt(given.scope, template.cel, path);
  }
  if (Array.isArray(template))
    return template.map((each: Template, index) => fill(each, `${path}[${index}]`, given));
  const filled = { ...template } as Record<string, unknown>;
  for (const key of Object.keys(filled)) {
    const member = filled[key] as Template;
    if (member !== null && typeof member === 'object')
      filled[key] = fill(member, `${path}.${key}`, given);
  }
  return filled;
}

/** Whether a place in a template is an expression. */
export function isCel(template: unknown): template is Cel {
  return (
    template !== null &&
    typeof template === 'object' &&
    'cel' in template &&
    typeof template.cel === 'string' &&
    Object.keys(template).length === 1
  );
}
