import { durationMs } from '../../base/duration.ts';
import { typeFrom } from '../json-schema.ts';
import type {
  Awaited as AwaitedData,
  Bounds,
  ForeachNode,
  ItemNode,
  Node,
  QueryTemplate,
  Routed,
  WorkflowData,
} from '../node.ts';
import type { DocumentItemNode, DocumentNode, WorkflowDocument } from './document-schema.ts';
import type { Path } from './document-source.ts';
import {
  impliedBy,
  mentionsOf,
  type Note,
  readCel,
  readTemplate,
  readText,
} from './document-template.ts';

/** The data of a document that has the form of one: defaults, shorthands and what nodes wait for because they mention it. */
export function dataOf(document: WorkflowDocument, note: Note): WorkflowData {
  const { name, description, goal, input, output } = document;
  const ids = new Set(document.nodes.map(({ id }) => id));
  return {
    name,
    ...(description !== undefined && { description }),
    ...(goal !== undefined && { goal }),
    input: inputOf(input ?? {}, note),
    ...(output !== undefined && { output: readTemplate(output, ['output'], note) }),
    deadline: document.deadline ?? null,
    budgetMicroUsd: document.budgetUsd === undefined ? null : microUsd(document.budgetUsd),
    partial: document.partial ?? false,
    ...(document.onFailure !== undefined && { onFailure: document.onFailure }),
    concurrency: document.concurrency ?? null,
    nodes: document.nodes.map((node, index) => nodeOf(node, { path: ['nodes', index], ids, note })),
  };
}

/** Micro-USD of a decimal, digit by digit: no float on the way. */
function microUsd(usd: number | string): number {
  const [whole = '0', part = ''] = String(usd).split('.');
  return Number(whole) * 1_000_000 + Number(part.padEnd(6, '0'));
}

/** A JSON Schema as it is, or that of a map of names to schemas. */
function inputOf(
  input: Readonly<Record<string, unknown>>,
  note: Note,
): Readonly<Record<string, unknown>> {
  const isSchema = input.type === 'object';
  for (const [name, each] of isSchema ? [] : Object.entries(input))
    if (typeof each !== 'object' || each === null)
      note(['input', name], 'must be a JSON Schema, for example { type: string }');
  const required = Object.entries(input)
    .filter(([, each]) => !Object.hasOwn(Object(each), 'default'))
    .map(([name]) => name);
  const schema = isSchema
    ? input
    : { type: 'object', properties: input, required, additionalProperties: false };
  const type = typeFrom(schema);
  if (typeof type === 'string') note(['input'], `is no JSON Schema that can be checked: ${type}`);
  return schema;
}

/** A node's place in its document, and the ids of the nodes at the top. */
interface At {
  readonly path: Path;
  readonly ids: ReadonlySet<string>;
  readonly note: Note;
}

function nodeOf(node: DocumentNode, at: At): Node {
  if (node.kind === 'foreach') return foreachOf(node, at);
  const own = node.kind === 'reduce' ? reduceOf(node) : ownOf(node, at);
  const from = 'from' in own ? own.from : [];
  const when = conditionOf(node);
  const after = waitsFor([...from, ...list(node.after)], mentionsOf({ own, when }).nodes);
  return { id: node.id, after, join: node.join ?? 'all_succeeded', ...when, ...own } as Node;
}

/** What a node says of itself, besides its place. */
type Own<N> = N extends unknown ? Omit<N, 'id' | 'after' | 'join' | 'when'> : never;

function reduceOf(node: Extract<DocumentNode, { kind: 'reduce' }>) {
  const { kind, agent } = node;
  return { kind, from: list(node.from), agent, ...weighed(node), ...course(node) };
}

function ownOf(node: DocumentItemNode, at: At): Own<ItemNode> {
  const template = (value: unknown, name: string) =>
    readTemplate(value, [...at.path, name], at.note);
  switch (node.kind) {
    case 'task': {
      const input = template(node.input ?? {}, 'input');
      return { kind: node.kind, agent: node.agent, input, ...weighed(node), ...course(node) };
    }
    case 'tool': {
      const args = template(node.args ?? {}, 'args');
      return { kind: node.kind, tool: node.tool, args, ...weighed(node), ...course(node) };
    }
    case 'compute':
      return { kind: node.kind, from: list(node.from), value: template(node.value, 'value') };
    case 'gate':
      return { kind: node.kind } as Own<ItemNode>;
    case 'switch': {
      const cases = node.cases.map(({ id, when }) => ({ id, when: readCel(when) }));
      return { kind: node.kind, cases, otherwise: node.otherwise ?? null };
    }
    case 'approval':
      return approvalOf(node, at);
    case 'wait':
      return { kind: node.kind, for: awaitedOf(node.for, at) };
    case 'workflow': {
      const { kind, workflow, critical = null } = node;
      return { kind, workflow, input: template(node.input ?? {}, 'input'), critical };
    }
  }
}

function approvalOf(
  node: Extract<DocumentItemNode, { kind: 'approval' }>,
  { path, note }: At,
): Own<Extract<ItemNode, { kind: 'approval' }>> {
  const { kind, required = 1, expires = 'P1D', onRefusal = 'fail', escalate } = node;
  const title = readText(node.title, [...path, 'title'], note);
  const show = readTemplate(node.show ?? null, [...path, 'show'], note);
  const further = escalate && { escalate: { after: escalate.after, to: list(escalate.to) } };
  return { kind, title, show, by: list(node.by), required, expires, ...further, onRefusal };
}

