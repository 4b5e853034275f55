import { EngineError } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import type { AnyAgent } from './agent.ts';
import { type Calendar, checkCalendars } from './calendar/calendar.ts';
import { type RegisteredHook, recordHooks } from './check-hook.ts';
import { checkModule, checkPolicy, fileOf, invalid } from './check-module.ts';
import { type RegisteredSchedule, recordSchedules } from './check-schedule.ts';
import { withDelegates } from './delegates.ts';
import type { AnyEntity, Field } from './entity.ts';
import type { Module } from './module.ts';
import { doersIn, type WorkflowData } from './node.ts';
import { findTierFault } from './policy/check-policy.ts';
import { dutyConflicts } from './policy/duties.ts';
import { hasAccess, type Policy } from './policy/policy.ts';
import { checkRecovery } from './recovery.ts';
import type { RegisteredAgent } from './registered-agent.ts';
import { reversalAgent, reversalTool } from './reversal.ts';
import type { Schedule } from './schedule.ts';
import type { AnyTool } from './tool.ts';
import { toolAgent, toolAgentName } from './tool-agent.ts';
import type { Workflow } from './workflow.ts';

export type { RegisteredAgent } from './registered-agent.ts';

/** A workflow as the engine knows it; `module` is null for one that the configuration declares. */
export interface RegisteredWorkflow {
  readonly module: string | null;
  readonly workflow: Workflow;
  readonly data: WorkflowData;
  /** Digest of `data`: equal data is the same version. */
  readonly digest: Buffer;
}

/** What agents run with, by name: all that the loaded modules bring but their workflows. Built once and frozen. */
export interface Declarations {
  /** In load order: a module comes after all that it requires. */
  readonly modules: readonly Module[];
  readonly agents: ReadonlyMap<string, RegisteredAgent>;
  readonly tools: ReadonlyMap<string, AnyTool>;
  readonly entities: ReadonlyMap<string, AnyEntity>;
  readonly policies: readonly Policy[];
  readonly calendars: readonly Calendar[];
  /** Names of the MCP servers that nodes may name. @default unknown */
  readonly servers?: ReadonlyMap<string, unknown>;
  /** Hex; equal in every thread that loaded the same declarations. */
  readonly digest: string;
}

/** Everything that the loaded modules bring, by name; built once and frozen. */
export interface Registry extends Declarations {
  readonly workflows: ReadonlyMap<string, RegisteredWorkflow>;
  /** By `module.hook`. */
  readonly hooks: ReadonlyMap<string, RegisteredHook>;
  readonly schedules: ReadonlyMap<string, RegisteredSchedule>;
}

/** What a configuration declares. */
export interface Declared {
  readonly modules: readonly Module[];
  readonly workflows?: readonly Workflow[];
  readonly policies?: readonly Policy[];
  readonly calendars?: readonly Calendar[];
  readonly schedules?: readonly Schedule[];
  readonly mcp?: { readonly servers: Readonly<Record<string, unknown>> };
}

/**
 * Loads the modules of a configuration: order, uniqueness, references and every declaration's fields are checked, and every
 * workflow's graph is recorded.
 * @throws MODULE_INVALID naming the module, the file that should hold the declaration, and the field · WORKFLOW_INVALID
 */
export function loadRegistry(config: Declared, shared: readonly AnyEntity[]): Registry {
  const declarations = loadDeclarations(config, shared);
  const workflows = recordWorkflows(config, declarations);
  const { modules, entities } = declarations;
  const hooks = recordHooks(modules, { entities, workflows }, invalid);
  const around = { ...declarations, schedules: config.schedules ?? [], workflows };
  const schedules = recordSchedules(around);
  return Object.freeze({ ...declarations, workflows, hooks, schedules });
}

/**
 * Loads what a thread runs agents with. It records no graphs: one of 10,000 nodes takes 50 MB, which no thread has a use for.
 * @throws MODULE_INVALID naming the module, the file that should hold the declaration, and the field · CALENDAR_INVALID
 */
