import type { ModelProfile } from '../sdk/agent.ts';
import type { Module } from '../sdk/module.ts';
import type { Policy } from '../sdk/policy.ts';
import type { Workflow } from '../sdk/workflow.ts';
import type { Model, ModelTarget } from './models/model.ts';

/** What one model account allows. */
export interface ModelLimit {
  readonly requestsPerMinute?: number;
  /** Input and output together. */
  readonly tokensPerMinute?: number;
  /** Calls at once. */
  readonly concurrency?: number;
}

/** What a model charges: integer micro-USD per million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
}

/** The composition root's choices; `tutti.config.ts` default-exports one. */
export interface Config {
  readonly modules: readonly Module[];
  /** Workflows that cross modules. */
  readonly workflows?: readonly Workflow[];
  readonly policies?: readonly Policy[];
  /** Models by profile. @default from OPENAI_API_KEY or ANTHROPIC_API_KEY; without a key playbooks run */
  readonly models?: Readonly<Partial<Record<ModelProfile, ModelTarget>>>;
  /** Providers of your own, by the name that a model's `provider` gives. */
  readonly providers?: Readonly<Record<string, (target: ModelTarget) => Model>>;
  /** Limits by model id; a model without a row is limited by its provider alone. */
  readonly modelLimits?: Readonly<Record<string, ModelLimit>>;
  /** Prices that replace or extend the shipped table, by model id. */
  readonly prices?: Readonly<Record<string, ModelPrice>>;
  readonly limits?: {
    /** Running steps in this engine. @default 256 */
    readonly running?: number;
    /** Running steps of one run. @default 256 */
    readonly perRun?: number;
    /** Running steps of one module. @default 128 */
    readonly perModule?: number;
    /** Worker threads. @default the number of cores, at most 4 */
    readonly threads?: number;
  };
  /** Micro-USD that all runs of a tenant may spend on models a day. @default 50000000 (50 USD) */
  readonly dailyBudgetMicroUsd?: number;
}

/** Types a configuration; it is validated when the engine loads it. */
export function defineConfig(config: Config): Config {
  return Object.freeze(config);
}
