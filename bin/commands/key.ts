import { countOf } from '../../core/service/batch/format.ts';
import { type KeyView, usualKeyDays } from '../../core/service/identity/key-view.ts';
import type { KeyRequest, Keys, ShownKey } from '../../core/service/identity/keys.ts';
import type { Role } from '../../core/service/identity/permission.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import type { Call, Command } from '../command.ts';
import { minuteText } from '../moment.ts';
import { withNamedTenant } from '../named-tenant.ts';
import { operator } from '../operator.ts';
import { identityOf } from '../parts/identity-of.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';

const wrong = wrongUse('key');

type Act = (keys: Keys, tenantId: number) => Promise<void>;

const actions: Readonly<Record<string, (call: Call, named: string | undefined) => Act>> = {
  ...{ list, create, rotate, revoke },
};

const usualOverlapHours = 24;

/** `tutti key`: who may call the API, by key. */
export const key: Command = (call) => {
  const [action = '', named] = call.args.positionals;
  const actOf = actionIn('key', actions, action);
  // Read before anything is opened: a wrong flag costs no start.
  const act = actOf(call, named);
  return withNamedTenant(call, (host, tenantId) => act(identityOf(host, tenantId).keys, tenantId));
};

function list({ terminal }: Call): Act {
  return async (keys, tenantId) => {
    const all = await keys.list(tenantId);
    if (terminal.isJson) return terminal.print(all);
    const head = ['id', 'name', 'roles', 'state', 'expires', 'last used'];
    if (all.length > 0)
      for (const line of table([head, ...all.map(rowOf)])) terminal.say(line.trimEnd());
    terminal.say(`${countOf(all.length, 'key')}.`);
  };
}

function rowOf({ id, name, roles, state, expiresAt, lastUsedAt }: KeyView): readonly string[] {
  const day = expiresAt?.toISOString().slice(0, 10) ?? 'never';
  const used = lastUsedAt === null ? 'never' : minuteText(lastUsedAt);
  return [id, oneLine(name), roles.join(','), state, day, used];
}

function create(call: Call, name: string | undefined): Act {
  const { args } = call;
  const roles = listOf(args.text('role'));
  if (name === undefined || !roles) throw wrong('create needs NAME and --role');
  const days = daysOf(call) ?? usualKeyDays;
  const request = {
    ...{ name, roles: roles as readonly Role[] },
    ...{ modules: listOf(args.text('modules')), companies: listOf(args.text('companies')) },
    ...{ person: args.text('person') ?? null, rate: args.text('rate') ?? null },
  };
  return async (keys, tenantId) => {
    const whole: KeyRequest = { ...request, expiresAt: keys.expiryIn(days === 0 ? null : days) };
    tell(call.terminal, await keys.create(tenantId, whole, operator()));
  };
}

function rotate(call: Call, id: string | undefined): Act {
  if (id === undefined) throw wrong('rotate needs ID, as tutti key list prints it');
  const hours = call.args.integer('overlap', { from: 0, to: 24 * 90 }) ?? usualOverlapHours;
  const days = daysOf(call);
  return async (keys, tenantId) => {
    const rotation = {
      ...{ actor: operator(), overlapMs: hours * 3_600_000 },
      ...(days !== undefined && { expiresAt: keys.expiryIn(days === 0 ? null : days) }),
    };
    tell(call.terminal, await keys.rotate({ tenantId, id }, rotation));
  };
}

function revoke({ terminal }: Call, id: string | undefined): Act {
  if (id === undefined) throw wrong('revoke needs ID, as tutti key list prints it');
  return async (keys, tenantId) => {
    const view = await keys.revoke({ tenantId, id }, operator());
    if (terminal.isJson) terminal.print(view);
    else terminal.say(`Revoked: ${id} works nowhere within a second.`);
  };
}

function tell(terminal: Terminal, { key: view, secret }: ShownKey): void {
  if (terminal.isJson) return terminal.print({ key: view, secret });
  const { id, expiresAt, oldUntil } = view;
  terminal.say(secret);
  terminal.say(`This is key ${id}. It is shown this once: keep it where secrets are kept.`);
  if (oldUntil) terminal.say(`Its text before works until ${oldUntil.toISOString()}.`);
  terminal.say(expiresAt ? `It expires at ${expiresAt.toISOString()}.` : 'It does not expire.');
}

function daysOf({ args }: Call): number | undefined {
  return args.integer('days', { from: 0, to: 3_650 });
}

function listOf(text: string | undefined): readonly string[] | null {
  const items = text?.split(',').map((each) => each.trim());
  return items?.filter((each) => each !== '') ?? null;
}
