import { z } from 'zod';
import { digest } from '../base/ids.ts';
import type { DocumentName } from '../ports/dispatcher.ts';
import type { AnyTool } from '../sdk/tool.ts';

/** Where keys of an effect's scope reach. A proposal is one for the tenant and the business date, so a second night repeats none. */
export interface KeyScope {
  readonly tenantId: number;
  readonly runId: string;
  readonly stepPath: string;
  readonly businessDate: string;
  /** The run under whose id keys are made, of a run that retries it. @default its own */
  readonly effectsOf?: string;
  /** The path under which keys are made, of a step that does what another one has handed on. @default its own */
  readonly effectsAt?: string;
}

/** The idempotency key of a call, hex. Equal keys are one effect, whichever attempt, turn or playbook asks. */
export function effectKey(
  tool: AnyTool,
  args: unknown,
  { at, proposed }: { readonly at: KeyScope; readonly proposed: boolean },
): string {
  const business: readonly (string | number)[] | unknown = tool.key ? tool.key(args) : args;
  const run = at.effectsOf ?? at.runId;
  const scope = proposed
    ? ['day', at.businessDate]
    : { step: ['step', run, at.effectsAt ?? at.stepPath], run: ['run', run], tenant: ['tenant'] }[
        tool.scope ?? 'step'
      ];
  return digest(at.tenantId, tool.name, scope, business).toString('hex');
}

// Declarations are frozen when they load, and reading a schema takes longer than the call's own record.
const contracts = new WeakMap<AnyTool, string>();

/** Digest of what a tool promises: schemas, effect, duty and scope, and whose tool stands behind it. Same digest = new code may go on with an old run. */
export function contractDigest(tool: AnyTool): string {
  const known = contracts.get(tool);
  if (known) return known;
  const made = digest(
    tool.name,
    z.toJSONSchema(tool.parameters, { io: 'input', unrepresentable: 'any' }),
    z.toJSONSchema(tool.result, { io: 'output', unrepresentable: 'any' }),
    tool.effect,
    tool.duty ?? null,
    tool.scope ?? 'step',
    ...(tool.mcp ? [tool.mcp] : []),
  ).toString('hex');
  contracts.set(tool, made);
  return made;
}

/** The record that a call is about: its first parameter that is an `Id(entity)`. */
export function targetOf(tool: AnyTool, args: unknown): DocumentName | null {
  return firstIdIn(tool.parameters, args);
}

/** The record that a call has brought about, or changed: the first field of its result that is an `Id(entity)`. */
export function madeBy(tool: AnyTool, result: unknown): DocumentName | null {
  return firstIdIn(tool.result, result);
}

function firstIdIn(schema: z.ZodType, value: unknown): DocumentName | null {
  if (!(schema instanceof z.ZodObject) || value === null || typeof value !== 'object') return null;
  for (const [name, field] of Object.entries(schema.shape as Record<string, z.ZodType>)) {
    const entity = field.meta()?.entity;
    const id = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof entity === 'string' && typeof id === 'string') return { entity, id };
  }
  return null;
}
