import type { ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import { digest } from '../../../base/ids.ts';
import type { OwnRun } from '../../../engine/submit.ts';
import { toolTask } from '../../../engine/tasks/tool-task.ts';
import { type JsonSchema, toJsonSchema } from '../../../ports/models/json-schema.ts';
import { matches, type Policy } from '../../../sdk/policy/policy.ts';
import type { AnyTool } from '../../../sdk/tool.ts';
import type { Follower } from '../follow.ts';
import { type Calling, type Offer, readArguments } from '../offer.ts';
import type { McpParts } from '../parts.ts';

/** As whom policies give other systems access: `access: [{ agents: ['mcp'], tools: ['finance.bill.search'] }]`. */
const role = 'mcp';
/** How long a call is waited for: less than the minute after which many clients give up. */
const patienceMs = 50_000;
const keyName = 'idempotencyKey';
const keySchema = z.string().min(1).max(255);
const keyAsked: JsonSchema = {
  ...{ type: 'string', minLength: 1, maxLength: 255 },
  description: 'New for each effect that is wanted; the same key again finds the first outcome',
};

/**
 * The tools of modules that other systems may call: those for everybody, and those that a policy gives to the role `mcp` by that name. A call
 * is a run of one step, so that it is guarded, recorded and, where people must agree, proposed like any other.
 * @throws MODULE_INVALID for two tools whose names come to the same
 */
export function moduleToolOffers(parts: McpParts, follower: Follower): readonly Offer[] {
  const { tools, policies } = parts.registry;
  const offered = [...tools.values()].filter((tool) => isOffered(tool, policies));
  const offers = offered.flatMap((tool) => offerOf(tool, { parts, follower }) ?? []);
  const names = offers.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return offers;
  const message = `Two tools are '${twice}' to other systems: rename one, for '.' and '_' are one there.`;
  throw new EngineError('MODULE_INVALID', message);
}

/** A pattern that stands for all agents gives nothing to programs elsewhere. */
function isOffered({ name, access }: AnyTool, policies: readonly Policy[]): boolean {
  if (access === 'public') return true;
  const grants = policies.flatMap((policy) => policy.access ?? []);
  return grants.some(({ agents, tools }) => agents.includes(role) && matches(tools, name));
}

/** Null for a tool whose arguments are no object: MCP has no other. */
function offerOf(
  tool: AnyTool,
  { parts, follower }: { readonly parts: McpParts; readonly follower: Follower },
): Offer | null {
  const schema = toJsonSchema(tool.parameters as z.ZodType, 'input');
  if (schema.type !== 'object') return null;
  return {
    name: `tool_${tool.name.replaceAll('.', '_')}`,
    description: tool.effect === 'read' ? tool.description : `${tool.description} ${proposed}`,
    scope: 'run',
    annotations: annotationsOf(tool),
    input: tool.effect === 'read' ? schema : withKey(schema),
    call: (args, calling) => callTool(tool, { parts, follower, args, calling }),
  };
}

const proposed = 'It is proposed to people, unless a policy grants it.';

function withKey(schema: JsonSchema): JsonSchema {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: object;
    readonly required?: readonly string[];
  };
  return {
    ...schema,
    properties: { ...properties, [keyName]: keyAsked },
    required: [...required, keyName],
  };
}

/** What a tool's effect means in the words of MCP. A repeated call under the same key does nothing more, whatever the effect. */
function annotationsOf({ effect, undo, outside = [] }: AnyTool): ToolAnnotations {
  const isOpen = outside.length > 0 || effect === 'send';
  if (effect === 'read') return { readOnlyHint: true, openWorldHint: isOpen };
  const isLasting = effect === 'send' || (effect === 'write' && 'none' in (undo ?? {}));
  return {
    ...{ readOnlyHint: false, destructiveHint: isLasting },
    ...{ idempotentHint: true, openWorldHint: isOpen },
  };
}

interface ToolCall {
  readonly parts: McpParts;
  readonly follower: Follower;
  readonly args: unknown;
  readonly calling: Calling;
}

async function callTool(tool: AnyTool, call: ToolCall): Promise<Readonly<Record<string, unknown>>> {
  const { parts, follower, calling } = call;
  if (!isOffered(tool, await parts.policies(parts.tenantId)))
    throw new EngineError(
      'TOOL_REFUSED',
      `'${tool.name}' is no longer for other systems: the policies in force do not give it to '${role}'.`,
    );
  const { id, isNew } = await parts.startOwn(ownRun(tool, call));
  await follower.follow({ runId: id, forMs: patienceMs }, calling);
  const { tenantId, closing, engine } = parts;
  const head = await parts.history.head(tenantId, id);
  if (head.endedAt !== null) return await outcomeOf(parts, id);
  // An effect goes on: whoever asks again under its key finds what became of it.
  const isLeft = calling.signal.aborted && !closing.aborted && tool.effect === 'read';
  if (isLeft && isNew)
    await engine.ask({ tenantId, runId: id, kind: 'cancel', actor: calling.caller.actor });
  return { run: id, status: head.status, note: 'It has not ended; ask again with get_run.' };
}

/** @throws INPUT_INVALID */
function ownRun(tool: AnyTool, { parts, args, calling }: ToolCall): OwnRun {
  const { [keyName]: key, ...own } = (args ?? {}) as Readonly<Record<string, unknown>>;
  const given = tool.effect === 'read' ? (args ?? {}) : own;
  readArguments(tool.parameters as z.ZodType, given);
  const { caller } = calling;
  const workflow = toolTask(tool);
  const request = {
    ...{ tenantId: parts.tenantId, ...parts.runDefaults(), workflow: workflow.data.name },
    input: { args: given },
    // Each caller has keys of its own: what one has called another cannot find.
    ...(tool.effect !== 'read' && { key: keyOf(caller.id, readArguments(keyIn, { key }).key) }),
    ...{ attended: false, actor: caller.actor, trust: 'external' as const },
  };
  return { request, workflow };
}

const keyIn = z.object({ key: keySchema });

function keyOf(caller: string, key: string): string {
  return `mcp:${digest(caller, key).toString('hex')}`;
}

/** @throws the failure of the call */
async function outcomeOf(
  { history, tenantId }: McpParts,
  id: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { status } = await history.head(tenantId, id);
  if (status === 'succeeded') return { run: id, result: await history.output(tenantId, id) };
  const [step] = await history.steps(tenantId, id, { limit: 1 });
  const { code, message } = step?.error ?? { code: 'CANCELLED' as const, message: 'It was ended.' };
  throw new EngineError(code, `${message} (Run ${id} has ended: ${status}.)`);
}
