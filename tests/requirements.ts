/**
 * What Tutti promises, one line per promise: tests cite a line with `verifies('R1.dag')` (support/verifies.ts), and the
 * reporter counts the lines that no passed test has cited.
 *
 * The chapters: R1 workflows · R2 dependencies and scheduling · R3 agents and their pool · R4 models · R5 tools and MCP ·
 * R6 rate limits · R7 cost and budgets · R8 failures · R9 state, events and messages · R10 API · R11 observation ·
 * R12 security and governance · R13 configuration and deployment · R14 documents, tests and examples.
 */
const chapters = {
  R1: {
    dag: 'A workflow is a graph of nodes; a node starts when the nodes it depends on have ended, and independent nodes run at the same time.',
    'run-goal': 'A run has an id, an input and a goal in words that its record keeps.',
    task: 'A task node runs one agent once.',
    foreach:
      'A foreach node runs one agent for each item of a list, at most `concurrency` at a time.',
    reduce: 'A reduce node gathers the outputs of one or more nodes into one output.',
    gate: 'A gate node lets what follows run only when its condition holds; what it holds back is skipped, not failed.',
    person: "A node waits for a person's decision and goes on with what they decided.",
    inputs:
      "A node's input comes from constants, the run's input, and outputs of other nodes named by id.",
    'output-mapping':
      "A node takes named fields of another node's output into named fields of its input.",
    condition:
      "A node runs only when its condition holds, for example an equality on another node's output.",
    instruction: "An agent's instructions reach its model with the input of its step.",
    limits: 'A workflow declares deadline, budget, concurrency and whether it may end in part.',
    'agent-declaration':
      'An agent declares name, purpose, instructions, input and output schemas, model profile, priority, limits, retries, criticality and tools.',
    'model-settings': 'A model profile sets provider, model and the longest answer.',
    'tool-schema':
      "A tool's parameters reach a model as JSON Schema, in the provider's own shape for functions.",
    branches: 'Branches run side by side and by condition, and meet again in one node.',
    'data-flow': 'An output reaches the steps that use it whole and unchanged.',
    'cross-department':
      'One workflow fans out over several modules, joins their results and stores what comes of them.',
    validate: 'A bad workflow is refused before anything starts, with the node and what to do.',
    register:
      'A workflow is published under a name, run by that name, and answers status and total cost.',
    'parallel-runs': 'Several workflows run at the same time without harm to each other.',
    'staged-review': 'Steps of one workflow review the work of earlier ones in stages.',
    versions: 'A published workflow has versions; a run keeps the version that it started with.',
    rollback: 'An older version of a workflow can be run again.',
    templates: 'Ready workflows come with the modules and can be run as they are.',
    batching: 'Related items are worked on together in one step where the workflow says so.',
    partial:
      'A run that allows it goes on after a failure that is not critical, and says in its status what failed.',
    'document-form':
      'A workflow written in YAML or JSON becomes the same data; each mistake is told with file, line, node and cause, several at once.',
    'typescript-form':
      'A workflow written in TypeScript becomes data when it loads; its mistakes are compile errors.',
  },
  R2: {
    topological:
      'Nodes start in an order that keeps every dependency, whatever order they were declared in.',
    cycle: 'A cycle is refused, with its nodes named.',
    missing: 'A dependency on a node that does not exist is refused, with both named.',
    'maximum-parallel': 'Everything that may run does run, up to the limits.',
    'cross-module': 'A step of one module waits for a step of another.',
    'five-hundred': 'At least 500 agents run in one workflow on one machine.',
    priority: 'Of steps that may start, the one with the higher priority starts first.',
    'priority-change': 'The priority of a run can be changed while it runs.',
    queue: 'A step that cannot start yet waits in a queue that survives a restart.',
    capability:
      'A step goes only to an executor that can do it; without one it waits and says why.',
    scoring: 'Of several that can do a step, the one that suits best takes it.',
    load: 'Work is spread over executors by their load.',
    'concurrency-limits':
      'Running steps never exceed the limits of run, module, tenant and machine.',
    'bounded-queues': 'Queues in memory are bounded; what is beyond waits in the database.',
    fairness: 'Modules of equal weight get equal service within a priority.',
    ageing: "Nothing waits for ever: waiting raises a step's place.",
    'limit-aware':
      'A step whose model or ERP has no quota left does not hold a thread while it waits.',
    'executor-loop': 'Ready work and free capacity lead to a start without polling.',
    heartbeat:
      'An engine proves by a heartbeat that it lives; one that stops loses its runs to another.',
    schedule:
      'Workflows start by cron expression in a named time zone, also across a change of the clocks.',
    'schedule-policies':
      'Overlap, catch-up, exclusions, windows and pauses decide about each slot of a schedule, and a slot that does not start says why.',
    'schedule-once':
      'A slot of a schedule starts one run, whatever crashes, however many engines look and however their clocks step.',
    backfill:
      'Past slots of a schedule run again on request, so many at a time, and a dry run says which.',
    'calendar-moments':
      "A moment of a company's fiscal calendar comes when its business days, holidays and periods say, once in each, also in a night when the clocks change.",
    'routing-by-history': 'Estimates of time and cost come from what earlier runs took.',
    discovery: 'What an executor can do becomes known when it joins.',
    explain: 'A step that waits can be asked why, and the answer names what would let it start.',
  },
  R3: {
    pool: 'Agents run on a pool of threads that are reused; none is created for each step.',
    profile: 'Steps of the same module, model and policy share what was set up for the first.',
    'single-start': 'A shared resource that many steps ask for at once is set up once.',
    'pool-bound': 'The number of agents at work in one run and on one thread is bounded.',
    cleanup: 'After a run nothing of it stays open: sessions, connections, timers, threads.',
    'custom-executor':
      'The place where steps run is an interface with more than one implementation.',
    registry:
      'Agents, tools and workflows are found by name, with module, description and schemas.',
    'register-runtime':
      'A module can be added and taken away, and the engine says what it has loaded.',
    health: 'Threads and engines report whether they work; dead ones are replaced.',
    scaling: 'Threads are added under load and go when it ends.',
    timeout: 'An agent that passes its timeout is stopped and holds nothing afterwards.',
    'task-types': 'A new kind of agent needs no change of the engine.',
    'third-party':
      'A module of a third party, in a folder or a package, has the same rights as a built-in one.',
    'new-module': 'A command writes a new module that works, with its test.',
    'team-templates':
      'Ready agents for data analysis, code review, architecture, testing, documentation and project management can be used and adapted.',
    'team-factory':
      "A team of agents for data analysis, for development, or of one's own is made by one call.",
    'erp-modules': 'Modules for hr, finance, inventory and compliance come with Tutti.',
    'all-modules': 'One workflow runs agents of all four modules.',
    list: 'Loaded agents can be listed and one taken out of service.',
    playbook: 'Every agent does its work without a model, by its playbook.',
  },
  R4: {
    openai: "Agents run on OpenAI's models.",
    anthropic: "Agents run on Anthropic's models.",
    'own-provider': "A provider of one's own is an implementation of one interface.",
    'compatible-endpoint':
      "Any server that speaks a supported provider's protocol can be used by its address.",
    profiles: 'Agents name a profile; which model serves it is configuration.',
    'default-model': 'Without a profile of its own an agent uses the default one.',
    'cheaper-model': 'Work that is not critical can go to a cheaper model.',
    streaming:
      "A model's answer is read as a stream, with time to first chunk and chunks measured.",
    'tool-calls': 'A model calls tools, several in one turn, and receives each result.',
    'structured-output':
      'A final answer that does not fit the output schema is returned to the model once with what is wrong, then fails.',
    scripted: 'A scripted model stands in for a provider in tests.',
  },
  R5: {
    'mcp-client': 'One client reaches many MCP servers, each by its name.',
    'mcp-routing':
      'Every tool call of a step goes to the server that the step or agent names, else to the default one.',
    'mcp-config':
      'MCP servers are configured as command and arguments or as an address, in the usual `mcpServers` shape.',
    'mcp-close': 'All MCP sessions close together, also after errors.',
    'mcp-pins':
      'A tool of an MCP server whose definition has changed is not called until somebody accepts it.',
    'mcp-policies':
      'A policy of the configuration bounds which MCP servers and tools some agents may have, for how long and how much.',
    'mcp-start': 'A server that npm can run needs no global installation.',
    'one-shot': 'A single agent runs on a single instruction in one call.',
    'routing-parameters': 'Parameters that serve routing never reach a tool.',
    'text-fallback': 'A result that is not structured arrives as text.',
    'tool-errors':
      "A tool's failure reaches the agent with what happened, the value and what to do.",
    'mcp-migration': 'A guide leads users of other MCP clients to this one in three steps.',
    'mcp-server': 'Workflows and approvals can be reached by MCP.',
    'declare-tool':
      'A tool is declared by name, description, parameters, result and effect; its JSON Schema follows from that.',
    'tool-invalid':
      "Arguments that do not fit a tool's parameters are refused before its handler runs.",
    'tool-list': 'An agent sees the tools that it was given, and no others.',
    'tool-access':
      'A tool has an access level; an agent of another module cannot call a private one.',
    'tool-category': 'Tools carry a category by which they can be listed.',
    'tool-limit': 'A tool has a rate limit of its own.',
    'tool-delegation': 'An agent hands work to another agent as it would to a tool.',
    'tool-usage': 'Calls, failures and times are counted for each tool.',
    'file-tools': 'Files are read and written inside allowed folders only.',
    'json-tools': 'JSON is parsed and written by a tool.',
    'http-tool': 'HTTP requests go to allowed hosts only.',
    'metrics-tool': 'Figures such as sum, mean and median are computed by a tool.',
    'code-tool': 'Code is checked for syntax by a tool.',
    'report-tool': 'A report is written from findings by a tool.',
    'plug-ins':
      'Mail, chat, web pages, databases and HTTP services are reached through tools that a module brings.',
  },
  R6: {
    tiers: 'Limits hold per minute, hour and day, for requests and tokens.',
    'sliding-window':
      'In no window of a minute, wherever it starts, are more requests or tokens used than allowed.',
    utilisation: 'Under load at least 95 % of a limit is used.',
    concurrent: 'The number of calls at one provider at the same time is bounded.',
    'per-model': 'Every provider and model has limits of its own.',
    'retry-after':
      'After a refusal by a provider its own waiting time is kept, for all agents of that model.',
    backoff: 'Retries wait exponentially longer, with jitter.',
    presets: 'Limits for development come ready.',
    'api-throttle':
      'The API limits requests for each user and route, and says so in standard headers.',
    'tool-level': 'Calls of a tool are limited.',
    headroom: 'A part of a limit can be held back.',
    'several-engines': 'Limits hold over all engines of one database.',
    inbound: 'Hooks and logins are limited.',
  },
  R7: {
    cost: 'The cost of every model call is known when it ends, from its tokens and the price of that day.',
    'per-run': 'Cost and tokens are kept for each run, workflow, module and agent.',
    budget: 'No budget of tenant, module, workflow, run or agent is ever exceeded.',
    reserve:
      'Before a call its greatest possible cost is reserved; afterwards what it did cost is settled.',
    orphan: 'A reservation that a crash left is settled in full.',
    'own-prices': "Prices of one's own models are configuration.",
    'on-budget': 'An agent without budget falls back to its playbook or stops, as it declares.',
    trend: 'Costs can be compared over days and runs.',
    saving: 'The record shows where a cheaper model would have done.',
    plan: 'What a run will call and cost at most can be asked before it starts.',
  },
  R8: {
    'retry-policy': 'Retries declare number, waiting times, growth and jitter.',
    criticality: 'A failure of a critical step ends the run; that of another one does not.',
    'failure-callback': 'What follows a failure can be declared: a message, a workflow.',
    classify:
      'Every failure has one code, and with it category, severity and whether to try again.',
    retry: 'A failure that may pass is tried again.',
    fallback: 'A step falls back to its playbook, or to another tool or agent.',
    reassign: 'A step goes to another agent when the first cannot do it.',
    skip: 'A failed step that is not needed is skipped, and what depends on it sees that.',
    escalate: 'A failure is brought to a person, with what is known.',
    reset: 'A step starts again from its beginning.',
    terminate: 'A failure ends the run, and what was done is undone where it must be.',
    'strategy-change': 'Recovery settings can be changed while the engine runs.',
    statistics: 'Failures are counted by code, category, agent and tool.',
    breaker:
      'After repeated failures a model or connector is left alone, then probed, then used again.',
    quarantine:
      'An agent that keeps failing or takes its thread down runs alone, and then not at all.',
    degraded: 'With a provider down work goes on by playbooks and is marked.',
    'fail-fast': 'What cannot succeed fails at once.',
    isolation: 'A failure of one agent, also a crash of its thread, harms no other.',
    prediction: 'Failures that become more frequent are reported before they reach a limit.',
    cancel: 'A run that is cancelled starts nothing more and releases all that it held.',
    crash: 'A crash at any moment loses no finished work and does no outside effect twice.',
    undo: "Writes can be taken back by the ERP's own reversal.",
  },
  R9: {
    restart: 'A run survives a restart of the engine and goes on where it was.',
    'take-over': 'Runs of an engine that died are taken over by another.',
    'one-writer': 'Two engines never write the same run.',
    'concurrent-access': 'Many readers and commands at the same time see a consistent state.',
    history: "Every run's steps, attempts, inputs, outputs and entries can be read afterwards.",
    'own-database':
      'Without any set-up the engine runs a database of its own, and the same on a server by its address.',
    events:
      'Every event of a run is in its journal, in one order, and can be read live and again from any point.',
    'event-kinds':
      'Start and end of nodes and runs and the chunks of answers are events with kind, node, data and time.',
    follow: 'A run can be followed from another process.',
    'webhooks-out':
      'Events are delivered to web addresses, signed, retried, once per receiver and event.',
    'erp-events': 'Events of an ERP start workflows, once each.',
    'message-queue':
      'Runs are started and commands given through the database, also with no engine up.',
    pooling: 'Connections to database, models and ERP are reused.',
    caching: 'Repeated reads of the same records in a run are served once where that is safe.',
    offline: 'With an ERP or provider out of reach, work that does not need it goes on.',
    sessions: 'Sessions of users are kept on the server and can be ended.',
  },
  R10: {
    agents: 'Agents are listed, described and run over HTTP.',
    workflows: 'Workflows are listed, described, published and run over HTTP.',
    runs: "A run's status, result, steps and cost are read over HTTP.",
    logs: "A run's events are read and followed over HTTP.",
    health: 'Liveness and readiness are told apart and answer without a key.',
    docs: 'The API describes itself in OpenAPI, and the description fits the answers.',
    problems: 'Every refusal is a problem document with code, detail and what to do.',
    idempotency:
      'A request that starts work can be repeated under its key without starting it twice.',
    authentication: 'Requests carry a key or a token that is checked.',
    cors: 'Other origins are refused unless allowed.',
    versioning: 'The path carries a version; what is to go is announced in the answer.',
    client: 'All of it can be done in code: start, stop, run, cancel, approve, follow, explain.',
    'list-runs': 'Runs are listed by state, workflow and time, page by page.',
    shutdown:
      'The engine stops in order on request: nothing new starts, what runs is handed over or finished.',
    status: 'Status and statistics of engine, pool, limits and costs are answered.',
    graphql:
      'The same data can be asked for by GraphQL, or the documentation says what serves instead.',
  },
  R11: {
    'system-status':
      'The status names engine, workflows, agents, limits and costs with counts, rates and average times.',
    'limit-status': 'For every model it says how much of each limit is used.',
    'pool-status': 'For the pool it says threads, lanes and agents at work.',
    metrics: 'Times, rates, failures, queue lengths and resources are metrics.',
    prometheus: 'Metrics can be scraped in the Prometheus format.',
    tracing:
      'Runs, steps, model calls and tool calls are OpenTelemetry spans with the names of its conventions.',
    logs: 'Logs are JSON lines with level and the ids of run and step, or plain text for people.',
    'log-search': 'Logs and journal can be searched by run, agent, tool and code.',
    alerts: 'Thresholds of failures, cost and waiting raise an alert.',
    live: 'Progress is shown while a run goes.',
    report: 'A night ends with a report in which every number comes from the journal.',
    dashboard: 'A web console shows runs, steps, approvals, limits and costs.',
    trends: 'Runs can be compared with earlier ones.',
    insights: 'The slowest and the dearest steps are named.',
    profiling: 'Where time goes in a run can be broken down.',
  },
  R12: {
    paths: 'A path outside the allowed folder is refused, also through links and dots.',
    'input-validation': 'All that comes from outside is checked against a schema once.',
    'tool-permission':
      'A tool call passes one guard, on every path; what it refuses is recorded with the rule.',
    duties: 'Duties that must be apart stay apart, over agents and those that they act for.',
    approvals:
      'A call that needs approval is done only after enough people of the right tier agreed to exactly it.',
    autonomy: 'Without a grant an agent proposes and writes nothing.',
    'period-lock': 'A write into a locked period is refused before the call reaches the ERP.',
    'untrusted-text': 'Text from outside cannot make an agent send, pay or write what it may not.',
    'kill-switch': 'One command stops effects everywhere within a second.',
    secrets:
      'Secrets come from the environment or a store, and are in no prompt, journal, log or span.',
    audit: 'Every decision and effect is in a record that shows any change made to it.',
    replay: 'An auditor can follow a run from its record alone.',
    encryption: 'Personal data at rest can be encrypted, and erased without breaking the record.',
    erasure:
      'Bodies go by the days of their class or on request; what refers to them still works and can be checked.',
    tls: 'Connections to database, models, ERP and users can be encrypted.',
    rbac: 'Roles say who may start, see, approve and configure.',
    tenancy: "A tenant never sees another's data, also by mistake of a query.",
    signing: 'Hooks in and out are signed and checked.',
    unusual: 'Unusual activity of agents is reported.',
    policy: 'Policies are versioned data; an agent runs under the one in force.',
    'module-check':
      'A module is checked when it loads, and one that is wrong is refused with what is wrong.',
    packages:
      'Packages are locked by hash, come under known licences, and run no install script that is not named.',
    'config-security':
      'The server listens on this machine only unless told otherwise, and then asks for a key.',
  },
  R13: {
    environment:
      'Settings come from flags, environment, an .env file, a file and defaults, in this order.',
    profiles: 'Development, staging and production differ by profile.',
    validate:
      'A wrong setting is named with its value and what is allowed, before anything starts.',
    show: "Every setting's value and where it comes from can be shown.",
    flags: 'Features can be switched by configuration.',
    'two-commands': 'On a fresh machine with Node two commands start it and test it.',
    graceful: 'It starts and stops in order, also on signals.',
    'several-engines': 'Several engines share one database and its work.',
    remote: 'Steps can run on other machines, and agents be kept apart there.',
    isolation: 'Agents can be kept apart in processes of their own.',
    'non-blocking': 'No agent blocks the others, even when it computes.',
    memory: 'Memory stays bounded with the number of agents and the size of runs.',
    docker: 'It runs in a container.',
    kubernetes: 'It runs in Kubernetes, with probes and scaling.',
    'managed-database': 'It runs on a managed PostgreSQL.',
    edge: 'It runs on a small machine without network.',
    package: 'The published package runs in an empty folder.',
    backup: 'Its data can be backed up and restored, and runs go on.',
    upgrade: 'A newer version reads what an older one wrote.',
  },
  R14: {
    guides: 'There are guides for architecture, deployment, API, migration and performance.',
    'api-reference': 'The reference of SDK and API is generated from the sources.',
    practices: 'There is a guide of good practice and a checklist for production.',
    changelog: 'There is a changelog, a guide for contributors and an open licence.',
    examples:
      'Examples for every kind of node, for several servers, limits, pool, modules, parallel runs and teams run in the test suite.',
    'house-rules': 'Formatting, lint, types, layers and unused code are checked by the tests.',
    races: 'Races are tested by interleaving, not by luck.',
    coverage: 'Coverage can be measured.',
  },
} as const;

type Chapters = typeof chapters;

/** The id of a promise: chapter and a short name. */
export type RequirementId = {
  [C in keyof Chapters]: `${C}.${keyof Chapters[C] & string}`;
}[keyof Chapters];

/** One promise. */
export interface Requirement {
  readonly id: RequirementId;
  /** The chapter. */
  readonly source: keyof Chapters;
  /** What can be observed when it is kept. */
  readonly behavior: string;
}

/** All promises, in the order of the chapters. */
export const requirements: readonly Requirement[] = Object.entries(chapters).flatMap(
  ([source, promises]) =>
    Object.entries(promises).map(([name, behavior]) => ({
      id: `${source}.${name}` as RequirementId,
      source: source as keyof Chapters,
      behavior,
    })),
);
