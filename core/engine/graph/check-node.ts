import type { Field } from '../../sdk/entity.ts';
import { fieldSchema } from '../../sdk/entity.ts';
import type { Cel, Node, QueryTemplate, Routed, Template, WaitNode } from '../../sdk/node.ts';
import type { FaultCode } from './fault.ts';
import { typeOfSchema } from './schema-types.ts';
import type { ScopeTypes } from './scope.ts';
import { inputOf, type Known, type WorkflowScopes } from './scopes.ts';
import { isCel } from './template.ts';
import {
  dyn,
  hint,
  int,
  listOf,
  membersOf,
  mismatches,
  nameOf,
  nothing,
  objectOf,
  string,
  timestamp,
  unionOf,
  type ValueType,
} from './types.ts';

/** What a node's check needs, and whom it tells. */
export interface Duty {
  readonly known: Known;
  readonly scopes: WorkflowScopes;
  report(path: string, code: FaultCode, message: string): void;
  /** Somebody uses a node's output. */
  use(id: string): void;
  /** The type of what a template makes; what is wrong in it is reported. */
  typeOf(template: Template, types: ScopeTypes, path: string): ValueType;
  checkMapping(
    template: Template,
    wanted: ValueType,
    at: { types: ScopeTypes; path: string },
  ): void;
  checkType(given: ValueType, wanted: ValueType, path: string): void;
}

/** Checks what one node says by itself: names, conditions, and mappings against what they are for. */
export function checkNode(node: Node, types: ScopeTypes, duty: Duty): void {
  if (node.when) checkCondition(node.when, { types, path: 'when', duty });
  if ('server' in node) checkServer(node, duty);
  switch (node.kind) {
    case 'task':
      return checkTask(node, types, duty);
    case 'tool':
      return checkTool(node, types, duty);
    case 'reduce':
      return checkReduce(node, duty);
    case 'foreach':
      return checkForeach(node, types, duty);
    case 'compute': {
      for (const id of node.from) duty.use(id);
      duty.typeOf(node.value, duty.scopes.forCompute(node.from, types), 'value');
      return;
    }
    case 'switch':
      for (const { id, when } of node.cases)
        checkCondition(when, { types, path: `cases.${id}`, duty });
      return;
    case 'approval': {
      duty.checkMapping(node.title as Template, string, { types, path: 'title' });
      duty.typeOf(node.show, types, 'show');
      return;
    }
    case 'wait':
      return checkWait(node, types, duty);
    case 'workflow':
      return checkChild(node, types, duty);
    case 'gate':
      return;
  }
}

interface Asked {
  readonly types: ScopeTypes;
  readonly path: string;
  readonly duty: Duty;
}

function checkCondition(when: Cel, { types, path, duty }: Asked): void {
  const type = duty.typeOf(when as Template, types, path);
  if (membersOf(type).every(({ kind }) => kind === 'bool' || kind === 'dyn')) return;
  duty.report(path, 'type_mismatch', `A condition is true or false; this is ${nameOf(type)}.`);
}

function named(what: string, name: string, known: ReadonlyMap<string, unknown>): string {
  return `There is no ${what} '${name}'${hint(name, [...known.keys()])}`;
}

function checkServer({ server }: Routed, duty: Duty): void {
  const { servers } = duty.known;
  if (server === undefined || !servers || servers.has(server)) return;
  duty.report('server', 'unknown_name', named('MCP server', server, servers));
}

function checkTask(node: Node & { kind: 'task' }, types: ScopeTypes, duty: Duty): void {
  const agent = duty.known.agents.get(node.agent)?.agent;
  if (!agent) duty.report('agent', 'unknown_name', named('agent', node.agent, duty.known.agents));
  const wanted = agent ? typeOfSchema(agent.input, 'input') : dyn;
  duty.checkMapping(node.input, wanted, { types, path: 'input' });
}

function checkTool(node: Node & { kind: 'tool' }, types: ScopeTypes, duty: Duty): void {
  const tool = duty.known.tools.get(node.tool);
  if (!tool) duty.report('tool', 'unknown_name', named('tool', node.tool, duty.known.tools));
  const wanted = tool ? typeOfSchema(tool.parameters, 'input') : dyn;
  duty.checkMapping(node.args, wanted, { types, path: 'args' });
}

function checkChild(node: Node & { kind: 'workflow' }, types: ScopeTypes, duty: Duty): void {
  const { workflows } = duty.known;
  const child = workflows.get(node.workflow)?.data;
  if (!child) duty.report('workflow', 'unknown_name', named('workflow', node.workflow, workflows));
  duty.checkMapping(node.input, child ? inputOf(child) : dyn, { types, path: 'input' });
}

