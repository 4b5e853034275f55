import type { ForeachNode, ItemNode, Node, Template, WorkflowData } from '../../sdk/node.ts';
import type { Registry } from '../../sdk/registry.ts';
import { connect } from './edges.ts';
import { isMemberPath, parseCel } from './expression.ts';
import { infer } from './infer.ts';
import { noFacts } from './narrow.ts';
import { inOrder } from './reach.ts';
import { typeOfJsonSchema, typeOfRow, typeOfSchema } from './schema-types.ts';
import type { ScopeTypes } from './scope.ts';
import { isCel } from './template.ts';
import {
  bool,
  double,
  dyn,
  type FieldType,
  int,
  listOf,
  nothing,
  objectOf,
  oneOf,
  string,
  unionOf,
  type ValueType,
} from './types.ts';

/** What a workflow may name. */
export type Known = Pick<Registry, 'agents' | 'tools' | 'entities'> & {
  /** @default none: nobody is asked about anything */
  readonly policies?: Registry['policies'];
  /** The MCP servers of the configuration. @default unknown: any may be named */
  readonly servers?: Registry['servers'];
  readonly workflows: ReadonlyMap<string, { readonly data: WorkflowData }>;
};

/** The types of everything that a workflow's expressions see. */
export interface WorkflowScopes {
  /** Of the graph's own nodes, and of the workflow's output. */
  readonly top: ScopeTypes;
  /** Of a foreach's key, and of what puts its items together. */
  readonly ofItem: (foreach: string) => ScopeTypes;
  /** Of the nodes of its items, or of its batches. */
  readonly inItem: (foreach: string) => ScopeTypes;
  /** What a node's output is, by id; in an item by `foreach.node`. */
  readonly outputOf: (id: string) => ValueType;
  /** With `items` and `missing` of a compute node that is a reduce. */
  readonly forCompute: (from: readonly string[], scope: ScopeTypes) => ScopeTypes;
  /** The scope of an expression by its path, `workflow.node…`, as `compile` names it: for `parseExpression`. */
  readonly at: (path: string) => ScopeTypes;
}

/** Works out the types of a workflow's scopes from what its agents, tools, entities and schemas declare. */
export function scopesOf(data: WorkflowData, known: Known): WorkflowScopes {
  return new Scopes(data, known, []);
}

/** What a workflow takes as its input. */
export function inputOf(data: WorkflowData): ValueType {
  return data.input === undefined ? dyn : typeOfJsonSchema(data.input, 'input');
}

class Scopes implements WorkflowScopes {
  readonly top: ScopeTypes;
  readonly #data: WorkflowData;
  readonly #known: Known;
  /** Names of the workflows that are being worked out: one that runs itself has any output. */
  readonly #within: readonly string[];
  readonly #outputs = new Map<string, ValueType>();
  readonly #items = new Map<string, ScopeTypes>();
  readonly #nodes: ReadonlyMap<string, Node>;

  constructor(data: WorkflowData, known: Known, within: readonly string[]) {
    this.#data = data;
    this.#known = known;
    this.#within = [...within, data.name];
    this.#nodes = new Map(data.nodes.map((node) => [node.id, node]));
    const fields: Record<string, FieldType> = {};
    this.top = {
      input: data.input === undefined ? dyn : typeOfJsonSchema(data.input, 'output'),
      run: objectOf({ today: string, company: string }),
      nodes: { kind: 'object', fields, others: 'closed' },
    };
    for (const node of ordered(data.nodes)) {
      const type = node.kind === 'foreach' ? this.#foreach(node) : this.#output(node, this.top);
      this.#outputs.set(node.id, type);
      fields[node.id] = { type: objectOf({ output: type }), optional: false };
    }
  }

  ofItem(foreach: string): ScopeTypes {
    const { each: _, items: __, ...types } = this.#items.get(foreach) ?? this.top;
    return types;
  }

  inItem(foreach: string): ScopeTypes {
    const types = this.#items.get(foreach) ?? this.top;
    if (!types.items) return types;
    const { item: _, ...ofBatch } = types;
    return ofBatch;
  }

  outputOf(id: string): ValueType {
    return this.#outputs.get(id) ?? dyn;
  }

  forCompute(from: readonly string[], scope: ScopeTypes): ScopeTypes {
    if (from.length === 0) return scope;
    return { ...scope, items: listOf(this.itemsOf(from)), missing: int };
  }

  /** What a reduce gets of each node; of a foreach each item's outputs. */
  itemsOf(from: readonly string[]): ValueType {
    const isList = (id: string): boolean => this.#nodes.get(id)?.kind === 'foreach';
    return unionOf(
      from.map((id) => {
        const type = this.outputOf(id);
        return isList(id) && type.kind === 'list' ? type.of : type;
      }),
    );
  }

