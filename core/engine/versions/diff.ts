import { canonicalJson } from '../../base/ids.ts';
import type { ItemNode, Node, WorkflowData } from '../../sdk/node.ts';

/** One member that differs. */
export interface MemberChange {
  /** `input.limit`; '' for the whole. */
  readonly path: string;
  /** Undefined where it was not there. */
  readonly before: unknown;
  /** Undefined where it is no longer there. */
  readonly after: unknown;
}

/** What differs between two versions of a workflow. Nodes are known by their ids, `foreach.node` inside of an item's graph. */
export interface WorkflowDiff {
  readonly isSame: boolean;
  /** Of the workflow itself. */
  readonly members: readonly MemberChange[];
  readonly added: readonly { readonly node: string; readonly kind: string }[];
  readonly removed: readonly { readonly node: string; readonly kind: string }[];
  readonly changed: readonly { readonly node: string; readonly members: readonly MemberChange[] }[];
  /** Whether nodes that both have stand in another order. */
  readonly isReordered: boolean;
}

/** Compares two versions by what they say. */
export function diffWorkflows(before: WorkflowData, after: WorkflowData): WorkflowDiff {
  const [old, now] = [nodesOf(before), nodesOf(after)];
  const members = membersOf(withoutNodes(before), withoutNodes(after));
  const added = [...now].filter(([id]) => !old.has(id)).map(named);
  const removed = [...old].filter(([id]) => !now.has(id)).map(named);
  const changed = [...now].flatMap(([node, { own }]) => {
    const differs = old.has(node) ? membersOf(old.get(node)?.own, own) : [];
    return differs.length === 0 ? [] : [{ node, members: differs }];
  });
  const kept = (ids: Iterable<string>) => [...ids].filter((id) => old.has(id) && now.has(id));
  const isReordered = kept(old.keys()).join() !== kept(now.keys()).join();
  const isSame = members.length + added.length + removed.length + changed.length === 0;
  return { isSame: isSame && !isReordered, members, added, removed, changed, isReordered };
}

interface Known {
  readonly kind: string;
  /** What it says of itself, without the nodes inside of it. */
  readonly own: Readonly<Record<string, unknown>>;
}

function named([node, { kind }]: readonly [string, Known]): { node: string; kind: string } {
  return { node, kind };
}

function withoutNodes({ nodes, ...own }: WorkflowData): Readonly<Record<string, unknown>> {
  return own;
}

function nodesOf({ nodes }: WorkflowData): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  const add = (node: Node | ItemNode, above: string): void => {
    const { id, ...rest } = node;
    if (node.kind !== 'foreach') {
      known.set(above + id, { kind: node.kind, own: rest });
      return;
    }
    const { body, id: _, ...own } = node;
    known.set(id, { kind: node.kind, own });
    for (const each of body) add(each, `${id}.`);
  };
  for (const node of nodes) add(node, '');
  return known;
}

/** Members that differ, as deep as objects go; lists are compared whole. */
function membersOf(before: unknown, after: unknown, path = ''): readonly MemberChange[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) =>
      membersOf(before[name], after[name], path === '' ? name : `${path}.${name}`),
    );
  }
  const isSame = canonicalJson(before ?? null) === canonicalJson(after ?? null);
  return isSame && (before === undefined) === (after === undefined)
    ? []
    : [{ path, before, after }];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
