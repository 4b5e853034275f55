import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { hookSchema } from './check-hook.ts';
import { extractorFault } from './extractor.ts';
import type { Module } from './module.ts';
import { policySchema } from './policy/check-policy.ts';
import type { Policy } from './policy/policy.ts';
import { toolCategories } from './tool-category.ts';

/** The module of agents that people make while Tutti runs; no module may have its name. */
export const ownModule = 'custom';

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
const agentPlace = z.union([z.literal('process'), z.strictObject({ machine: name })], {
  error: "must be 'process' or { machine: 'a_pool' }, else left out",
});
/** The fields of an agent. */
export const agentSchema = z.looseObject({
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
  isolation: agentPlace.optional(),
  delegates: z
    .array(z.string().regex(/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/, 'must be module.agent'))
    .refine((all) => new Set(all).size === all.length, 'names one of them twice')
    .optional(),
  extractor: z.literal(true, { error: 'must be true for an extractor, else left out' }).optional(),
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
  capabilities: z
    .array(z.strictObject({ name, inputTypes: z.array(name), outputTypes: z.array(name) }))
    .refine(
      (all) => new Set(all.map((each) => each.name)).size === all.length,
      'names one of them twice',
    )
    .optional(),
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
    posts: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    lineage: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    amount: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    grounded: z
      .custom((value) => typeof value === 'function', 'must be a function of the arguments')
      .optional(),
    sensitive: z
      .literal(true, {
        error: 'must be true where the result holds personal, pay or bank data, else left out',
      })
      .optional(),
    outside: z.array(z.enum(['files', 'http', 'mcp', 'databases', 'mail', 'slack'])).optional(),
    duty: name.optional(),
    repeatable: z
      .literal(true, { error: 'must be true where repeats do no harm, else left out' })
      .optional(),
    access: z.enum(['public', 'module', 'restricted']).optional(),
    category: z.enum(toolCategories).optional(),
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
  .refine((tool) => tool.effect !== 'read' || !tool.posts, {
    path: ['effect'],
    message: 'is read: what does nothing posts nothing',
  })
  .refine((tool) => tool.effect !== 'read' || !(tool.duty || tool.lineage), {
    path: ['effect'],
    message: 'is read: what does nothing has no duty and no lineage',
  })
  .refine((tool) => tool.effect !== 'read' || !(tool.amount || tool.grounded), {
    path: ['effect'],
    message: 'is read: what does nothing moves no money and needs no grounds',
  })
  .refine((tool) => !tool.lookUp || !tool.result.safeParse(null).success, {
    path: ['result'],
    message: 'may be null, which lookUp answers for what has not happened; use an object',
  });
/** Checks the fields of everything that a module declares. @throws MODULE_INVALID naming file and field */
export function checkModule(module: Module): void {
  check(moduleSchema, module, { module: module.name, file: 'index.ts' });
  if (module.name === ownModule)
    throw invalid(ownModule, 'name', 'is that of agents made at run time; take another.');
  for (const agent of module.agents) {
    const file = `agents/${fileOf(agent.name)}.ts`;
    check(agentSchema, agent, { module: module.name, file });
    const fault = agent.extractor ? extractorFault(agent) : null;
    if (fault !== null) throw invalid(module.name, `${file}, extractor:`, `${fault}.`);
  }
  for (const tool of module.tools) {
    check(toolSchema, tool, { module: module.name, file: `tools (${tool.name})` });
    if (!tool.name.startsWith(`${module.name}.`)) {
      throw invalid(module.name, `tool '${tool.name}'`, `must be named '${module.name}.…'.`);
    }
  }
  for (const policy of module.policies)
    check(policySchema, policy, { module: module.name, file: 'policies.ts' });
  for (const hook of module.hooks)
    check(hookSchema, hook, { module: module.name, file: `hooks (${hook.name})` });
}

/** Checks the policies of the configuration. @throws MODULE_INVALID */
export function checkPolicy(policy: Policy): void {
  check(policySchema, policy, { module: 'tutti.config.ts', file: 'policies' });
}

function check(
  schema: z.ZodType,
  declaration: unknown,
  { module, file }: { readonly module: string; readonly file: string },
): void {
  // Zod would write code for it that few declarations run.
  const parsed = schema.safeParse(declaration, { jitless: true });
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

/** The file that should hold a declaration of this name. */
export function fileOf(declared: string): string {
  return String(declared).replaceAll('_', '-');
}

/** What is wrong with a module, and where. */
export function invalid(module: string, where: string, what: string): EngineError {
  return new EngineError('MODULE_INVALID', `Module '${module}': ${where} ${what}`);
}
