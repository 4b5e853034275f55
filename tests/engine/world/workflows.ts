import { compile } from '../../../core/engine/graph/compile.ts';
import type { Graph } from '../../../core/engine/graph/compiled.ts';
import type { WorkflowData } from '../../../core/sdk/node.ts';
import type { Registry } from '../../../core/sdk/registry.ts';
import { registryWith } from './agents.ts';
import type { Setup } from './life.ts';

/** What the runs of a world are runs of. */
export class Workflows {
  readonly registry: Registry;
  /** By name. */
  readonly data: ReadonlyMap<string, WorkflowData>;
  readonly #graphs: ReadonlyMap<string, Graph>;

  constructor({ runs, children = [] }: Setup) {
    const all = [...runs.map(({ data }) => data), ...children];
    this.registry = registryWith(children);
    this.data = new Map(all.map((data) => [data.name, data]));
    const { agents } = this.registry;
    this.#graphs = new Map(all.map((data) => [data.name, compile(data, agents)]));
  }

  graphOf(name: string): Graph {
    return this.#graphs.get(name) as Graph;
  }
}
