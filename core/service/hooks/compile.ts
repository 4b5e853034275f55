import { EngineError } from '../../base/errors.ts';
import { type ExpressionScope, parseCel, parseExpression } from '../../engine/graph/expression.ts';
import { infer } from '../../engine/graph/infer.ts';
import { assume, type Facts, noFacts } from '../../engine/graph/narrow.ts';
import { typeOfRow, typeOfSchema } from '../../engine/graph/schema-types.ts';
import type { ScopeTypes } from '../../engine/graph/scope.ts';
import { typed } from '../../engine/graph/scopes.ts';
import { parseTemplate } from '../../engine/graph/template.ts';
import {
  bool,
  dyn,
  mismatches,
  nothing,
  objectOf,
  string,
  unionOf,
  type ValueType,
} from '../../engine/graph/types.ts';
import type { ErpRecord } from '../../ports/erp/connector.ts';
import type { RegisteredHook } from '../../sdk/check-hook.ts';
import type { Hook, HookEvent } from '../../sdk/hook.ts';
import type { Template } from '../../sdk/node.ts';
import type { Registry } from '../../sdk/registry.ts';

/** What a hook's expressions see. */
export interface FiringScope {
  readonly event: HookEvent;
  readonly record: ErpRecord | null;
}

/** A hook whose expressions are parsed. */
export interface CompiledHook extends RegisteredHook {
  /** @throws EXPRESSION_INVALID */
  readonly holds: (scope: FiringScope) => boolean;
  /** @throws EXPRESSION_INVALID */
  readonly inputOf: (scope: FiringScope) => unknown;
  /** @throws EXPRESSION_INVALID */
  readonly companyOf: (scope: FiringScope) => string | null;
}

type Known = Pick<Registry, 'hooks' | 'entities' | 'workflows'>;

const maybeText = unionOf([string, nothing]);
const eventType = objectOf({
  ...{ entity: maybeText, id: maybeText, version: maybeText, type: maybeText },
  ...{ source: string, key: string, time: maybeText, data: dyn },
});

/**
 * Parses every hook's condition and mapping, and checks them against the entity and the workflow that they are for.
 * @throws MODULE_INVALID naming the hook and what is wrong
 */
export function compileHooks(known: Known): ReadonlyMap<string, CompiledHook> {
  return new Map([...known.hooks].map(([name, each]) => [name, compileHook(each, known)]));
}

function compileHook(registered: RegisteredHook, known: Known): CompiledHook {
  const { name, hook } = registered;
  const entity = hook.entity === null ? undefined : known.entities.get(hook.entity);
  const types: ScopeTypes = { event: eventType, record: entity ? typeOfRow(entity) : dyn };
  try {
    check(hook, types, known);
    const when = hook.when && parseExpression(hook.when, `${name}.when`, types);
    const input = parseTemplate(hook.input, `${name}.input`, () => types);
    const company =
      hook.company === null
        ? () => null
        : parseTemplate(hook.company as Template, `${name}.company`, () => types);
    return {
      ...registered,
      holds: (scope) => when === null || when(scopeOf(scope)) === true,
      inputOf: (scope) => input(scopeOf(scope)),
      companyOf: (scope) => textOf(company(scopeOf(scope)), name),
    };
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('MODULE_INVALID', `Hook '${name}': ${what}`, { cause });
  }
}

/** Expressions take the scope's members by their names, whatever these are. */
function scopeOf(scope: FiringScope): ExpressionScope {
  return scope as unknown as ExpressionScope;
}

function textOf(value: unknown, hook: string): string | null {
  if (value === null || typeof value === 'string') return value;
  throw new EngineError('EXPRESSION_INVALID', `${hook}.company gives no text.`);
}

/** Where a mapping stands, and what the hook's condition says of what it sees. */
interface Place {
  readonly types: ScopeTypes;
  readonly facts: Facts;
  readonly path: string;
}

function check(hook: Hook, types: ScopeTypes, { workflows }: Known): void {
  const schema = workflows.get(hook.workflow)?.workflow.input;
  const wanted = schema ? typeOfSchema(schema, 'input') : dyn;
  const { when, input, company } = hook;
  if (when) checkTemplate(when as Template, bool, { types, facts: noFacts, path: 'when' });
  const facts = when ? factsOf(when.cel, types) : noFacts;
  checkTemplate(input, wanted, { types, facts, path: 'input' });
  if (company !== null)
    checkTemplate(company as Template, maybeText, { types, facts, path: 'company' });
}

/** What is known where a condition holds: what it asks to be there is there. */
function factsOf(when: string, types: ScopeTypes): Facts {
  return assume(parseCel(when, 'when').ast, true, {
    facts: noFacts,
    typeOf: (ast, facts) => infer(ast, { types, facts, report: () => {}, refer: () => {} }),
  });
}

/** @throws EXPRESSION_INVALID for an error, of which there may be more */
function checkTemplate(template: Template, wanted: ValueType, { types, facts, path }: Place): void {
  const given = typed(template, (cel, at) =>
    infer(parseCel(cel, path).ast, {
      ...{ types, facts },
      report: ({ severity, message }) => fail(severity, [path, at], message),
      refer: () => {},
    }),
  );
  for (const { path: at, reason, severity } of mismatches(given, wanted))
    fail(severity, [path, at], `It ${reason}.`);
}

function fail(severity: 'error' | 'warning', path: readonly string[], message: string): void {
  if (severity === 'warning') return;
  const at = path.filter(Boolean).join('.');
  throw new EngineError('EXPRESSION_INVALID', `${at}: ${message}`);
}