export function loadDeclarations(config: Declared, shared: readonly AnyEntity[]): Declarations {
  const modules = inOrder(config.modules);
  for (const module of modules) checkModule(module);
  for (const policy of config.policies ?? []) checkPolicy(policy);
  const declared = index([...modules.flatMap(agentsOf), undoer], 'agent');
  const tools = index([...modules.flatMap((module) => module.tools), reversalTool], 'tool');
  const entities = index([...shared, ...modules.flatMap((module) => module.records)], 'entity');
  checkReferences(declared, tools, entities);
  const policies = [...modules.flatMap((module) => module.policies), ...(config.policies ?? [])];
  const agents = withDelegates(declared, policies);
  checkDuties(agents, policies);
  checkTiers(tools, modules, policies);
  const { calendars = [] } = config;
  checkCalendars(calendars);
  const digest = declarationsDigest(modules, policies);
  const servers = new Map(Object.entries(config.mcp?.servers ?? {}));
  return Object.freeze({ modules, agents, tools, entities, policies, calendars, servers, digest });
}

/** Takes back what runs did; it belongs to no module. */
const undoer: RegisteredAgent = {
  name: 'tutti.undo',
  module: 'tutti',
  agent: reversalAgent,
  isTool: true,
  isOwn: true,
};

/** What acts on behalf of a module: its agents, and for each of its tools the agent of `tool` nodes. */
function agentsOf(module: Module): readonly RegisteredAgent[] {
  const own = module.agents.map((agent) => ({
    name: `${module.name}.${agent.name}`,
    module: module.name,
    agent,
  }));
  const tools = module.tools.map((tool) => {
    const agent = toolAgent(tool);
    return { name: agent.name, module: module.name, agent, isTool: true as const };
  });
  return [...own, ...tools];
}

function recordWorkflows(
  config: Declared,
  { modules, agents, tools, policies }: Declarations,
): ReadonlyMap<string, RegisteredWorkflow> {
  const nameOf = nameAgents(agents);
  const workflows = new Map<string, RegisteredWorkflow>();
  const declared = [
    ...modules.flatMap((module) =>
      module.workflows.map((workflow) => ({ module: module.name as string | null, workflow })),
    ),
    ...(config.workflows ?? []).map((workflow) => ({ module: null, workflow })),
  ];
  for (const { module, workflow } of declared) {
    if (workflows.has(workflow.name))
      throw invalid(
        module ?? 'tutti.config.ts',
        `workflow '${workflow.name}'`,
        'is declared twice; rename one.',
      );
    const data = workflow.record(nameOf);
    if (module !== null) checkToolNodes(data, { module, tools, policies });
    workflows.set(workflow.name, { module, workflow, data, digest: digest(data) });
  }
  return workflows;
}

/** What a module's workflow calls by itself, its agents could be given. @throws WORKFLOW_INVALID naming the node */
export function checkToolNodes(
  { name, nodes }: WorkflowData,
  {
    module,
    tools,
    policies,
  }: Pick<Declarations, 'tools' | 'policies'> & { readonly module: string },
): void {
  for (const node of doersIn(nodes)) {
    if (node.kind !== 'tool') continue;
    const access = tools.get(node.tool)?.access ?? 'module';
    if (access === 'public' || node.tool.startsWith(`${module}.`)) continue;
    const agent = toolAgentName(node.tool);
    if (hasAccess(policies, { agent, tool: node.tool })) continue;
    const what = `calls '${node.tool}' of another module; a policy must give '${agent}' access to it`;
    throw new EngineError('WORKFLOW_INVALID', `Node '${name}.${node.id}' ${what}.`);
  }
}

function inOrder(modules: readonly Module[]): readonly Module[] {
  const byName = index(modules, 'module');
  const ordered: Module[] = [];
  const visit = (module: Module, path: readonly string[]): void => {
    if (ordered.includes(module)) return;
    if (path.includes(module.name)) {
      throw invalid(
        module.name,
        'requires',
        `leads back to itself (${[...path, module.name].join(' → ')}); drop one of them.`,
      );
    }
    for (const name of module.requires) {
      const required = byName.get(name);
      if (!required)
        throw invalid(
          module.name,
          'requires',
          `names '${name}', which tutti.config.ts does not list; add it there.`,
        );
      visit(required, [...path, module.name]);
    }
    ordered.push(module);
  };
  for (const module of modules) visit(module, []);
  return ordered;
}

