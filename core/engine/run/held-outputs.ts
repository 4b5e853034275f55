import type { Graph } from '../graph/compiled.ts';
import type { ExpressionScope } from '../graph/expression.ts';
import { namesAll } from '../graph/sources.ts';
import { isInline } from './inline.ts';
import { isTerminal } from './states.ts';
import type { Step } from './step.ts';

/** How many look at what is looked at when the run ends. */
const always = Number.POSITIVE_INFINITY;

/**
 * What the nodes of a run's graph have brought, for as long as another one of them, or the run's own output, may look at it: the
 * database has it as well, and of 10,000 agents it would be most of the run's memory.
 */
export class HeldOutputs {
  readonly #graph: Graph;
  /** By node: those that look at it and have not ended. */
  readonly #readers: number[];
  readonly #held: Record<string, { readonly output: unknown }> = {};

  constructor(graph: Graph) {
    this.#graph = graph;
    const { reads, outputSources } = graph;
    const isAnyRead = [outputSources.nodes, ...reads].some(namesAll);
    this.#readers = graph.nodes.map(() => (isAnyRead ? always : 0));
    for (const id of outputSources.nodes) this.#count(id, always);
    for (const ids of reads) for (const id of ids) this.#count(id, 1);
  }

  /** What expressions see, by node id. */
  get held(): ExpressionScope['nodes'] {
    return this.#held;
  }

  /** A node of the graph has ended; `steps`: of the graph's nodes, in their order. */
  ended(step: Step, steps: readonly Step[]): void {
    if (step.status === 'succeeded') this.#held[step.place.id] = { output: step.output };
    this.#letGo(step);
    for (const id of this.#graph.reads[step.id] ?? []) {
      this.#count(id, -1);
      const source = steps[this.#graph.places.get(id) ?? -1];
      if (source) this.#letGo(source);
    }
  }

  #count(id: string, by: number): void {
    const place = this.#graph.places.get(id);
    if (place !== undefined) this.#readers[place] = (this.#readers[place] as number) + by;
  }

  #letGo(step: Step): void {
    if (this.#readers[step.id] !== 0 || !isTerminal(step.status)) return;
    delete this.#held[step.place.id];
    // What expressions alone have decided is recorded from the step, after what follows from it; the outputs of a foreach are its items'.
    if (!isInline(step) && step.kind !== 'foreach') step.output = null;
  }
}
