import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import type { AnyAgent } from './agent.ts';
import type { AnyEntity, Field } from './entity.ts';
import type { Module } from './module.ts';
import type { WorkflowData } from './node.ts';
import type { Policy } from './policy.ts';
import { checkRecovery } from './recovery.ts';
import type { AnyTool } from './tool.ts';
import type { Workflow } from './workflow.ts';

/** An agent as the engine knows it. */
export interface RegisteredAgent {
  /** `module.agent` */
  readonly name: string;
  readonly module: string;
  readonly agent: AnyAgent;
  /** Whether it is that of a tool: it never asks a model. */
  readonly isTool?: true;
}

/** The name of the agent that does nothing but call a tool: who acts in a workflow's `tool` nodes. */
export const toolAgentName = (tool: string): string => `tool:${tool}`;

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
  /** Hex; equal in every thread that loaded the same declarations. */
  readonly digest: string;
}

/** Everything that the loaded modules bring, by name; built once and frozen. */
export interface Registry extends Declarations {
  readonly workflows: ReadonlyMap<string, RegisteredWorkflow>;
}

/** What a configuration declares. */
export interface Declared {
  readonly modules: readonly Module[];
  readonly workflows?: readonly Workflow[];
  readonly policies?: readonly Policy[];
}

/**
 * Loads the modules of a configuration: order, uniqueness, references and every declaration's fields are checked, and every
 * workflow's graph is recorded.
 * @throws MODULE_INVALID naming the module, the file that should hold the declaration, and the field · WORKFLOW_INVALID
 */
export function loadRegistry(config: Declared, shared: readonly AnyEntity[]): Registry {
  const declarations = loadDeclarations(config, shared);
  return Object.freeze({ ...declarations, workflows: recordWorkflows(config, declarations) });
}

/**
 * Loads what a thread runs agents with. It records no graphs: one of 10,000 nodes takes 50 MB, which no thread has a use for.
 * @throws MODULE_INVALID naming the module, the file that should hold the declaration, and the field
 */
export function loadDeclarations(config: Declared, shared: readonly AnyEntity[]): Declarations {
  const modules = inOrder(config.modules);
  for (const module of modules) checkModule(module);
  const own = { module: 'tutti.config.ts', file: 'policies' };
  for (const policy of config.policies ?? []) check(policySchema, policy, own);
  const agents = index(
    modules.flatMap((module) =>
      module.agents.map((agent) => ({
        name: `${module.name}.${agent.name}`,
        module: module.name,
        agent,
      })),
    ),
    'agent',
  );
  const tools = index(
    modules.flatMap((module) => module.tools),
    'tool',
  );
  const entities = index([...shared, ...modules.flatMap((module) => module.records)], 'entity');
  checkReferences(agents, tools, entities);
  const policies = [...modules.flatMap((module) => module.policies), ...(config.policies ?? [])];
  const digest = declarationsDigest(modules, policies);
  return Object.freeze({ modules, agents, tools, entities, policies, digest });
}

function recordWorkflows(
  config: Declared,
  { modules, agents }: Declarations,
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
    workflows.set(workflow.name, { module, workflow, data, digest: digest(data) });
  }
  return workflows;
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

