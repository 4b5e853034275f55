import { joinOf, type Trust } from '../../guard/labels.ts';
import type { Graph } from '../graph/compiled.ts';
import { isNamed, namesAll, type Sources } from '../graph/sources.ts';
import type { RunFacts } from './facts.ts';
import { resultsOf } from './foreach.ts';
import type { Container, Item, Step } from './step.ts';

/** What labels of a run's data are worked out from. */
export interface Labelled {
  readonly facts: Pick<RunFacts, 'trust' | 'goal'>;
  readonly graph: Pick<Graph, 'nodes' | 'places'>;
  /** The graph's own nodes are the first, in their order. */
  readonly steps: readonly Step[];
}

/** The label of what a step is given, and which of its sources are from outside, as expressions name them: `input`, `item`, `nodes.read`; `goal` is the run's. */
export function labelOf(
  run: Labelled,
  { place, item }: Pick<Step, 'place' | 'item'>,
): { readonly trust: Trust; readonly external: readonly string[] } {
  const labels = labelsOf(run, place.sources, item);
  const trust = joinOf(labels.map((each) => each.trust));
  if (trust !== 'external') return { trust, external: [] };
  const external = labels.filter((each) => each.trust === 'external');
  return { trust, external: external.map(({ name }) => name) };
}

/** The label of what a step of this item, or of none, is made of: the least trusted of its sources, by data alone. */
export function trustOf(run: Labelled, sources: Sources, item: Item | null): Trust {
  return joinOf(labelsOf(run, sources, item).map(({ trust }) => trust));
}

/** The label of what a node without an agent brings, once it has ended. */
export function trustOfEnded(run: Labelled, { place, item }: Step): Trust {
  switch (place.kind) {
    case 'approval':
      return 'operator';
    case 'wait':
      return place.for.kind === 'event' ? 'erp' : 'system';
    default:
      return trustOf(run, place.sources, item);
  }
}

/**
 * The labels of a foreach's items: what its list is made of, for a query the ERP; where they are the outputs of another foreach, each has
 * its own, and a batch the least trusted of its items'. `at`: that one's items.
 */
export function trustOfItems(
  run: Labelled,
  { node, step }: Container,
  at: (step: Step) => Container | undefined,
): (item: Pick<Item, 'members'>) => Trust {
  const { items, sources } = node;
  const whole = trustOf(run, sources, step.item);
  if (items.kind === 'query') return () => joinOf([whole, 'erp']);
  const source = items.outputsOf === null ? undefined : stepAt(run, items.outputsOf);
  const from = source && at(source);
  if (!from) return () => whole;
  const brought = resultsOf(from).filter(({ status }) => status === 'succeeded');
  return ({ members }) => joinOf(members.map(({ index }) => brought[index]?.trust ?? whole));
}

/** The label of a foreach's outputs. */
export function trustOfResults(container: Container): Trust {
  const brought = resultsOf(container).filter(({ status }) => status === 'succeeded');
  return joinOf(brought.map(({ trust }) => trust));
}

interface Labelling {
  readonly name: string;
  readonly trust: Trust;
}

function labelsOf(
  { facts, graph, steps }: Labelled,
  { input, item: isItem, goal, nodes, each }: Sources,
  item: Item | null,
): readonly Labelling[] {
  const labels: Labelling[] = [];
  if (input) labels.push({ name: 'input', trust: facts.trust ?? 'operator' });
  if (goal && facts.goal) labels.push({ name: 'goal', trust: facts.goal.trust });
  if (isItem && item) labels.push({ name: 'item', trust: item.trust });
  for (const step of topSteps({ graph, steps }, nodes)) labels.push(nameIt('nodes', step));
  for (const step of item?.steps ?? [])
    if (isNamed(each, step.place.id)) labels.push(nameIt('each', step));
  return labels;
}

/** The steps of the named nodes. Not by looking through all: it is asked for every step, and a run may have 10,000 nodes. */
function topSteps(
  { graph, steps }: Pick<Labelled, 'graph' | 'steps'>,
  named: readonly string[],
): readonly Step[] {
  if (namesAll(named)) return steps.slice(0, graph.nodes.length);
  return named.flatMap((id) => stepAt({ graph, steps }, id) ?? []);
}

function stepAt({ graph, steps }: Pick<Labelled, 'graph' | 'steps'>, id: string): Step | undefined {
  const place = graph.places.get(id);
  return place === undefined ? undefined : steps[place];
}

// What has not succeeded brings nothing, but for a foreach: what some of its items bring may be gathered all the same.
function nameIt(root: string, { place, status, kind, trust }: Step): Labelling {
  return {
    name: `${root}.${place.id}`,
    trust: status === 'succeeded' || kind === 'foreach' ? trust : 'system',
  };
}
