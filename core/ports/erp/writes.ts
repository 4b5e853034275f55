import type { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { type Action, type AnyEntity, type Field, fieldSchema } from '../../sdk/entity.ts';
import { comparableFields, declaredField } from './conditions.ts';
import type { Capabilities, Command, ErpRecord, Outcome } from './connector.ts';

/** What our own connectors can do: everything that the entities declare. */
export function capabilitiesOf(entities: readonly AnyEntity[], maxCallMs: number): Capabilities {
  const each = entities.map((entity) => {
    const fields = Object.keys(entity.fields);
    const filterable = comparableFields(entity);
    const actions = Object.keys(entity.actions);
    // No own key is needed: the command's key is stored with its effect, so a repeat finds it.
    return [entity.name, { fields, filterable, writable: fields, actions, ownKey: null }] as const;
  });
  return {
    entities: Object.fromEntries(each),
    changes: 'poll',
    maxCallMs,
    repeats: 'safe',
  };
}

/** Entities by name. @throws MODULE_INVALID when two have one name */
export function entitiesByName(entities: readonly AnyEntity[]): ReadonlyMap<string, AnyEntity> {
  const byName = new Map<string, AnyEntity>();
  for (const entity of entities) {
    const known = byName.get(entity.name);
    if (known && known !== entity) {
      throw new EngineError(
        'MODULE_INVALID',
        `Two entities are called '${entity.name}'; rename one of them.`,
      );
    }
    byName.set(entity.name, entity);
  }
  return byName;
}

/** The entity of that name. @throws ERP_UNSUPPORTED */
export function entityNamed(entities: ReadonlyMap<string, AnyEntity>, name: string): AnyEntity {
  const entity = entities.get(name);
  if (entity) return entity;
  throw new EngineError(
    'ERP_UNSUPPORTED',
    `This ERP keeps no '${name}'; load the module that declares it.`,
  );
}

/** The fields to write, or why nothing is written. */
export type Prepared =
  | { readonly kind: 'write'; readonly fields: Readonly<Record<string, unknown>> }
  | Extract<Outcome, { readonly kind: 'rejected' | 'conflict' }>;

/**
 * Decides what a command writes, given the record as it stands (null: there is none). Pure; the same rules for every
 * connector of ours.
 * @throws ERP_UNSUPPORTED for a field or an action that the entity does not declare
 */
export function prepareWrite(
  entity: AnyEntity,
  command: Command,
  current: ErpRecord | null,
): Prepared {
  if (command.op === 'create') return checkedData(entity, command.data, 'whole');
  if (command.op === 'act') actionOf(entity, command.action);
  if (command.expect !== undefined && command.expect !== current?.version) {
    return { kind: 'conflict', current: current?.version ?? null };
  }
  if (!current) {
    return rejected('invalid', `There is no '${entity.name}' with the id ${command.id}.`);
  }
  if (command.op === 'update') return checkedData(entity, command.data, 'part');
  const action = actionOf(entity, command.action);
  const data = action.data.safeParse(command.data);
  if (!data.success) return rejected('invalid', `'${command.action}' got ${issues(data.error)}.`);
  const changes = action.apply(current, data.data);
  if ('refuse' in changes) return rejected('state', String(changes.refuse));
  return checkedData(entity, changes, 'part');
}

/**
 * A row as its entity declares it: what may be left out is null, and nothing else is missing or too much.
 * @throws INPUT_INVALID
 */
export function completeRow(entity: AnyEntity, row: object): ErpRecord {
  const given = row as Readonly<Record<string, unknown>>;
  const fields: Readonly<Record<string, Field>> = entity.fields;
  const complete: Record<string, unknown> = { id: given.id, version: given.version ?? '1' };
  let taken = Number('id' in given) + Number('version' in given);
  for (const name of Object.keys(fields)) {
    const value = given[name];
    if (value !== undefined) taken += 1;
    else if (!fields[name]?.nullable) throw rowError(entity, given, `lacks '${name}'`);
    complete[name] = value ?? null;
  }
  if (typeof given.id !== 'string') throw rowError(entity, given, 'has no id in text');
  const known = Object.keys(given).filter((name) => given[name] !== undefined);
  if (known.length > taken) {
    const stray = known.find((name) => name !== 'id' && name !== 'version' && !(name in fields));
    throw rowError(entity, given, `has a field '${stray}' that is not declared`);
  }
  return complete as ErpRecord;
}

function rowError(entity: AnyEntity, row: { readonly id?: unknown }, problem: string): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    `The row ${String(row.id)} of '${entity.name}' ${problem}; give the fields that its entity declares.`,
  );
}

function actionOf(entity: AnyEntity, name: string): Action<ErpRecord> {
  const actions = entity.actions as Readonly<Record<string, Action<ErpRecord>>>;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action) return action;
  throw new EngineError(
    'ERP_UNSUPPORTED',
    `'${entity.name}' has no action '${name}'; it has ${Object.keys(actions).join(', ') || 'none'}.`,
  );
}

function checkedData(
  entity: AnyEntity,
  data: Readonly<Record<string, unknown>>,
  extent: 'whole' | 'part',
): Prepared {
  for (const name of Object.keys(data)) declaredField(entity, name);
  const names = Object.keys(extent === 'whole' ? entity.fields : data);
  const fields: Record<string, unknown> = {};
  for (const name of names) {
    const field = declaredField(entity, name);
    if (data[name] === undefined && extent === 'part') continue;
    const value = data[name] ?? null;
    const result = fieldSchema(field).safeParse(value);
    if (!result.success) return rejected('invalid', `'${name}' ${issues(result.error)}.`);
    fields[name] = value;
  }
  return { kind: 'write', fields };
}

function rejected(reason: 'invalid' | 'state', message: string): Prepared {
  return { kind: 'rejected', reason, message };
}

function issues(error: z.ZodError): string {
  return error.issues
    .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
    .join('; ');
}
