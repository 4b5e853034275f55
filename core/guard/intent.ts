import { EngineError } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import { readText, Text, toStorableJson } from '../base/text.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import { contractDigest, effectKey, targetOf } from './effects.ts';
import type { Call } from './scope.ts';

/** Values of the record that a call is about, as its tool binds them. */
type Bound = Readonly<Record<string, unknown>> | null;

/** What a call is about to do, or proposes, under the key that it is known by. */
export function intentOf(
  call: Call,
  args: unknown,
  proposed: boolean,
): Omit<Intent, 'binds' | 'state'> {
  const target = targetOf(call.tool, args);
  const { server } = call.scope;
  return {
    key: effectKey(call.tool, args, { at: call.scope, proposed }),
    tool: call.tool.name,
    contract: contractDigest(call.tool),
    duty: call.tool.duty ?? null,
    entity: target?.entity ?? null,
    targetId: target?.id ?? null,
    args,
    argsSha256: digest(args).toString('hex'),
    related: call.lineage?.related ?? [],
    ...(call.decided && { decided: call.decided }),
    ...(server !== undefined && call.tool.outside?.includes('mcp') && { server }),
  };
}

/** The fields that an approver is shown, as they are now. @throws RECORD_UNKNOWN · ERP_* */
export async function boundFields(call: Call, args: unknown): Promise<Bound> {
  const target = targetOf(call.tool, args);
  const fields: readonly string[] = call.tool.binds?.(args) ?? [];
  if (!target || fields.length === 0) return null;
  const page = await call.scope.connector.query({
    entity: target.entity,
    filter: { id: { eq: target.id } },
    limit: 1,
  });
  const row = page.rows[0];
  if (!row) throw new EngineError('RECORD_UNKNOWN', `There is no ${target.entity} '${target.id}'.`);
  return {
    version: row.version,
    ...Object.fromEntries(fields.map((name) => [name, boundTo(row[name])])),
  };
}

/** A value that an approval is bound to: of an opaque text that it is the same one, without telling what it says. */
function boundTo(value: unknown): unknown {
  if (value instanceof Text) {
    const mark = digest(readText(value)).toString('hex').slice(0, 12);
    return `[text of ${value.length} characters, ${mark}]`;
  }
  if (Array.isArray(value)) return value.map(boundTo);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, boundTo(member)]));
}

/** What differs between what was asked for and what is to happen: nothing but the version of the record may. Null: nothing does. */
export function changeOf(
  asked: Pick<EffectRecord, 'argsSha256' | 'contract' | 'binds'>,
  now: Pick<Intent, 'argsSha256' | 'contract' | 'binds'>,
): 'args' | 'contract' | 'binds' | null {
  if (asked.argsSha256 !== now.argsSha256) return 'args';
  if (asked.contract !== now.contract) return 'contract';
  return shownOf(asked.binds ?? null) === shownOf(now.binds) ? null : 'binds';
}

/** Stands for all that people are shown of the record where bodies are encrypted. */
const hidden = '#';

/** Bound values as they are kept where bodies are encrypted: what they were is told by the proposal's body alone. */
export function hiddenBinds(binds: unknown): Readonly<Record<string, unknown>> {
  const { version } = binds as Record<string, unknown>;
  return { version, [hidden]: shownOf(binds as Bound) };
}

/** As it comes back from the journal; a record's version moves with fields that nobody is shown. */
function shownOf(binds: Bound): string {
  if (binds === null) return '';
  const { version: _, ...shown } = JSON.parse(toStorableJson(binds)) as Record<string, unknown>;
  return typeof shown[hidden] === 'string' ? shown[hidden] : digest(shown).toString('hex');
}
