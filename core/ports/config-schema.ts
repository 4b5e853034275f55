import { z } from 'zod';
import { form } from '../sdk/document/document-form.ts';
import type { Config } from './config.ts';
import { alertMembers, recipients, tenantAlerts } from './config-alerts.ts';
import { models, price, rateLimit, toolLimit } from './config-models.ts';
import { isolation, machines, threads } from './config-placement.ts';
import {
  called,
  clock,
  count,
  declared,
  isModulePlace,
  isTrue,
  named,
  rate,
  said,
  share,
  text,
  texts,
  time,
  whole,
  zone,
} from './config-values.ts';

/*
 * What a configuration may say, as one schema: names, kinds of values and ranges. What needs more than its own value to be judged (modules,
 * issuers, sources, servers, hosts) is passed as it is and judged by its owner. `usual` is what holds when nobody says anything.
 */

/** What is known of a member beside its form. */
export interface MemberNote {
  readonly description?: string | undefined;
  /** What holds when nobody says anything, in words or as a value. */
  readonly usual?: unknown;
}

const limits = form({
  running: said(count, 'running steps in this engine', 256),
  perRun: said(count, 'running steps of one run', 256),
  perModule: said(count, 'running steps of one module', 128),
  threads: said(
    threads,
    'worker threads: a number, or `{ least, most }` as there is work',
    'at most the number of cores and 4, at least half of that',
  ),
  leaseMs: said(count, 'how long an engine that says nothing keeps its runs, ms', 15_000),
  drainMs: said(whole, 'what running steps get to end in when the process ends, ms', 20_000),
});

const api = form({
  host: said(text, 'the address that it listens on', '127.0.0.1'),
  port: said(whole.max(65_535), 'the port; 0 takes any that is free', 4884),
  keysOnly: said(isTrue, 'programs of this machine need a key, too', false),
  proxies: said(whole, 'proxies in front that are believed', 0),
  cors: said(texts, 'origins of pages that may call it with a key', 'none'),
  issuers: said(z.array(declared), 'whose tokens count', 'nobody: keys alone'),
  rates: said(
    named(form({ perMinute: rate, perDay: rate.optional() })),
    'how often callers may ask, by the name of the rate',
    'usual: 600 a minute',
  ),
  sessions: said(
    form({ idleMinutes: z.int().min(2).max(43_200).optional(), hours: time.max(720).optional() }),
    'when sessions of people in browsers end by themselves',
    'idleMinutes: 30, hours: 12',
  ),
});

const hooks = form({
  sources: said(named(declared), 'who posts ERP events', 'none: only sweeps find changes'),
  sweepMs: said(whole, 'how often changes are looked for that no event told, ms; 0: never', 60_000),
  keepDays: said(count, 'how long events and firings are kept, days', 30),
});

const mcpPolicy = form({
  agents: said(texts, 'agents by name or pattern; none for `standard`, which is for all others'),
  servers: said(texts, 'servers that they may call', 'all'),
  tools: said(texts, 'tools of the servers, by name or pattern', 'all'),
  callMs: said(count, 'how long one call may take, ms', 'mcp.callMs'),
  maxCharacters: said(count, 'of a result', 1_000_000),
});

const mcp = form({
  servers: named(declared).meta({ description: 'servers for tools, by name' }),
  defaultServer: said(text, 'the server of calls that name none', 'none'),
  maxSessions: said(count, 'sessions at once', 32),
  maxSessionsPerRun: said(count, 'sessions that one run may hold open', 8),
  maxCallsPerSession: said(count, 'calls at once on one session', 64),
  idleMs: said(count, 'how long a session that nobody uses stays, ms', 300_000),
  callMs: said(count, 'how long one call may take, ms', 60_000),
  waitMs: said(count, 'how long a call waits for a session, ms', 30_000),
  policies: said(named(mcpPolicy), 'what agents may have of the servers, by name', 'everything'),
  serve: said(declared, "lets callers with tokens use Tutti's own server", 'this machine alone'),
});