  at(path: string): ScopeTypes {
    const [id = '', innerId = ''] = path.slice(this.#data.name.length + 1).split('.');
    const outer = this.#nodes.get(id);
    const scope = outer?.kind === 'foreach' ? (this.#items.get(id) ?? this.top) : this.top;
    const node = outer?.kind === 'foreach' ? outer.body.find((each) => each.id === innerId) : outer;
    return node?.kind === 'compute' ? this.forCompute(node.from, scope) : { ...scope, event: dyn };
  }

  #foreach(node: ForeachNode): ValueType {
    const fields: Record<string, FieldType> = {};
    const item = this.#itemOf(node);
    const scope = {
      ...this.top,
      item,
      ...(node.batch && { items: listOf(item) }),
      each: { kind: 'object', fields, others: 'closed' } as const,
    };
    this.#items.set(node.id, scope);
    for (const inner of ordered(node.body)) {
      const type = this.#output(inner, scope);
      this.#outputs.set(`${node.id}.${inner.id}`, type);
      fields[inner.id] = { type: objectOf({ output: type }), optional: false };
    }
    const outputs = unionOf(node.outputs.map((id) => this.outputOf(`${node.id}.${id}`)));
    if (!node.batch) return listOf(outputs);
    const results = typeOfPath(['brought', 'results'], { brought: outputs });
    return results.kind === 'list' ? results : listOf(dyn);
  }

  #itemOf({ items }: ForeachNode): ValueType {
    if (isCel(items)) {
      const type = typeOfTemplate(items, this.top);
      return type.kind === 'list' ? type.of : dyn;
    }
    const entity = this.#known.entities.get(items.entity);
    return entity ? typeOfRow(entity) : dyn;
  }

  #output(node: Node, scope: ScopeTypes): ValueType {
    switch (node.kind) {
      case 'task':
      case 'reduce': {
        const agent = this.#known.agents.get(node.agent)?.agent;
        return agent ? typeOfSchema(agent.output, 'output') : dyn;
      }
      case 'tool':
        return this.#toolOutput(node.tool);
      case 'compute':
        return typeOfTemplate(node.value, this.forCompute(node.from, scope));
      case 'switch': {
        const { cases, otherwise } = node;
        const ids = [...cases.map(({ id }) => id), ...(otherwise === null ? [] : [otherwise])];
        return objectOf({ case: oneOf(...ids) });
      }
      case 'workflow':
        return this.#childOutput(node.workflow);
      case 'gate':
        return nothing;
      case 'wait':
        return node.for.kind === 'event' ? dyn : nothing;
      default:
        return dyn;
    }
  }

  #toolOutput(name: string): ValueType {
    const tool = this.#known.tools.get(name);
    if (!tool) return dyn;
    const result = typeOfSchema(tool.result, 'output');
    if (tool.effect === 'read') return result;
    const done = objectOf({ kind: oneOf('applied', 'replayed'), result, differs: bool });
    return unionOf([done, objectOf({ kind: oneOf('proposed'), effect: string })]);
  }

  #childOutput(name: string): ValueType {
    const child = this.#known.workflows.get(name)?.data;
    if (!child || this.#within.includes(name) || this.#within.length > 16) return dyn;
    if (child.output === undefined) return nothing;
    return typeOfTemplate(child.output, new Scopes(child, this.#known, this.#within).top);
  }
}

/** Nodes after what they wait for; as they stand where their edges are wrong. */
function ordered<N extends Node | ItemNode>(nodes: readonly N[]): readonly N[] {
  const ids = new Set(nodes.map(({ id }) => id));
  const isInside = (named: string): boolean => ids.has(named.split('.')[0] as string);
  try {
    const inner = nodes.map((node) => ({ ...node, after: node.after.filter(isInside) }));
    return inOrder(connect('', inner as readonly Node[])).map((index) => nodes[index] as N);
  } catch {
    return nodes;
  }
}

/** The type of what a template makes; what is wrong in it is anything. */
function typeOfTemplate(template: Template, types: ScopeTypes): ValueType {
  return typed(template, (cel) => {
    if (isMemberPath(cel)) return typeOfPath(cel.split('.'), types);
    try {
      const { ast } = parseCel(cel, '');
      return infer(ast, { types, facts: noFacts, report: () => {}, refer: () => {} });
    } catch {
      return dyn;
    }
  });
}

function typeOfPath(path: readonly string[], types: ScopeTypes): ValueType {
  const [name = '', ...members] = path;
  let at = Object.hasOwn(types, name) ? types[name] : dyn;
  for (const member of members) {
    if (at?.kind === 'money') at = member === 'amount' ? { kind: 'decimal' } : string;
    else if (at?.kind === 'map') at = at.of;
    else if (at?.kind === 'object' && Object.hasOwn(at.fields, member))
      at = at.fields[member]?.type;
    else return dyn;
  }
  return at ?? dyn;
}

/** The type of a template whose expressions somebody types. */
export function typed(
  template: Template,
  ofCel: (cel: string, path: string) => ValueType,
  path = '',
): ValueType {
  if (isCel(template)) return ofCel(template.cel, path);
  if (Array.isArray(template))
    return listOf(
      unionOf(template.map((each: Template, at) => typed(each, ofCel, `${path}[${at}]`))),
    );
  if (template !== null && typeof template === 'object') {
    const fields = Object.entries(template).map(([name, each]) => {
      const type = typed(each as Template, ofCel, path === '' ? name : `${path}.${name}`);
      return [name, type] as const;
    });
    return { ...objectOf(Object.fromEntries(fields)), isWritten: true };
  }
  if (typeof template === 'string') return oneOf(template);
  if (typeof template === 'boolean') return { kind: 'bool', value: template };
  if (typeof template === 'number') return Number.isSafeInteger(template) ? int : double;
  return nothing;
}
