import type { ErrorData } from '../base/errors.ts';
import type { AgentPlace, ModelProfile } from '../sdk/agent.ts';
import type { Calendar } from '../sdk/calendar/calendar.ts';
import type { Module } from '../sdk/module.ts';
import type { Policy } from '../sdk/policy/policy.ts';
import type { Schedule } from '../sdk/schedule.ts';
import type { Workflow } from '../sdk/workflow.ts';
import type { ApiConfig } from './api/config.ts';
import type { DeploymentConfig } from './deployment-config.ts';
import type { EncryptionConfig } from './encryption/config.ts';
import type { ErpCacheConfig } from './erp/cache-config.ts';
import type { FilesConfig } from './files/files.ts';
import type { HooksConfig } from './hooks-config.ts';
import type { HttpConfig } from './http/config.ts';
import type { MachinesConfig } from './machines-config.ts';
import type { MailConfig } from './mail/mail.ts';
import type { McpConfig } from './mcp/config.ts';
import type { Model, ModelTarget } from './models/model.ts';
import type { AlertsConfig, MorningReportConfig, WebhooksConfig } from './service-config.ts';
import type { DatabaseConfig } from './sql/databases.ts';

/**
 * What one side allows: a model's account, a tenant, a module, a tool or an ERP. Minutes are sliding: in any 60 s at most the
 * limit passes. Hours and days are fixed windows that begin with the first call.
 */
export interface RateLimit {
  readonly requestsPerMinute?: number;
  readonly requestsPerHour?: number;
  readonly requestsPerDay?: number;
  /** Input and output together. */
  readonly tokensPerMinute?: number;
  readonly inputTokensPerMinute?: number;
  readonly outputTokensPerMinute?: number;
  /** Calls at once. */
  readonly concurrency?: number;
  /** Requests in any second: providers that count in short windows refuse a minute's worth at once. @default no limit of its own */
  readonly burst?: number;
  /**
   * The share of what is allowed a minute, a second and at once that runs which nobody waits for leave free for the others, 0 to 0.9. A call
   * that is larger than the rest goes when nothing else does. @default 0
   */
  readonly headroom?: number;
}

/** What may limit calls of a tool: tools have no tokens. */
export type ToolLimit = Pick<
  RateLimit,
  'requestsPerMinute' | 'requestsPerHour' | 'requestsPerDay' | 'concurrency'
>;

/** The models that answer for a profile: the next stands in while one is left alone. After the last comes the playbook. */
export interface ModelChain {
  readonly targets: readonly ModelTarget[];
  /** `order`: the first that is well. `cost`: the cheapest of those that are well and free. @default 'order' */
  readonly choose?: 'order' | 'cost';
}

/** Work that agents hand to others, as they call a tool. */
export interface DelegationConfig {
  /** How many agents may stand behind each other, the first one not counted. @default 3 */
  readonly depth?: number;
  /** Calls that one step's conversation may hand on. @default 16 */
  readonly calls?: number;
}

/** Model calls that go by the providers' batches, of agents that declare `batch`, in runs that nobody waits for. */
export interface BatchConfig {
  /** @default false */
  readonly enabled?: boolean;
  /** How long calls are gathered before they leave together, milliseconds. @default 30000 */
  readonly gatherMs?: number;
  /** Fewer calls than this are made directly. @default 10 */
  readonly leastItems?: number;
  /** How long the calls of a run without a deadline wait before they are made directly, milliseconds. @default 14400000 (4 h) */
  readonly patienceMs?: number;
  /** How long before a run's deadline its calls are made directly, milliseconds. @default 1800000 (30 min) */
  readonly reserveMs?: number;
  /** What a batch is expected to take before one of its model was seen, milliseconds. @default 3600000 (providers: most end within an hour) */
  readonly expectedMs?: number;
}

/** Micro-USD that models may cost a UTC day; a call is refused that could pass any of them. */
export interface Budgets {
  /** All runs of a tenant. @default 50000000 (50 USD) */
  readonly tenantDailyMicroUsd?: number;
  /** By module. @default the tenant's */
  readonly moduleDailyMicroUsd?: Readonly<Record<string, number>>;
  /** By workflow. @default the tenant's */
  readonly workflowDailyMicroUsd?: Readonly<Record<string, number>>;
  /** Share of a budget from which a warning is recorded, 0 to 1. @default 0.8 */
  readonly warnAt?: number;
}

