import type { Cel, ForeachNode, ItemNode, Node, Template } from '../../sdk/node.ts';
import { isMemberPath, parseCel } from './expression.ts';
import { type Mentioned, mentionedIn } from './scope.ts';
import { isCel } from './template.ts';

/** Where the data of a node comes from. What only decides whether it starts is no source. */
export interface Sources {
  /** Ids of the graph's own nodes. */
  readonly nodes: readonly string[];
  /** Ids of the nodes of the same item. */
  readonly each: readonly string[];
  /** Whether the run's input is among them. */
  readonly input: boolean;
  /** Whether the item is. */
  readonly item: boolean;
  /** Whether the run's goal is: agents are told it. @default false */
  readonly goal?: boolean;
}

/** What an expression names of nodes without saying which: all of them. */
const everyNode = '*';

/** Whether a node is among the named ones. */
export function isNamed(named: readonly string[], id: string): boolean {
  return named.includes(id) || namesAll(named);
}

/** Whether every node is among the named ones. */
export function namesAll(named: readonly string[]): boolean {
  return named.includes(everyNode);
}

/** Where a node's data comes from: what its mappings mention, and the outputs that it gathers. `inItem`: it gathers those of its item. */
export function sourcesOf(node: Node | ItemNode, inItem = false): Sources {
  const isTold = node.kind === 'task' || node.kind === 'reduce';
  // What works in batches sees its items together.
  const item = inItem && node.kind === 'task' ? ['item', 'items'] : ['item'];
  const read = { ...sourcesIn(templatesOf(node), item), ...(isTold && { goal: true }) };
  if (!('from' in node)) return read;
  const gathered = inItem ? 'each' : 'nodes';
  return { ...read, [gathered]: [...new Set([...read[gathered], ...node.from])] };
}

/** Where the keys of a foreach's items, and what puts them together, come from. */
export function itemSourcesOf({ key, batch }: ForeachNode): Sources {
  return sourcesIn([{ ...key }, ...(batch?.by ? [{ ...batch.by }] : [])]);
}

/** What templates mention. `item`: the names by which they know the item. */
export function sourcesIn(
  templates: readonly Template[],
  item: readonly string[] = ['item'],
): Sources {
  const found = { nodes: new Set<string>(), each: new Set<string>(), input: false, item: false };
  for (const { cel } of templates.flatMap(expressionsOf)) {
    const mentioned = mentionsOf(cel);
    found.input ||= Object.hasOwn(mentioned, 'input');
    found.item ||= item.some((name) => Object.hasOwn(mentioned, name));
    for (const root of ['nodes', 'each'] as const) {
      if (!Object.hasOwn(mentioned, root)) continue;
      for (const id of Object.keys(mentioned[root] ?? { [everyNode]: null })) found[root].add(id);
    }
  }
  return { ...found, nodes: [...found.nodes], each: [...found.each] };
}

/** The templates whose values go into what a node brings, or is given. */
function templatesOf(node: Node | ItemNode): readonly Template[] {
  switch (node.kind) {
    case 'task':
    case 'workflow':
      return [node.input];
    case 'tool':
      return [node.args];
    case 'compute':
      return [node.value];
    case 'switch':
      return node.cases.map(({ when }) => ({ ...when }));
    case 'foreach':
      return ['entity' in node.items ? node.items.filter : { ...node.items }];
    default:
      return [];
  }
}

function expressionsOf(template: Template): readonly Cel[] {
  if (isCel(template)) return [template];
  if (template === null || typeof template !== 'object') return [];
  return (Object.values(template) as readonly Template[]).flatMap(expressionsOf);
}

function mentionsOf(cel: string): Readonly<Record<string, Mentioned>> {
  if (!isMemberPath(cel)) return mentionsIn(cel);
  const [root = '', member] = cel.split('.');
  return { [root]: member === undefined ? null : { [member]: null } };
}

/** Of what is no CEL nothing: whoever compiles it says so, with its place. */
function mentionsIn(cel: string): Readonly<Record<string, Mentioned>> {
  let parsed: ReturnType<typeof parseCel>;
  try {
    parsed = parseCel(cel, '');
  } catch {
    return {};
  }
  return mentionedIn(parsed.ast);
}
