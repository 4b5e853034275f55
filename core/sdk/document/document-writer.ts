// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions

import type {
  Awaited as AwaitedData,
  Bounds,
  Cel,
  ForeachNode,
  ItemNode,
  Node,
  QueryTemplate,
  Routed,
  Template,
  WorkflowData,
} from '../node.ts';
import { impliedBy, mentionsOf, readCel, readText } from './document-template.ts';
import { yaml } from './yaml.ts';

/** A workflow as a document. */
export interface Written {
  /** YAML 1.2; `readDocument` makes the same data of it, but for the order in which nodes name what they wait for. */
  readonly yaml: string;
  /** What a document cannot say, one sentence each. */
  readonly losses: readonly string[];
}

/** Writes a workflow as the document that says the same, for people to read, change and publish. */
export function writeDocument(data: WorkflowData): Written {
  const losses: string[] = [];
  const {
    name,
    description,
    goal,
    input,
    output,
    deadline,
    budgetMicroUsd,
    partial,
    concurrency,
    onFailure,
  } = data;
  const document = {
    name,
    ...given({ description, goal }),
    ...(input && { input: input.type === 'object' ? input : { type: 'object', allOf: [input] } }),
    ...given({ deadline }),
    ...(budgetMicroUsd !== null && { budgetUsd: usd(budgetMicroUsd) }),
    ...(partial && { partial }),
    ...(data.onFailure && { onFailure: data.onFailure }),
    ...given({ concurrency, onFailure }),
    nodes: data.nodes.map((node) => nodeOf(node, losses)),
    ...(output !== undefined && { output: template(output) }),
  };
  const text = yaml().stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
  return { yaml: text, losses };
}

type Members = Readonly<Record<string, unknown>>;

/** Those members that say something. */
function given(members: Members): Members {
  const said = Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(said);
}

function usd(microUsd: number): string {
  const digits = String(microUsd).padStart(7, '0');
  const part = digits.slice(-6).replace(/0+$/, '');
  return part === '' ? digits.slice(0, -6) : `${digits.slice(0, -6)}.${part}`;
}

/** The text of an expression inside of a template. */
function expression({ cel }: Cel): string | Cel {
  const text = `\${ ${cel} }`;
  const back = readText(text, [], () => {});
  return typeof back === 'object' && back.cel === cel ? text : { cel };
}

function template(value: Template): unknown {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${');
  if (Array.isArray(value)) return value.map(template);
  if (value === null || typeof value !== 'object') return value;
  if ('cel' in value && typeof value.cel === 'string' && Object.keys(value).length === 1)
    return expression(value as Cel);
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, template(each as Template)]),
  );
}

/** An expression where nothing else can stand. */
function bare(cel: Cel): string | Cel {
  return readCel(cel.cel).cel === cel.cel ? cel.cel : { cel: cel.cel };
}

function oneOrMore<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? (list[0] as T) : list;
}

function nodeOf(node: Node, losses: string[]): Members {
  if (node.kind === 'foreach') return foreachOf(node, losses);
  const own = node.kind === 'reduce' ? reduceOf(node, losses) : ownOf(node, losses);
  return { ...placed(node, 'nodes'), ...own };
}

/** A node's place, with what it waits for besides what it mentions. */
function placed(node: Exclude<Node, ForeachNode> | ItemNode, level: 'nodes' | 'each'): Members {
  const { id, kind, after, join, when } = node;
  const from = 'from' in node ? node.from : [];
  const { after: _, ...own } = node;
  const mentioned = mentionsOf(own)[level];
  return {
    ...{ id, kind },
    ...waiting(after, { from, mentioned }),
    ...(join !== 'all_succeeded' && { join }),
    ...(when && { when: bare(when) }),
  };
}

function waiting(
  after: readonly string[],
  { from, mentioned }: { readonly from: readonly string[]; readonly mentioned: readonly string[] },
): Members {
  // A switch that is named beside a case of its own is not implied by its mention.
  const implied = [...from, ...impliedBy(mentioned, [...from, ...after])];
  const named = after.filter((each) => !implied.includes(each));
  return named.length === 0 ? {} : { after: oneOrMore(named) };
}

function reduceOf(node: Extract<Node, { kind: 'reduce' }>, losses: string[]): Members {
  const { from, agent } = node;
  return { from: oneOrMore(from), agent, ...weighed(node), ...course(node, losses) };
}