/** What a model charges: integer micro-USD per million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
  /** Rates of requests that go by a provider batch. @default as direct calls */
  readonly batch?: Omit<ModelPrice, 'batch'>;
}

/** How long the record of runs is kept, in days after a run's end. Defaults and their reasons: core/engine/retention/policy.ts. */
export interface Retention {
  /** Runs, steps, attempts and entries, with the hash of every body. @default 4018 (11 years) */
  readonly journalDays?: number;
  /** Bodies, which may hold personal data, by what they are. @default input, output, model 90; finding, effect 400 */
  readonly bodyDays?: {
    readonly input?: number;
    readonly output?: number;
    readonly model?: number;
    readonly finding?: number;
    readonly effect?: number;
  };
  /** The feed that readers of all runs follow; counted from the day of its rows. @default 7 */
  readonly feedDays?: number;
}

/** When a model or connector that fails is left alone, and when it is used again. */
export interface BreakerLimits {
  /** Failures in a row that open it; 0: never. @default 5 */
  readonly failures?: number;
  /** Milliseconds until it is probed. @default 60000 */
  readonly probeMs?: number;
  /** Probes that must succeed in a row, one at a time. @default 3 */
  readonly successes?: number;
}

/** A step that has failed for good. */
export interface StepFailure {
  readonly tenantId: number;
  readonly runId: string;
  readonly workflow: string;
  /** `match` or `match/check[V-17]` */
  readonly step: string;
  /** The agent that tried last, `module.agent`; null for a step that is none. */
  readonly agent: string | null;
  readonly error: ErrorData;
  /** Whom its escalations name, all of them, in order. */
  readonly told: readonly string[];
}

/** How many worker threads there are: so many, or at least and at most, added one at a time under load and gone a minute after it. */
export type ThreadsConfig =
  | number
  | {
      /** @default 1 */
      readonly least?: number;
      /** @default the number of cores, at most 4, but never fewer than `least` */
      readonly most?: number;
    };

/** Which agents run in processes of their own or on other machines, and what those may take. */
export interface IsolationConfig {
  /**
   * `process`: only together with others of its module, in a process of that; `{ machine: 'edge' }`: on machines of that pool. By name or
   * pattern (`finance.*`, which its tools in workflows are, too); the first that fits goes before what an agent declares.
   */
  readonly agents?: Readonly<Record<string, 'thread' | AgentPlace>>;
  /** Processes at once; a module that finds none free waits until another's agents have ended. @default 4 */
  readonly processes?: number;
  /** The heap that the agents of a process, here or on another machine, may have together, MB. @default 512, as those of a thread */
  readonly heapMb?: number;
}

