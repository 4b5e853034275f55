import type { z } from 'zod';
import type { Money } from '../base/money.ts';
import type { EntityName } from './entity.ts';
import type { RecoveryRule } from './recovery.ts';
import type { Severity } from './severity.ts';
import type { AnyTool, ToolFunction } from './tool.ts';

/** Which kind of model an agent wants; `tutti.config.ts` maps each profile to a provider's model. */
export type ModelProfile = 'fast' | 'standard' | 'deep';

/** Something a person should know, tied to the records that show it. */
export interface FindingInput {
  /** Dotted, stable, for example `match.quantity`; declared in the agent's `findings`. */
  readonly kind: string;
  readonly severity: Severity;
  /** The records that show it; with the kind and the company they are its identity across nights. */
  readonly records: readonly { readonly entity: EntityName; readonly id: string }[];
  readonly company?: string;
  readonly amount?: Money;
  /** One sentence for a controller. */
  readonly summary: string;
  /** Figures behind it: numbers, codes, ids. */
  readonly evidence?: Readonly<Record<string, string | number | boolean | null>>;
}

/** What a playbook works with. It is re-run from its start after a crash, never replayed: keep it a function of its reads. */
export interface PlaybookContext<I, T extends Readonly<Record<string, AnyTool>>> {
  readonly input: I;
  /** What the run is for, in the words of whoever asked for it; null: nobody has said. */
  readonly goal: string | null;
  readonly tools: { readonly [K in keyof T]: ToolFunction<T[K]> };
  /** Reports a finding; the same kind, company and records within a run are one finding. An attempt reports 2,000 at most, of 2 MB together. */
  readonly finding: (finding: FindingInput) => void;
  /** The run's business date, `YYYY-MM-DD`. */
  readonly today: string;
  readonly signal: AbortSignal;
}

/** Something that an agent can do, for those who look for one that can. */
export interface Capability {
  /** Lower snake case, for example `data_analysis`; agents that can do the same say it by the same name. */
  readonly name: string;
  /** What it works on, lower snake case: `text`, `rows`, `source_code`. */
  readonly inputTypes: readonly string[];
  /** What it delivers: `report`, `figures`, `review_comments`. */
  readonly outputTypes: readonly string[];
}

export interface AgentLimits {
  /** Whole step, milliseconds. @default 120000 */
  readonly timeoutMs?: number;
  /** One model call, milliseconds; a later try goes on after the last call that ended. @default 300000, or the model's `totalMs` */
  readonly turnTimeoutMs?: number;
  /** Model calls. @default 8 */
  readonly turns?: number;
  /**
   * Micro-USD that one step may spend. Each of its calls has to fit at its upper bound, which is many times its usual cost: a
   * token a byte, and all the output that is allowed. @default 500000
   */
  readonly costMicroUsd?: number;
  /** Tries of a step that fails with a retryable error, where `recovery` says no other number. @default 3 */
  readonly attempts?: number;
}

/** Where an agent runs that is kept apart: in a process of its module, or on machines of a pool. */
export type AgentPlace = 'process' | { readonly machine: string };

/** Declaration of an agent: pure data. */
export interface AgentDeclaration<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  T extends Readonly<Record<string, AnyTool>> = Readonly<Record<string, AnyTool>>,
> {
  /** Lower snake case, unique in its module; the engine calls it `module.name`. */
  readonly name: string;
  /** One sentence: what it is for. */
  readonly purpose: string;
  readonly input: I;
  /** What it hands in: at most 16 MB of JSON with 200,000 values. More belongs into records, or a file. */
  readonly output: O;
  /** @default 'standard' */
  readonly model?: ModelProfile;
  /** 1 (whenever) to 10 (first). @default 5 */
  readonly priority?: number;
  /** Whether a run without this step's success has failed. @default true */
  readonly critical?: boolean;
  /**
   * When a budget does not allow a model call: go on with the playbook (marked `degraded`), fail, or wait until somebody raises
   * the budget; the purse of the step itself, `limits.costMicroUsd`, is nobody's to raise. @default 'playbook'
   */
  readonly onBudget?: 'playbook' | 'fail' | 'ask';
  /**
   * What follows a failure: the first rule that fits is taken; a failure that none fits is retried when it may pass by itself.
   * The setting `recovery:module.agent` replaces it while the engine runs. @default retry, `limits.attempts` tries in all
   */
  readonly recovery?: readonly RecoveryRule[];
  readonly limits?: AgentLimits;
  /**
   * `process`: it runs in a process of its module, where its end and its memory concern only agents of that. `{ machine: 'edge' }`: it runs on
   * a machine of that pool, and waits until one is there. The configuration may say otherwise. @default on a thread of the engine
   */
  readonly isolation?: AgentPlace;
  /**
   * Its calls may go by the provider's batches, at half the price and hours later, where nobody waits for the run; it takes at most
   * `rounds` model calls. @default all of its calls are made directly
   */
  readonly batch?: { readonly rounds: number };
  readonly tools: T;
  /**
   * Agents that its model may hand work to as it calls a tool, by qualified name: `finance.vendor_lookup`. Each is a function whose
   * arguments are that agent's input and whose answer is its output; it works in a run of its own, by the lesser of both agents' rights,
   * from what this step has left to spend. One of another module needs a policy's `access` to `agent:finance.vendor_lookup`. No
   * playbook hands anything on. @default none
   */
  readonly delegates?: readonly string[];
  /**
   * Whether it turns text that may come from outside into figures, dates and codes: it has no tools and no findings, and every type of its
   * output is closed (enum, `Id`, number, `Money`, date, flag, pattern). What it hands in stays `external`. @default it is none
   */
  readonly extractor?: true;
  /** Every kind of finding that the agent may report, each with what it means. */
  readonly findings?: Readonly<Record<string, string>>;
  /** The system prompt of the model loop. */
  readonly instructions: string;
  /** What it can do, by which a task finds it. @default none: it works where a workflow or a person names it */
  readonly capabilities?: readonly Capability[];
}

/** An agent's deterministic procedure over the same guarded tools. */
export type Playbook<I, O, T extends Readonly<Record<string, AnyTool>>> = (
  context: PlaybookContext<I, T>,
) => Promise<O>;

/** An agent template. Without a procedure it needs a model. */
export interface Agent<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  T extends Readonly<Record<string, AnyTool>> = Readonly<Record<string, AnyTool>>,
> extends AgentDeclaration<I, O, T> {
  readonly kind: 'agent';
  /** The playbook, when there is one. */
  readonly procedure?: Playbook<z.output<I>, z.input<O>, T>;
  /** Attaches the playbook and returns the complete agent. */
  playbook(procedure: Playbook<z.output<I>, z.input<O>, T>): Agent<I, O, T>;
}

/** Any agent, types erased. */
// biome-ignore lint/suspicious/noExplicitAny: playbooks are contravariant in their tools; the registry checks them when a module loads
export type AnyAgent = Agent<any, any, any>;

/**
 * Declares an agent; `.playbook(fn)` gives it its deterministic procedure, which is the default without a model key, the
 * fallback when the budget is spent, and the baseline that a model is scored against.
 */
export function defineAgent<
  I extends z.ZodType,
  O extends z.ZodType,
  const T extends Readonly<Record<string, AnyTool>>,
>(declaration: AgentDeclaration<I, O, T>): Agent<I, O, T> {
  const withProcedure = (procedure?: Playbook<z.output<I>, z.input<O>, T>): Agent<I, O, T> =>
    Object.freeze({
      kind: 'agent',
      ...declaration,
      ...(procedure && { procedure }),
      playbook: withProcedure,
    });
  return withProcedure();
}