function awaitedOf(
  what: Extract<DocumentItemNode, { kind: 'wait' }>['for'],
  { path, note }: At,
): AwaitedData {
  switch (what.kind) {
    case 'duration':
      return what;
    case 'moment':
      return { kind: what.kind, at: readCel(what.at) };
    case 'calendar': {
      const { kind, moment, time = '00:00', company } = what;
      if (company === undefined) return { kind, moment, time };
      return { kind, moment, time, company: readText(company, [...path, 'for', 'company'], note) };
    }
    case 'event': {
      const { kind, entity, match, timeout = 'P1D' } = what;
      return { kind, entity, ...(match !== undefined && { match: readCel(match) }), timeout };
    }
  }
}

type DocumentForeach = Extract<DocumentNode, { kind: 'foreach' }>;

function foreachOf(node: DocumentForeach, at: At): ForeachNode {
  const items = itemsOf(node.items, at);
  const key = readCel(node.key);
  const when = conditionOf(node);
  const { body, outside } = bodyOf(node, at);
  const batch = batchOf(node);
  const mentioned = mentionsOf({ items, key, when, body, batch });
  return {
    kind: 'foreach',
    id: node.id,
    after: waitsFor([...list(node.after), ...outside], mentioned.nodes),
    join: node.join ?? 'all_succeeded',
    ...when,
    items,
    key,
    body,
    outputs: node.outputs === undefined ? [body.at(-1)?.id ?? node.id] : list(node.outputs),
    ...batch,
    concurrency: node.concurrency ?? null,
    onItemFailure: node.onItemFailure ?? 'stop',
  };
}

function batchOf({ batch }: DocumentForeach): Pick<ForeachNode, 'batch'> {
  if (!batch) return {};
  const { by, most } = batch;
  return { batch: { ...(by !== undefined && { by: readCel(by) }), most } };
}

function itemsOf(items: DocumentForeach['items'], { path, note }: At): ForeachNode['items'] {
  if (typeof items === 'string' || 'cel' in items) return readCel(items);
  const { entity, filter = {}, order = [] } = items;
  return {
    entity,
    filter: readTemplate(filter, [...path, 'items', 'filter'], note),
    order: list(order).map((each) => (typeof each === 'string' ? { field: each } : each)),
  } as QueryTemplate;
}

/** What an item goes through, and what its nodes wait for outside of it: the whole foreach waits for that. */
function bodyOf(
  node: DocumentForeach,
  at: At,
): { readonly body: readonly ItemNode[]; readonly outside: readonly string[] } {
  if (!node.each) {
    const { id, agent, tool, input, args } = node;
    const one = agent === undefined ? { kind: 'tool', tool, args } : { kind: 'task', agent, input };
    const own = ownOf({ ...weighing(node), ...one, id } as DocumentItemNode, at);
    return { body: [{ id, after: [], join: 'all_succeeded', ...own } as ItemNode], outside: [] };
  }
  const inner = new Set(node.each.map(({ id }) => id));
  const outside: string[] = [];
  const body = node.each.map((each, index) => {
    const path = [...at.path, 'each', index];
    const own = ownOf(each, { ...at, path });
    const when = conditionOf(each);
    const named = list(each.after);
    const isInside = (one: string) => inner.has(String(one.split('.')[0]));
    for (const one of named.filter((name) => !isInside(name))) {
      outside.push(one);
      if (!at.ids.has(String(one.split('.')[0])))
        at.note([...path, 'after'], `names '${one}', which does not exist`);
    }
    const from = 'from' in own ? own.from : [];
    const after = waitsFor([...from, ...named.filter(isInside)], mentionsOf({ own, when }).each);
    return { id: each.id, after, join: each.join ?? 'all_succeeded', ...when, ...own } as ItemNode;
  });
  return { body, outside };
}

function conditionOf({ when }: Pick<DocumentNode, 'when'>) {
  return when === undefined ? {} : { when: readCel(when) };
}

/** What is named, and what is mentioned besides. */
function waitsFor(named: readonly string[], mentioned: readonly string[]): readonly string[] {
  return [...new Set([...named, ...impliedBy(mentioned, named)])];
}

interface Weighing {
  readonly priority?: number | undefined;
  readonly critical?: boolean | undefined;
  readonly timeout?: string | undefined;
  readonly retry?: Bounds['retry'] | object | undefined;
  readonly budgetUsd?: number | string | undefined;
  readonly server?: string | undefined;
}

function weighing({ priority, critical, timeout, retry, budgetUsd, server }: Weighing): Weighing {
  return { priority, critical, timeout, retry, budgetUsd, server };
}

function weighed({ priority, critical }: Weighing) {
  return { priority: priority ?? null, critical: critical ?? null };
}

function course({ timeout, retry, budgetUsd, server }: Weighing): Bounds & Routed {
  return {
    ...(timeout !== undefined && { timeoutMs: durationMs(timeout) }),
    ...(retry !== undefined && { retry: retry as NonNullable<Bounds['retry']> }),
    ...(budgetUsd !== undefined && { costMicroUsd: microUsd(budgetUsd) }),
    ...(server !== undefined && { server }),
  };
}

function list<T>(one: T | readonly T[] | undefined): readonly T[] {
  if (one === undefined) return [];
  return Array.isArray(one) ? one : [one as T];
}