/** The composition root's choices; `tutti.config.ts` default-exports one. */
export interface Config extends DeploymentConfig<Config> {
  readonly modules: readonly Module[];
  /**
   * Modules that may be loaded while Tutti runs: by name the package, or the path from this file (`./parcels/index.ts`) of a folder of
   * their own. @default none may be
   */
  readonly loadable?: Readonly<Record<string, string>>;
  /** Workflows that cross modules. */
  readonly workflows?: readonly Workflow[];
  readonly policies?: readonly Policy[];
  /** When companies work and close their books. @default none: a workflow that waits for a moment of one is refused */
  readonly calendars?: readonly Calendar[];
  /** When workflows start by themselves, where a process serves. @default those of the modules */
  readonly schedules?: readonly Schedule[];
  /** The persons who hold a role, for those who are asked to approve: `{ controller: ['anna', 'ben'] }`. @default nobody holds any */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /** Models by profile. @default from OPENAI_API_KEY or ANTHROPIC_API_KEY; without a key playbooks run */
  readonly models?: Readonly<
    Partial<Record<ModelProfile, ModelTarget | readonly ModelTarget[] | ModelChain>>
  >;
  /** Providers of your own, by the name that a model's `provider` gives. */
  readonly providers?: Readonly<Record<string, (target: ModelTarget) => Model>>;
  /** Limits by model id; a model without a row is limited by its provider alone. */
  readonly modelLimits?: Readonly<Record<string, RateLimit>>;
  /** Model calls of each tenant. */
  readonly tenantLimit?: RateLimit;
  /** Model calls by module. */
  readonly moduleLimits?: Readonly<Record<string, RateLimit>>;
  /** Calls by tool, `finance.hold.place`. */
  readonly toolLimits?: Readonly<Record<string, ToolLimit>>;
  /** Calls to each tenant's ERP. */
  readonly erpLimit?: ToolLimit;
  /** Answers of the ERP that are given again within a run. @default as the entities declare */
  readonly erpCache?: ErpCacheConfig;
  /** Prices that replace or extend the shipped table, by model id. */
  readonly prices?: Readonly<Record<string, ModelPrice>>;
  readonly limits?: {
    /** Running steps in this engine. @default 256 */
    readonly running?: number;
    /** Running steps of one run. @default 256 */
    readonly perRun?: number;
    /** Running steps of one module. @default 128 */
    readonly perModule?: number;
    /** Worker threads: how many, or from how many to how many, as there is work. @default at most the number of cores and 4, at least half of that */
    readonly threads?: ThreadsConfig;
    /** How long an engine that says nothing keeps its runs, milliseconds; renewed every third of it. @default 15000 */
    readonly leaseMs?: number;
    /** What running steps get to end in when the process is asked to end, milliseconds. @default 20000 */
    readonly drainMs?: number;
  };
  /** Agents that are kept apart from the others. @default as they declare */
  readonly isolation?: IsolationConfig;
  /** Machines beside the engines' own that agents may run on. @default none: nothing listens for any */
  readonly machines?: MachinesConfig;
  /** The API: where it listens, whose keys and tokens count, and how often callers may ask. @default this machine alone, without keys */
  readonly api?: ApiConfig;
  /** ERP events that come in. @default nobody may post any; changes are found by sweeps */
  readonly hooks?: HooksConfig;
  /** Servers of the Model Context Protocol, for tools. @default none */
  readonly mcp?: McpConfig;
  /** Files, for tools. @default the folder `files` of the data folder */
  readonly files?: FilesConfig;
  /** HTTP, for tools. @default no host is allowed */
  readonly http?: HttpConfig;
  /** Databases beside the ERP, for tools, by name. @default none */
  readonly databases?: Readonly<Record<string, DatabaseConfig>>;
  /** Mail, for tools. @default none is sent */
  readonly mail?: MailConfig;
  /** Slack channels, for tools: by name the environment variable that holds the incoming webhook's URL. @default none */
  readonly slack?: Readonly<Record<string, string>>;
  /** For every model and connector; the setting `breaker` replaces it while the engine runs. @default 5 failures, 60 s, 3 successes */
  readonly breaker?: BreakerLimits;
  /**
   * Told of every step that failed for good, once that is durable; at most once, and not of those whose engine died first: the
   * journal has them all. What it throws is logged and changes nothing.
   */
  readonly onStepFailed?: (failure: StepFailure) => void | Promise<void>;
  /** What models may cost a day. */
  readonly budgets?: Budgets;
  /** What is not urgent, at half the price. */
  readonly batches?: BatchConfig;
  /** How far agents hand work to others. */
  readonly delegation?: DelegationConfig;
  /** Where outbound webhooks may lead. @default every public host, by https */
  readonly webhooks?: WebhooksConfig;
  /** The report of a night. @default none is sent */
  readonly morningReport?: MorningReportConfig;
  /** Thresholds that people are told of. @default none */
  readonly alerts?: AlertsConfig;
  /** What is stored of runs (inputs, outputs, texts) encrypted in the database. @default it lies there as it is */
  readonly encryption?: EncryptionConfig;
  /** How long what is kept. */
  readonly retention?: Retention;
}

/** Types a configuration; it is validated when the engine loads it. */
export function defineConfig(config: Config): Config {
  return Object.freeze(config);
}
