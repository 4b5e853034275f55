import type { ForeachNode, ItemNode, Node, Template } from '../../sdk/node.ts';
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
  const found = { nodes: [] as string[], each: [] as string[], input: false, item: false };
  eachExpression(templates, (cel) => {
    const mentioned = mentionsOf(cel);
    found.input ||= Object.hasOwn(mentioned, 'input');
    found.item ||= item.some((name) => Object.hasOwn(mentioned, name));
    for (const root of ['nodes', 'each'] as const)
      if (Object.hasOwn(mentioned, root))
        found[root].push(...Object.keys(mentioned[root] ?? { [everyNode]: null }));
  });
  return { ...found, nodes: unique(found.nodes), each: unique(found.each) };
}

/**
 * The graph's own nodes whose outputs a node looks at in whatever way, a foreach for its items: beside its `sources` what its conditions
 * and its waiting ask for. Afterwards it looks at none of them again.
 */
export function readsOf(node: Node, { nodes: sources }: Sources): readonly string[] {
  const { nodes } = sourcesIn([node as unknown as Template]);
  const reads = unique([...sources, ...nodes]);
  return reads.length === sources.length ? sources : reads;
}

// Of 10,000 nodes most name one or none.
const none: readonly string[] = [];

function unique(names: readonly string[]): readonly string[] {
  if (names.length === 0) return none;
  return names.length === 1 ? names : [...new Set(names)];
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

function eachExpression(template: Template, found: (cel: string) => void): void {
  if (isCel(template)) found(template.cel);
  else if (template !== null && typeof template === 'object')
    for (const member of Object.values(template) as readonly Template[])
      eachExpression(member, found);
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