function checkReduce(node: Node & { kind: 'reduce' }, duty: Duty): void {
  for (const id of node.from) duty.use(id);
  const { agents } = duty.known;
  const agent = agents.get(node.agent)?.agent;
  if (!agent) return duty.report('agent', 'unknown_name', named('agent', node.agent, agents));
  const { items = dyn } = duty.scopes.forCompute(node.from, {});
  duty.checkType(objectOf({ items, missing: int }), typeOfSchema(agent.input, 'input'), 'from');
}

function checkForeach(node: Node & { kind: 'foreach' }, around: ScopeTypes, duty: Duty): void {
  if (isCel(node.items)) {
    const type = duty.typeOf(node.items, around, 'items');
    if (!membersOf(type).every(({ kind }) => kind === 'list' || kind === 'dyn'))
      duty.report('items', 'type_mismatch', `Items are a list; this is ${nameOf(type)}.`);
  } else checkQuery(node.items, { types: around, path: 'items', duty });
  const types = duty.scopes.ofItem(node.id);
  const key = duty.typeOf(node.key as Template, types, 'key');
  const isKey = ({ kind }: ValueType): boolean =>
    ['string', 'int', 'double', 'decimal', 'dyn'].includes(kind);
  if (!membersOf(key).every(isKey))
    duty.report('key', 'type_mismatch', `A key is text or a number; this is ${nameOf(key)}.`);
  if (node.batch) checkBatch(node, { types, path: 'batch.by', duty });
}

/** What stands together, and that the agent tells its items apart. */
function checkBatch(
  { id, batch, body }: Node & { kind: 'foreach' },
  { types, path, duty }: Asked,
): void {
  if (batch?.by) duty.typeOf(batch.by as Template, types, path);
  const [only] = body;
  if (only?.kind !== 'task') return;
  const keyed = objectOf({ results: listOf(objectOf({ key: string }, 'open')) }, 'open');
  const given = duty.scopes.outputOf(`${id}.${only.id}`);
  if (mismatches(given, keyed).every(({ severity }) => severity !== 'error')) return;
  const message = `'${only.agent}' has to hand in { results }, a list of one object an item, each with the item's key; its output is ${nameOf(given)}.`;
  duty.report('batch', 'type_mismatch', message);
}

function checkQuery(query: QueryTemplate, { types, path, duty }: Asked): void {
  const entity = duty.known.entities.get(query.entity);
  if (!entity) {
    duty.report(path, 'unknown_name', named('entity', query.entity, duty.known.entities));
    duty.typeOf(query.filter, types, `${path}.filter`);
    return;
  }
  const fields: Readonly<Record<string, Field>> = { ...keyFields, ...entity.fields };
  for (const { field } of query.order)
    if (!Object.hasOwn(fields, field))
      duty.report(`${path}.order`, 'unknown_member', missing(field, query.entity, fields));
  const filter = isCel(query.filter) ? {} : (query.filter as Readonly<Record<string, Template>>);
  if (isCel(query.filter)) duty.typeOf(query.filter, types, `${path}.filter`);
  for (const [name, condition] of Object.entries(filter ?? {})) {
    const at = `${path}.filter.${name}`;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) duty.report(at, 'unknown_member', missing(name, query.entity, fields));
    checkFilter(duty.typeOf(condition, types, at), { field, at, duty });
  }
}

const keyFields = {
  id: { kind: 'code', nullable: false },
  version: { kind: 'code', nullable: false },
} as const;

function missing(name: string, entity: string, fields: object): string {
  return `'${entity}' has no field '${name}'${hint(name, Object.keys(fields))}`;
}

function checkFilter(
  given: ValueType,
  {
    field,
    at,
    duty,
  }: { readonly field: Field | undefined; readonly at: string; readonly duty: Duty },
): void {
  if (!field) return;
  const one = unionOf([typeOfSchema(fieldSchema(field), 'input'), nothing]);
  if (given.kind !== 'object') return duty.checkType(given, one, at);
  const compared = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte'];
  const fields = Object.fromEntries(compared.map((name) => [name, { type: one, optional: true }]));
  const all = { ...fields, in: { type: listOf(one), optional: true } };
  duty.checkType(given, { kind: 'object', fields: all, others: 'strict' }, at);
}

function checkWait({ for: what }: WaitNode, types: ScopeTypes, duty: Duty): void {
  switch (what.kind) {
    case 'duration':
      return;
    case 'moment':
      return duty.checkMapping(what.at as Template, unionOf([string, timestamp]), {
        types,
        path: 'for.at',
      });
    case 'calendar':
      if (what.company === undefined) return;
      return duty.checkMapping(what.company as Template, string, { types, path: 'for.company' });
    case 'event': {
      const { entities } = duty.known;
      if (!entities.has(what.entity))
        duty.report('for.entity', 'unknown_name', named('entity', what.entity, entities));
      if (!what.match) return;
      checkCondition(what.match, { types: { ...types, event: dyn }, path: 'for.match', duty });
    }
  }
}