function checkReferences(
  agents: ReadonlyMap<string, RegisteredAgent>,
  tools: ReadonlyMap<string, AnyTool>,
  entities: ReadonlyMap<string, AnyEntity>,
): void {
  for (const { name, module, agent } of agents.values()) {
    for (const [key, tool] of Object.entries(agent.tools as Readonly<Record<string, AnyTool>>)) {
      if (tool && tools.get(tool.name) === tool) continue;
      throw invalid(
        module,
        `agents/${fileOf(agent.name)}.ts, field 'tools.${key}'`,
        `of '${name}' is no tool of a loaded module; list it in the module's tools.`,
      );
    }
    const fault =
      agent.recovery && checkRecovery(agent.recovery, name, (each) => agents.get(each)?.agent);
    if (fault)
      throw invalid(
        module,
        `agents/${fileOf(agent.name)}.ts, field 'recovery${fault.path && `.${fault.path}`}'`,
        `of '${name}': ${fault.reason}.`,
      );
  }
  for (const entity of entities.values()) {
    checkFields(entity.name, entity.fields, entities);
    checkAge(entity);
  }
}

function checkDuties(
  agents: ReadonlyMap<string, RegisteredAgent>,
  policies: readonly Policy[],
): void {
  const [conflict] = dutyConflicts([...agents.values()], policies);
  if (!conflict) return;
  const { agent, module, tools, rule } = conflict;
  const [one, other] = tools.map((tool) => `'${tool.name}' (duty '${tool.duty}')`);
  const name = agent.slice(agent.indexOf('.') + 1);
  const what = `of '${agent}' has ${one} and ${other} in one hand: ${rule.reason}. Give them to two agents, or let the grants leave one of them at 'propose'.`;
  throw invalid(module, `agents/${fileOf(name)}.ts, field 'tools'`, what);
}

function checkTiers(
  tools: ReadonlyMap<string, AnyTool>,
  modules: readonly Module[],
  policies: readonly Policy[],
): void {
  const fault = findTierFault(policies, tools);
  if (!fault) return;
  const declaring = modules.find((module) =>
    module.policies.some((policy) => policy.name === fault.policy),
  );
  const where = `policy '${fault.policy}', tier '${fault.tier}'`;
  throw invalid(declaring?.name ?? 'tutti.config.ts', where, fault.reason);
}

function checkFields(
  path: string,
  fields: Readonly<Record<string, Field>>,
  entities: ReadonlyMap<string, AnyEntity>,
): void {
  for (const [key, field] of Object.entries(fields)) {
    if (field.kind === 'lines') checkFields(`${path}.${key}`, field.fields, entities);
    if (field.kind === 'ref' && !entities.has(field.entity)) {
      throw invalid(
        'records.ts',
        `field '${path}.${key}'`,
        `refers to '${field.entity}', which no loaded module declares.`,
      );
    }
  }
}

function checkAge({ name, mayBeOldSeconds = 0 }: AnyEntity): void {
  if (Number.isInteger(mayBeOldSeconds) && mayBeOldSeconds >= 0 && mayBeOldSeconds <= 3_600) return;
  const what = `is ${mayBeOldSeconds}; give whole seconds from 0 to 3600.`;
  throw invalid('records.ts', `entity '${name}', 'mayBeOldSeconds'`, what);
}

function nameAgents(agents: ReadonlyMap<string, RegisteredAgent>): (agent: AnyAgent) => string {
  const names = new Map([...agents.values()].map((each) => [each.agent, each.name]));
  return (agent) => {
    const found = names.get(agent);
    if (found) return found;
    throw new EngineError(
      'WORKFLOW_INVALID',
      `Agent '${agent?.name}' belongs to no loaded module; list it in its module's agents.`,
    );
  };
}

function index<T extends { readonly name: string }>(
  items: readonly T[],
  kind: string,
): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const item of items) {
    if (map.has(item.name)) throw invalid(item.name, kind, 'is declared twice; names are unique.');
    map.set(item.name, item);
  }
  return map;
}

function declarationsDigest(modules: readonly Module[], policies: readonly Policy[]): string {
  const parts = modules.map((module) => [
    module.name,
    module.version,
    module.agents.map(({ name, instructions, tools, delegates }) => [
      ...[name, instructions, Object.keys(tools)],
      ...(delegates ? [delegates] : []),
    ]),
    module.tools.map((tool) => [tool.name, tool.effect, tool.description]),
  ]);
  return digest(parts, policies).toString('hex');
}