const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case');
const positive = z.int().positive();
const moduleSchema = z.looseObject({
  kind: z.literal('module'),
  name,
  version: z.string().regex(/^\d+\.\d+\.\d+/, 'must be a semantic version, for example 1.0.0'),
  requires: z.array(z.string()),
});
const schemaType = z.custom<z.ZodType>(
  (value) => value instanceof Object && 'safeParse' in value,
  'must be a zod schema',
);
const agentSchema = z.looseObject({
  kind: z.literal('agent'),
  name,
  purpose: z.string().min(1),
  instructions: z.string().min(1),
  input: schemaType,
  output: schemaType,
  model: z.enum(['fast', 'standard', 'deep']).optional(),
  priority: z.int().min(1).max(10).optional(),
  critical: z.boolean().optional(),
  onBudget: z.enum(['playbook', 'fail', 'ask']).optional(),
  batch: z.strictObject({ rounds: positive }).optional(),
  limits: z
    .strictObject({
      timeoutMs: positive,
      turnTimeoutMs: positive,
      turns: positive,
      costMicroUsd: z.int().nonnegative(),
      attempts: positive,
    })
    .partial()
    .optional(),
  findings: z
    .record(
      z.string().regex(/^[a-z0-9_]+(\.[a-z0-9_]+)+$/, 'must be dotted, for example match.price'),
      z.string(),
    )
    .optional(),
  procedure: z.function().optional(),
});
const toolSchema = z
  .looseObject({
    kind: z.literal('tool'),
    name: z
      .string()
      .max(64)
      .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must be module.entity.verb in lower case'),
    description: z.string().min(1),
    parameters: schemaType,
    result: schemaType,
    effect: z.enum(['read', 'propose', 'write', 'send']),
    key: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    undo: z
      .union([z.strictObject({ action: z.string() }), z.strictObject({ none: z.string() })])
      .optional(),
    scope: z.enum(['step', 'run', 'tenant']).optional(),
    lookUp: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    repeatable: z
      .literal(true, { error: 'must be true where repeats do no harm, else left out' })
      .optional(),
    access: z.enum(['public', 'module']).optional(),
    timeoutMs: positive.optional(),
    handle: z.custom(
      (value) => typeof value === 'function',
      'is missing: end the declaration with .handler(…)',
    ),
  })
  .refine((tool) => !['write', 'send'].includes(tool.effect) || tool.key, {
    path: ['key'],
    message: 'is required for write and send',
  })
  .refine((tool) => !['write', 'send'].includes(tool.effect) || tool.undo, {
    path: ['undo'],
    message: 'is required for write and send',
  })
  .refine((tool) => tool.effect !== 'read' || !(tool.lookUp || tool.repeatable), {
    path: ['effect'],
    message: 'is read: what does nothing needs neither lookUp nor repeatable',
  })
  .refine((tool) => !tool.lookUp || !tool.result.safeParse(null).success, {
    path: ['result'],
    message: 'may be null, which lookUp answers for what has not happened; use an object',
  });
const policySchema = z.looseObject({
  kind: z.literal('policy'),
  name: z.string().min(1),
  grants: z.array(
    z.strictObject({
      agents: z.array(z.string()).optional(),
      tools: z.array(z.string()).optional(),
      companies: z.array(z.string()).optional(),
      autonomy: z.enum(['observe', 'propose', 'approve', 'act']),
    }),
  ),
});

function checkModule(module: Module): void {
  check(moduleSchema, module, { module: module.name, file: 'index.ts' });
  for (const agent of module.agents)
    check(agentSchema, agent, { module: module.name, file: `agents/${fileOf(agent.name)}.ts` });
  for (const tool of module.tools) {
    check(toolSchema, tool, { module: module.name, file: `tools (${tool.name})` });
    if (!tool.name.startsWith(`${module.name}.`)) {
      throw invalid(module.name, `tool '${tool.name}'`, `must be named '${module.name}.…'.`);
    }
  }
  for (const policy of module.policies)
    check(policySchema, policy, { module: module.name, file: 'policies.ts' });
}

function check(
  schema: z.ZodType,
  declaration: unknown,
  { module, file }: { readonly module: string; readonly file: string },
): void {
  const parsed = schema.safeParse(declaration);
  if (parsed.success) return;
  const issue = parsed.error.issues[0];
  throw invalid(
    module,
    `${file}, field '${issue?.path.join('.') || 'declaration'}'`,
    `${reasonOf(issue)}.`,
  );
}

/** What is wrong; of a record's key, what its own schema says. */
function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  const inner = issue?.code === 'invalid_key' ? issue.issues[0] : undefined;
  return (inner ?? issue)?.message ?? 'is not allowed';
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
  for (const entity of entities.values()) checkFields(entity.name, entity.fields, entities);
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
    module.agents.map((agent) => [agent.name, agent.instructions, Object.keys(agent.tools)]),
    module.tools.map((tool) => [tool.name, tool.effect, tool.description]),
  ]);
  return digest(parts, policies).toString('hex');
}

function fileOf(declared: string): string {
  return String(declared).replaceAll('_', '-');
}

function invalid(module: string, where: string, what: string): EngineError {
  return new EngineError('MODULE_INVALID', `Module '${module}': ${where} ${what}`);
}
