import type { AnyAgent } from './agent.ts';
import type { AnyEntity } from './entity.ts';
import type { Hook } from './hook.ts';
import type { Policy } from './policy/policy.ts';
import type { Sample } from './sample.ts';
import type { Schedule } from './schedule.ts';
import type { AnyTool } from './tool.ts';
import type { Workflow } from './workflow.ts';

/** A domain module: everything it brings, as data. */
export interface Module {
  readonly kind: 'module';
  /** Lower snake case; prefixes its agents: `finance.three_way_match`. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  /** Names of modules that must be loaded before this one. */
  readonly requires: readonly string[];
  readonly records: readonly AnyEntity[];
  readonly tools: readonly AnyTool[];
  readonly agents: readonly AnyAgent[];
  readonly workflows: readonly Workflow[];
  readonly policies: readonly Policy[];
  /** When workflows start by themselves; those of others, too. */
  readonly schedules: readonly Schedule[];
  /** The ERP events that start its workflows. */
  readonly hooks: readonly Hook[];
  /** Loads its part of the sample company, which is made once: `async () => (await import('./sample.ts')).sample`. */
  readonly sample?: () => Promise<Sample>;
}

/** Declares a module; lists that are left out are empty. It is validated when the engine loads it. */
export function defineModule(
  module: Pick<Module, 'name' | 'version'> & Partial<Omit<Module, 'kind' | 'name' | 'version'>>,
): Module {
  return Object.freeze({
    kind: 'module',
    requires: [],
    records: [],
    tools: [],
    agents: [],
    workflows: [],
    policies: [],
    schedules: [],
    hooks: [],
    ...module,
  });
}