const files = form({
  root: said(text, 'the folder, absolute or from the data folder', 'files'),
  maxBytes: said(count, 'of one file', 5_000_000),
  quotaBytes: said(count, 'of all files of a tenant', 500_000_000),
});
const http = form({
  hosts: said(texts, 'host names that tools may call', 'none'),
  ports: said(z.array(count.max(65_535)), 'ports that tools may call', '443'),
  maxBytes: said(count, 'of an answer', 5_000_000),
  headersFrom: said(named(named(text)), 'headers by host, from environment variables', 'none'),
});
const database = form({ urlFrom: text, maxRows: count.optional(), timeoutMs: count.optional() });
const mail = form({
  urlFrom: text.meta({ description: 'the environment variable with the address of the server' }),
  from: text.meta({ description: 'the sender' }),
  recipients: said(texts, 'whom tools may write to: addresses, or `@example.com`', 'nobody'),
});

const encryption = form({
  keyFrom: text.meta({ description: 'the variable with the master key, 32 bytes in base64' }),
  previousFrom: said(texts, 'those with earlier master keys, while they are rotated away', 'none'),
});

const days = z.number();
const erpCache = form({
  enabled: said(isTrue, 'what a run has read a moment ago is not asked for again', true),
  seconds: said(named(whole.max(3_600)), 'how old an answer may be, by entity', 'as it declares'),
  megabytes: said(count.max(1_024), 'of answers that each thread keeps', 16),
});

const retention = form({
  journalDays: said(days, 'runs, steps, attempts and entries, days', 4_018),
  bodyDays: said(
    form({
      input: days.optional(),
      output: days.optional(),
      model: days.optional(),
      finding: days.optional(),
      effect: days.optional(),
    }),
    'bodies by what they are, days',
    'input, output, model 90; finding, effect 400',
  ),
  feedDays: said(days, 'the feed that readers follow, days', 7),
});

const batches = form({
  enabled: said(isTrue, "model calls of agents that allow it go by the provider's batches", false),
  gatherMs: said(whole, 'how long calls are gathered, ms', 30_000),
  leastItems: said(count, 'fewer calls than this are made directly', 10),
  patienceMs: said(whole, 'how long calls without a deadline wait, ms', 14_400_000),
  reserveMs: said(whole, 'how long before a deadline calls are made directly, ms', 1_800_000),
  expectedMs: said(whole, 'what a batch is expected to take, ms', 3_600_000),
});

const delegation = form({
  depth: said(count, 'how many agents may stand behind each other, the first one not counted', 3),
  calls: said(count, "calls that one step's conversation may hand on", 16),
});

const features = form({
  batches: said(isTrue, 'provider batches', true),
  mcpServer: said(isTrue, "Tutti's own MCP server", true),
  console: said(isTrue, 'the web console', true),
  hooks: said(isTrue, 'ERP events: their routes, firings and sweeps', true),
  schedules: said(isTrue, 'schedules: their routes and firings', true),
  webhooks: said(isTrue, 'outbound webhooks: their routes and deliveries', true),
  alerts: said(isTrue, 'alerts', true),
});

