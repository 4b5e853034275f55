import type { Doing } from '../ports/db/lineage.ts';
import type { DocumentName } from '../ports/dispatcher.ts';
import { dutiesAgainst } from '../sdk/policy/duties.ts';
import type { AnyTool, DocumentRef } from '../sdk/tool.ts';
import { isOneActor } from './actor.ts';
import { effectKey, targetOf } from './effects.ts';
import type { LineageFact } from './facts.ts';
import { ask } from './handler.ts';
import { duties } from './rules/duties.ts';
import type { Ruling } from './ruling.ts';
import type { Call } from './scope.ts';

/**
 * What the same actor has done to the call's documents. Null for what has no duty that the rules of the policies name: then nobody is asked
 * anything. @throws what the tool, the ERP or the database throws
 */
export async function lineageOf(call: Call, args: unknown): Promise<LineageFact | null> {
  const { tool, scope } = call;
  if (tool.effect === 'read' || tool.duty === undefined) return null;
  const against = dutiesAgainst(call.policies, tool.duty);
  if (against.length === 0) return null;
  call.lineage = {
    duty: tool.duty,
    target: targetOf(tool, args),
    related: await relatedOf(call, args),
    duties: against,
    except: [
      ...[true, false].map((proposed) => effectKey(tool, args, { at: scope, proposed })),
      ...(scope.applies ? [scope.applies.key] : []),
    ],
  };
  return await look(call, call.lineage);
}

/** The refusal of a call that has begun, where another of the same actor has begun what must be apart from it. @throws DB_* */
export async function clashOf(call: Call): Promise<Extract<Ruling, { kind: 'refuse' }> | null> {
  if (!call.lineage) return null;
  const lineage = await look(call, call.lineage);
  return duties({ lineage, tool: call.tool.name, policies: call.policies });
}

async function look(
  { scope }: Call,
  { duty, ...question }: NonNullable<Call['lineage']>,
): Promise<LineageFact> {
  const { own, doings } = await scope.doneTo(question);
  const done: readonly Doing[] = doings.filter(({ by }) => isOneActor(own, by));
  return { duty, done };
}

async function relatedOf(call: Call, args: unknown): Promise<readonly DocumentName[]> {
  const { lineage } = call.tool as Pick<AnyTool, 'lineage'>;
  if (!lineage) return [];
  const named: readonly DocumentRef[] = await ask(call, async (context) => lineage(args, context));
  return named.map(({ entity, id }) => ({ entity, id }));
}
