import { fieldsWith } from './narrow.ts';
import { ended, type Surroundings, wrong } from './surroundings.ts';
import {
  decimal,
  dyn,
  hint,
  membersOf,
  nameOf,
  type ObjectType,
  string,
  unionOf,
  type ValueType,
  withoutNull,
} from './types.ts';

/** How a member is asked for. */
export interface MemberAccess {
  readonly name: string;
  readonly around: Surroundings;
  readonly isOptional: boolean;
  readonly isThere: boolean;
}

/** The type of a member, by its name or by the type of what stands in brackets. */
export function member(of: ValueType, index: string | ValueType, access: MemberAccess): ValueType {
  const isText = of.kind === 'string' || of.kind === 'text';
  if (of.kind === 'union') return unionMember(of, index, access);
  if (of.kind === 'dyn') return dyn;
  if (of.kind === 'list') return listMember(of.of, index, access);
  if (typeof index !== 'string' && !isText && keyed(index)) {
    if (of.kind === 'map') return of.of;
    if (of.kind === 'object') return anyMember(of);
  }
  if (typeof index !== 'string')
    return wrong(
      'type_mismatch',
      `${nameOf(of)} has no member by ${nameOf(index)}.`,
      access.around,
    );
  if (of.kind === 'map') return of.of;
  if (of.kind === 'money' && index === 'amount') return decimal;
  if (of.kind === 'money' && index === 'currency') return string;
  if (of.kind === 'object') return objectMember(of, index, access);
  const aid = of.kind === 'null' ? '; ask first whether it is null' : '';
  return wrong(
    'unknown_member',
    `'${access.name}': ${nameOf(of)} has no members${aid}.`,
    access.around,
  );
}

/** What a member may be whose name is known at run time only. */
function anyMember({ fields, others }: ObjectType): ValueType {
  return others === 'open' ? dyn : unionOf(Object.values(fields).map(({ type }) => type));
}

/** Whether a type may be a key: text. */
export const keyed = (type: ValueType): boolean =>
  membersOf(type).every(({ kind }) => kind === 'string' || kind === 'dyn');

function listMember(of: ValueType, index: string | ValueType, access: MemberAccess): ValueType {
  if (
    typeof index !== 'string' &&
    membersOf(index).every(({ kind }) => kind === 'int' || kind === 'dyn')
  )
    return of;
  const message = `'${access.name}' is a list; name an element by a whole number, or use map(), filter(), exists().`;
  return wrong('unknown_member', message, access.around);
}

function objectMember(
  of: ValueType & { kind: 'object' },
  name: string,
  access: MemberAccess,
): ValueType {
  const field = Object.hasOwn(of.fields, name) ? of.fields[name] : undefined;
  if (field) {
    if (field.optional && !access.isOptional && !access.isThere)
      access.around.report({
        code: 'may_be_absent',
        severity: 'warning',
        message: `'${access.name}' may be absent, which fails the step; ask has(${access.name}) first.`,
      });
    return field.type;
  }
  if (of.others === 'open') return dyn;
  const known = ended(hint(name, Object.keys(of.fields)));
  return wrong(
    'unknown_member',
    `There is no '${name}' in '${access.name}'${known}`,
    access.around,
  );
}

function unionMember(
  of: ValueType & { kind: 'union' },
  index: string | ValueType,
  access: MemberAccess,
): ValueType {
  if (of.of.some(({ kind }) => kind === 'null') && !access.isOptional)
    return wrong(
      'may_be_absent',
      `'${access.name}': what it is read from may be null; ask first, such as x != null && ….`,
      access.around,
    );
  const rest = withoutNull(of);
  if (rest.kind !== 'union') return member(rest, index, access);
  if (typeof index === 'string') {
    const having = fieldsWith(rest, index);
    if (
      having.length > 0 &&
      having.length < rest.of.length &&
      !access.isOptional &&
      !access.isThere
    )
      return wrong(
        'may_be_absent',
        `'${access.name}' is there in some cases only; ask has(${access.name}) or which case it is first.`,
        access.around,
      );
    if (having.length > 0) return unionOf(having.map((each) => member(each, index, access)));
  }
  return unionOf(rest.of.map((each) => member(each, index, access)));
}
