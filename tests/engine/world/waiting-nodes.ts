import type {
  ApprovalNode,
  ItemNode,
  Node,
  WaitNode,
  WorkflowData,
  WorkflowNode,
} from '../../../core/sdk/node.ts';
import { task, workflow } from '../../support/fixtures/graphs.ts';
import { seenOf, withData } from './data.ts';
import type { Dice } from './dice.ts';

/** Which nodes of a graph wait for something outside of their run, of those that there are. */
export interface Kinds {
  /** Moments, and people. */
  readonly waits?: boolean | undefined;
  /** Names of workflows that its steps may start. */
  readonly starts: readonly string[];
}

/** How long a wait takes; the moment is half a minute after the evening's start, and long past at midnight. */
const awaited: readonly WaitNode['for'][] = [
  { kind: 'duration', duration: 'PT1S' },
  { kind: 'duration', duration: 'PT20S' },
  { kind: 'duration', duration: 'PT45S' },
  { kind: 'moment', at: { cel: '"2026-06-30T20:00:30Z"' } },
];

/** A node of a random graph, which now may wait instead for something outside, as chance wills. */
export function waitingOr(node: Node, kinds: Kinds, dice: Dice): Node {
  switch (node.kind) {
    case 'gate':
      return kinds.waits && dice.once(2) ? waitingAt(node, dice) : node;
    case 'task':
      return kinds.starts.length > 0 && dice.once(2) ? starting(node, kinds, dice) : node;
    case 'foreach': {
      if (node.batch || !dice.once(2)) return node;
      const at = dice.below(node.body.length);
      return {
        ...node,
        body: node.body.map((each, index) => (index === at ? inItem(each, kinds, dice) : each)),
      };
    }
    default:
      return node;
  }
}

function inItem(node: ItemNode, kinds: Kinds, dice: Dice): ItemNode {
  if (kinds.starts.length > 0 && dice.once(2)) return starting(node, kinds, dice);
  return kinds.waits ? waitingAt(node, dice) : node;
}

type Place = Pick<Node, 'id' | 'after' | 'join'>;

function waitingAt({ id, after, join }: Place, dice: Dice): WaitNode | ApprovalNode {
  if (dice.once(2)) return { kind: 'wait', id, after, join, for: dice.pick(awaited) };
  return {
    ...{ kind: 'approval', id, after, join, title: 'May it go on?', show: {} },
    by: ['anna', 'ben'],
    required: dice.pick([1, 1, 2]),
    expires: dice.pick(['PT20S', 'PT1M']),
    onRefusal: dice.pick(['fail', 'skip']),
  };
}

/** What it is told comes with the data of the graph. */
function starting({ id, after, join }: Place, { starts }: Kinds, dice: Dice): WorkflowNode {
  const critical = dice.pick([null, true, false]);
  return { kind: 'workflow', id, after, join, workflow: dice.pick(starts), input: {}, critical };
}

/** A small workflow that steps start, of one to three nodes; it may start those of `starts` in its turn. */
export function smallWorkflow(
  name: string,
  { agents, ...kinds }: Kinds & { readonly agents: readonly string[] },
  dice: Dice,
): WorkflowData {
  const nodes = Array.from({ length: 1 + dice.below(3) }, (_, index): Node => {
    const after = index > 0 && dice.once(2) ? [`c${index - 1}`] : [];
    const node = task(`c${index}`, { after, agent: dice.pick(agents), critical: dice.once(2) });
    if (dice.once(4)) return waitingAt(node, dice);
    return kinds.starts.length > 0 && dice.once(3) ? starting(node, kinds, dice) : node;
  });
  return workflow(
    withData(
      nodes,
      nodes.map(() => dice.below(99)),
    ),
    {
      ...{ name, partial: dice.once(2), concurrency: dice.pick([null, 1]) },
      output: seenOf(nodes.map(({ id }) => id)),
    },
  );
}
