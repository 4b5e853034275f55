import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { defineAgent } from './agent.ts';
import type { Erp, Written } from './erp.ts';
import { defineTool } from './tool.ts';

/*
 * How an applied effect is taken back: a tool of Tutti's own, so that a reversal is an effect like any other (guarded, keyed, journalled),
 * and the agent that calls it, one effect after the other.
 */

const posting = z.object({
  company: z.string().exactOptional(),
  date: z.string(),
  ledger: z.enum(['payables', 'receivables', 'bank', 'inventory', 'payroll']).exactOptional(),
  adjustment: z.boolean().exactOptional(),
});
const effectKey = z.string().regex(/^[0-9a-f]{64}$/);

/** Takes an effect back by the ERP's own reversal action on each record that it changed or made. */
export const reversalTool = defineTool({
  name: 'tutti.effect.reverse',
  description: 'Takes back what an effect did, by the reversal action of the ERP.',
  effect: 'write',
  parameters: z.object({
    /** Key of the effect. */
    effect: effectKey,
    /** How often the ERP has refused it before: what it has refused is not asked again under the same key. */
    round: z.int().min(0),
    action: z.string(),
    /** In the order in which they are taken back. `expect`: the version that is to be there. */
    records: z.array(z.object({ entity: z.string(), id: z.string(), expect: z.string() })),
    /** Where the effect posted: its period must be open. */
    posted: posting.nullable(),
  }),
  result: z.object({ versions: z.array(z.string()) }),
  key: ({ effect, round }) => [effect, round],
  scope: 'tenant',
  undo: { none: 'what was taken back is done anew by a new run' },
  posts: ({ posted }) => posted,
}).handler(async ({ action, records }, { erp }) => {
  const versions: string[] = [];
  for (const { entity, id, expect } of records) {
    const { version } = await actOn(erp, entity)(id, action, {}, { expect });
    versions.push(version);
  }
  return { versions };
});

type Act = (
  id: string,
  action: string,
  ...rest: readonly [data: object, options: { readonly expect: string }]
) => Promise<Written>;

function actOn(erp: Erp, entity: string): Act {
  return (erp as unknown as Readonly<Record<string, { readonly act: Act }>>)[entity]?.act as Act;
}

/** Which effect a call takes back, hex; null for every other call. No module's tool has that name. `args`: JSON. */
export function undoneBy(tool: string, args: string): string | null {
  return isReversal({ tool }) ? (JSON.parse(args) as { readonly effect: string }).effect : null;
}

/** Whether a call takes an effect back: whoever asks for that has decided it, so that autonomy is no question. */
export function isReversal({ tool }: { readonly tool: string }): boolean {
  return tool === reversalTool.name;
}

const plannedReversal = z.object({
  effect: effectKey,
  tool: z.string(),
  /** Why it cannot be taken back; null where it can be tried. */
  left: z.string().nullable(),
  action: z.string(),
  round: z.int().min(0),
  /** `isChained`: a later effect of those that are taken back changed it next, and leaves the version that is to be there. */
  records: z.array(
    z.object({
      entity: z.string(),
      id: z.string(),
      version: z.string(),
      isChained: z.boolean(),
    }),
  ),
  posted: posting.nullable(),
});

/** One effect that is to be taken back, or cannot be. */
export type PlannedReversal = z.output<typeof plannedReversal>;

/** An effect that stayed as it is, and why. */
export interface LeftEffect {
  readonly effect: string;
  readonly reason: string;
}

/** Takes effects back, one after the other; it never asks a model. */
export const reversalAgent = defineAgent({
  name: 'undo',
  purpose: 'Takes back what a run did, in reverse order.',
  instructions: 'Takes back what a run did, in reverse order.',
  input: z.object({ effects: z.array(plannedReversal).min(1) }),
  output: z.object({ undone: z.int() }),
  limits: { timeoutMs: 600_000 },
  tools: { reverse: reversalTool },
}).playbook(async ({ input, tools }) => {
  const left: LeftEffect[] = [];
  const versions: Versions = new Map();
  for (const planned of input.effects) {
    const reason = await takeBack(planned, versions, tools.reverse);
    if (reason !== null) left.push({ effect: planned.effect, reason });
  }
  const [first] = left;
  if (!first) return { undone: input.effects.length };
  const names = input.effects.find(({ effect }) => effect === first.effect)?.tool;
  const more = left.length > 1 ? ` ${left.length - 1} more: see its details.` : '';
  throw new EngineError('UNDO_INCOMPLETE', `'${names}' is not undone: ${first.reason}.${more}`, {
    details: { left },
  });
});

/** The versions that reversals have left, by record. */
type Versions = Map<string, string>;
type Reverse = (args: z.input<typeof reversalTool.parameters>) => Promise<{
  readonly kind: string;
  readonly result?: { readonly versions: readonly string[] };
  readonly reason?: string;
}>;

/** Takes one effect back; why it could not be, or null. @throws what may pass by itself, such as an ERP that is away */
async function takeBack(
  { effect, left, action, round, records, posted }: PlannedReversal,
  versions: Versions,
  reverse: Reverse,
): Promise<string | null> {
  if (left !== null) return left;
  const expected = records.map(({ entity, id, version, isChained }) => ({
    ...{ entity, id },
    expect: isChained ? versions.get(`${entity} ${id}`) : version,
  }));
  const known = expected.filter((each): each is typeof each & { expect: string } => !!each.expect);
  if (known.length < expected.length) return 'a later change of the same record is not taken back';
  try {
    const became = await reverse({ effect, round, action, records: known, posted });
    if (!became.result) return reasonOf(became);
    for (const [index, version] of became.result.versions.entries())
      versions.set(`${known[index]?.entity} ${known[index]?.id}`, version);
    return null;
  } catch (error) {
    return refusalOf(error);
  }
}

function reasonOf({ kind, reason }: { readonly kind: string; readonly reason?: string }): string {
  if (kind === 'proposed') return 'a person has to agree to it first; see: tutti approvals';
  return (reason ?? kind).replace(/\.$/, '');
}

/** What the ERP has said no to stays; everything else may pass by itself. */
function refusalOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  if (code === 'ERP_CONFLICT') return `somebody has changed the record since (${message})`;
  if (code === 'ERP_REJECTED' || code === 'RECORD_UNKNOWN' || code === 'TOOL_REFUSED')
    return message.replace(/\.$/, '');
  throw error;
}
