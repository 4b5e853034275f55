import { z } from 'zod';
import type { Config, ToolLimit } from '../../ports/config.ts';
import type { Way } from '../../sdk/outside.ts';
import { matches } from '../../sdk/policy/policy.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AnyTool, Effect, ToolAccess, Undo } from '../../sdk/tool.ts';
import { type AccessGrant, isForRoles, isOwn, mayUse } from '../../sdk/tool-access.ts';
import type { ToolCategory } from '../../sdk/tool-category.ts';
import type { Definitions } from '../versions/definitions.ts';
import type { ToolUse } from './usage.ts';

/** A tool as people see it in a list. */
export interface ToolView {
  readonly name: string;
  readonly module: string;
  readonly description: string;
  readonly category: ToolCategory;
  readonly effect: Effect;
  readonly access: ToolAccess;
  /** What it reaches beyond the ERP. */
  readonly outside: readonly Way[];
  /** What limits its calls; null: nothing does. */
  readonly limit: ToolLimit | null;
  readonly timeoutMs: number;
  /** Of the days that were asked for; null: nobody called it. */
  readonly use: ToolUse | null;
}

/** An agent that lists a tool, and what lets it call the tool. */
export interface ToolCaller {
  readonly agent: string;
  /** `role`: only in runs for persons of a role that the tool was given to; `nobody`: its calls are refused. */
  readonly by: 'tool' | 'policy' | 'grant' | 'role' | 'nobody';
}

/** A tool with everything that it says of itself, and who calls it. */
export interface ToolDetail extends ToolView {
  /** JSON Schemas, draft 2020-12. */
  readonly parameters: unknown;
  readonly result: unknown;
  /** Text fields of the result that a model may read. */
  readonly reveals: readonly string[];
  readonly sensitive: boolean;
  readonly duty: string | null;
  readonly scope: string | null;
  readonly undo: Undo | null;
  readonly callers: readonly ToolCaller[];
  /** What was given at run time. */
  readonly grants: readonly AccessGrant[];
  readonly byAgent: readonly (ToolUse & { readonly agent: string })[];
  readonly byDay: readonly (ToolUse & { readonly day: string })[];
}

/** What views of tools follow from. */
export interface ToolParts {
  readonly registry: Registry;
  /** Where the versions in force are. */
  readonly store: { readonly definitions: Definitions };
  readonly config: Pick<Config, 'toolLimits'>;
}

/** Tutti's own tools are no agent's to call. */
export function isShown({ name }: AnyTool): boolean {
  return !name.startsWith('tutti.');
}

export function viewOf(
  tool: AnyTool,
  use: ToolUse | null,
  { toolLimits }: ToolParts['config'],
): ToolView {
  return {
    name: tool.name,
    module: moduleOf(tool.name),
    description: tool.description,
    category: tool.category ?? 'other',
    effect: tool.effect,
    access: tool.access ?? 'module',
    outside: tool.outside ?? [],
    limit: toolLimits?.[tool.name] ?? null,
    timeoutMs: tool.timeoutMs ?? 30_000,
    use,
  };
}

/** What a tool says of itself beyond the list, and who may call it. */
export function declaredOf(
  tool: AnyTool,
  grants: readonly AccessGrant[],
  registry: ToolParts['registry'],
): Omit<ToolDetail, keyof ToolView | 'byAgent' | 'byDay'> {
  return {
    parameters: schemaOf(tool.parameters, 'input'),
    result: schemaOf(tool.result, 'output'),
    reveals: tool.reveals ?? [],
    sensitive: tool.sensitive === true,
    duty: tool.duty ?? null,
    scope: tool.scope ?? (tool.effect === 'read' ? null : 'step'),
    undo: tool.undo ?? null,
    callers: callersOf(tool, grants, registry),
    grants: grants.filter(({ tools }) => matches(tools, tool.name)),
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

function callersOf(
  tool: AnyTool,
  grants: readonly AccessGrant[],
  { agents, policies }: ToolParts['registry'],
): readonly ToolCaller[] {
  const isFor = (tools: object): boolean => Object.values(tools).includes(tool);
  return [...agents.values()]
    .filter(({ isTool, agent }) => !isTool && isFor(agent.tools))
    .map(({ name: agent, module }) => {
      const user = { agent, module };
      if (!mayUse(tool, user, { policies, grants }))
        return { agent, by: isForRoles(grants, tool.name) ? 'role' : 'nobody' };
      if (isOwn(tool, user, [])) return { agent, by: 'tool' };
      return { agent, by: isOwn(tool, user, policies) ? 'policy' : 'grant' };
    });
}