function ownOf(node: ItemNode, losses: string[]): Members {
  switch (node.kind) {
    case 'task': {
      const { agent, input } = node;
      return { agent, input: template(input), ...weighed(node), ...course(node, losses) };
    }
    case 'tool': {
      const { tool, args } = node;
      return { tool, args: template(args), ...weighed(node), ...course(node, losses) };
    }
    case 'compute': {
      const from = node.from.length === 0 ? {} : { from: oneOrMore(node.from) };
      return { ...from, value: template(node.value) };
    }
    case 'gate':
      return {};
    case 'switch': {
      const cases = node.cases.map(({ id, when }) => ({ id, when: bare(when) }));
      return { cases, ...given({ otherwise: node.otherwise }) };
    }
    case 'approval':
      return approvalOf(node);
    case 'wait':
      return { for: awaitedOf(node.for) };
    case 'workflow': {
      const { workflow, input, critical } = node;
      return { workflow, input: template(input), ...given({ critical }) };
    }
  }
}

function approvalOf(node: Extract<ItemNode, { kind: 'approval' }>): Members {
  const { title, show, by, required, expires, escalate, onRefusal } = node;
  return {
    title: template(title),
    ...(show !== null && { show: template(show) }),
    by: oneOrMore(by),
    ...{ required, expires },
    ...(escalate && { escalate: { after: escalate.after, to: oneOrMore(escalate.to) } }),
    onRefusal,
  };
}

function awaitedOf(what: AwaitedData): Members {
  switch (what.kind) {
    case 'duration':
      return what;
    case 'moment':
      return { kind: what.kind, at: bare(what.at) };
    case 'calendar': {
      const { kind, moment, time, company } = what;
      return { kind, moment, time, ...(company !== undefined && { company: template(company) }) };
    }
    case 'event': {
      const { kind, entity, match, timeout } = what;
      return { kind, entity, ...(match && { match: bare(match) }), timeout };
    }
  }
}

function foreachOf(node: ForeachNode, losses: string[]): Members {
  const { id, kind, join, when, items, key, body, outputs, concurrency, onItemFailure } = node;
  const { batch } = node;
  const mentioned = mentionsOf({ items, key, when, body, batch }).nodes;
  const isLast = outputs.length === 1 && outputs[0] === body.at(-1)?.id;
  const alone = aloneIn(node);
  return {
    ...{ id, kind },
    ...waiting(node.after, { from: [], mentioned }),
    ...(join !== 'all_succeeded' && { join }),
    ...(when && { when: bare(when) }),
    items: 'entity' in items ? queryOf(items) : bare(items),
    key: bare(key),
    ...(batch && { batch: { ...(batch.by && { by: bare(batch.by) }), most: batch.most } }),
    ...given({ concurrency }),
    ...(onItemFailure !== 'stop' && { onItemFailure }),
    ...(alone ? ownOf(alone, losses) : { each: body.map((each) => itemNodeOf(each, losses)) }),
    ...(!alone && !isLast && { outputs: oneOrMore(outputs) }),
  };
}

function itemNodeOf(each: ItemNode, losses: string[]): Members {
  return { ...placed(each, 'each'), ...ownOf(each, losses) };
}

/** The one agent or tool that items go through, where a document says so without `each`. */
function aloneIn({ id, body }: ForeachNode): ItemNode | null {
  const [only, more] = body;
  if (!only || more || only.id !== id || only.when || only.join !== 'all_succeeded') return null;
  return only.kind === 'task' || only.kind === 'tool' ? only : null;
}

function queryOf({ entity, filter, order }: QueryTemplate): Members {
  const orders = order.map((each) => (each.descending === undefined ? each.field : each));
  const isFiltered = Object.keys(Object(filter)).length > 0;
  const written = template(filter);
  return {
    entity,
    // By field; what is an expression as a whole has one place for itself.
    ...(isFiltered && { filter: typeof written === 'string' ? filter : written }),
    ...(orders.length > 0 && { order: oneOrMore(orders) }),
  };
}

function weighed({
  priority,
  critical,
}: {
  readonly priority: number | null;
  readonly critical: boolean | null;
}): Members {
  return given({ priority, critical });
}

function course(node: Bounds & Routed & { readonly id: string }, losses: string[]): Members {
  const { timeoutMs, retry, costMicroUsd, server } = node;
  if (timeoutMs !== undefined && timeoutMs % 1_000 !== 0)
    losses.push(
      `The timeout of '${node.id}' is ${timeoutMs} ms; a document says whole seconds, so it has been rounded up.`,
    );
  return {
    ...(timeoutMs !== undefined && { timeout: `PT${Math.ceil(timeoutMs / 1_000)}S` }),
    ...given({ retry }),
    ...(costMicroUsd !== undefined && { budgetUsd: usd(costMicroUsd) }),
    ...given({ server }),
  };
}