/** The members of a configuration, with what they may hold. */
export const configMembers = {
  modules: z.array(declared).meta({ description: 'the modules that are loaded' }),
  loadable: said(
    named(text.refine(isModulePlace, 'write a package, or ./folder/index.ts below this file')),
    'modules that may be loaded while Tutti runs: a package, or a path in a folder of its own',
    'none',
  ),
  workflows: said(z.array(declared), 'workflows that cross modules', 'none'),
  policies: said(z.array(declared), 'rules beyond those of the modules', 'none'),
  calendars: said(z.array(declared), 'when companies work and close their books', 'none'),
  schedules: said(z.array(declared), 'when workflows start by themselves', 'those of the modules'),
  roles: said(named(texts), 'the persons who hold a role', 'nobody holds any'),
  models: said(
    form({ fast: models.optional(), standard: models.optional(), deep: models.optional() }),
    'models by profile of agents',
    'by OPENAI_API_KEY or ANTHROPIC_API_KEY; without a key playbooks',
  ),
  providers: said(named(called), 'providers of your own, by name', 'none'),
  modelLimits: said(named(rateLimit), 'limits by model', 'none'),
  tenantLimit: said(rateLimit, 'model calls of each tenant', 'no limit'),
  moduleLimits: said(named(rateLimit), 'model calls by module', 'none'),
  toolLimits: said(named(toolLimit), 'calls by tool', 'none'),
  erpLimit: said(toolLimit, "calls to each tenant's ERP", 'no limit'),
  erpCache: said(erpCache, 'answers of the ERP that are given again within a run'),
  prices: said(named(price), 'prices by model, micro-USD per million tokens', 'those shipped'),
  limits: said(limits, 'what one engine does at once'),
  isolation: said(isolation, 'agents that are kept apart'),
  machines: said(machines, "machines beside the engines' own that agents may run on", 'none'),
  api: said(api, 'the API'),
  hooks: said(hooks, 'ERP events that come in'),
  mcp: said(mcp, 'servers of the Model Context Protocol, for tools', 'none'),
  files: said(files, 'files, for tools'),
  http: said(http, 'HTTP, for tools'),
  databases: said(named(database), 'databases beside the ERP, for tools', 'none'),
  mail: said(mail, 'mail, for tools', 'none is sent'),
  slack: said(named(text), 'Slack channels by name: the variable with the webhook', 'none'),
  breaker: said(
    form({
      failures: said(whole, 'failures in a row that open it; 0: never', 5),
      probeMs: said(count, 'until it is probed, ms', 60_000),
      successes: said(count, 'probes that must succeed in a row', 3),
    }),
    'when a model or connector that fails is left alone',
  ),
  onStepFailed: said(called, 'told of every step that failed for good', 'nobody is told'),
  budgets: said(
    form({
      tenantDailyMicroUsd: said(whole, 'all runs of a tenant, a day', 50_000_000),
      moduleDailyMicroUsd: said(named(whole), 'by module', "the tenant's"),
      workflowDailyMicroUsd: said(named(whole), 'by workflow', "the tenant's"),
      warnAt: said(share, 'share from which a warning is recorded', 0.8),
    }),
    'what models may cost a day, micro-USD',
  ),
  batches: said(batches, 'what is not urgent, at half the price'),
  delegation: said(delegation, 'how far agents hand work to others'),
  webhooks: said(
    form({
      hosts: said(texts, 'where they may lead', 'every public host'),
      ports: said(z.array(count.max(65_535)), 'ports', '443'),
      origins: said(texts, 'origins in the own network that are vouched for', 'none'),
    }),
    'where outbound webhooks may lead',
  ),
  morningReport: said(
    form({
      ...recipients,
      after: said(text, 'the workflow that is the night', 'nightly'),
      at: said(clock, 'then it goes out whatever the state', 'as soon as the night has ended'),
      timeZone: said(zone, 'of `at`', 'UTC'),
      link: said(text, 'what links begin with', 'no links'),
      summaries: said(isTrue, 'sentences of findings go along', false),
      tenants: said(
        named(form(recipients)),
        "instead, whom a tenant's goes to, by its name",
        'the same',
      ),
    }),
    'the report of a night',
    'none is sent',
  ),
  alerts: said(
    form({
      ...alertMembers,
      tenants: said(
        named(tenantAlerts),
        'what is otherwise for a tenant, by its name',
        'the same for all',
      ),
    }),
    'thresholds that people are told of',
    'none',
  ),
  encryption: said(encryption, 'how what runs store is encrypted', 'it lies there as it is'),
  retention: said(retention, 'how long what is kept'),
  log: said(
    form({
      form: said(z.enum(['json', 'pretty', 'off']), 'of the log', 'pretty on a screen, else json'),
      level: said(z.enum(['debug', 'info', 'warn', 'error']), 'least that is written', 'warn'),
    }),
    'the log of a process that serves',
  ),
  features: said(features, 'parts that can be switched off'),
  profiles: said(z.unknown(), 'what is different by profile', 'nothing'),
} satisfies Readonly<Record<keyof Config, z.ZodType>>;
