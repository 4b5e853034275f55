import type { Cel, Template } from '../../sdk/node.ts';
import { type ExpressionScope, parseExpression } from './expression.ts';
import type { ScopeTypes } from './scope.ts';

/** A template whose expressions are parsed. */
export type Filler = (scope: ExpressionScope) => unknown;

/** Parses every expression of a template once, by the types of what it sees where they are known. @throws EXPRESSION_INVALID naming the path */
export function parseTemplate(template: Template, path: string, types?: ScopeTypes): Filler {
  if (isCel(template)) return parseExpression(template, path, types);
  if (Array.isArray(template)) {
    const fillers = template.map((item: Template, index) =>
      parseTemplate(item, `${path}[${index}]`, types),
    );
    return (scope) => fillers.map((fill) => fill(scope));
  }
  if (template !== null && typeof template === 'object') {
    const fillers = Object.entries(template)
      .filter(([, member]) => member !== null && typeof member === 'object')
      .map(([key, member]) => {
        const at = `${path}.${key}`;
        return [key, parseTemplate(member as Template, at, types)] as const;
      });
    return (scope) => {
      const filled: Record<string, unknown> = { ...template };
      for (const [key, fill] of fillers) filled[key] = fill(scope);
      return filled;
    };
  }
  return () => template;
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
