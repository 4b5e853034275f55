import { countOf } from '../../core/service/batch/format.ts';
import type { Sessions, SessionView } from '../../core/service/identity/sessions.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import type { Call, Command } from '../command.ts';
import { minuteText } from '../moment.ts';
import { withNamedTenant } from '../named-tenant.ts';
import { operator } from '../operator.ts';
import { identityOf } from '../parts/identity-of.ts';
import { shortened, table } from '../terminal.ts';

type Act = (sessions: Sessions, tenantId: number) => Promise<void>;

const actions: Readonly<Record<string, (call: Call, id: string | undefined) => Act>> = {
  ...{ list, end },
};

/** What is shown of a browser's words about itself. */
const shownAgent = 40;

/** `tutti sessions`: who is signed in with a browser. */
export const sessions: Command = (call) => {
  const [action = 'list', id] = call.args.positionals;
  const act = actionIn('sessions', actions, action)(call, id);
  return withNamedTenant(call, (host, tenantId) =>
    act(identityOf(host, tenantId).sessions, tenantId),
  );
};

function list({ terminal }: Call): Act {
  return async (store, tenantId) => {
    const all = await store.list({ tenantId });
    if (terminal.isJson) return terminal.print(all);
    const head = ['id', 'who', 'begun with', 'roles', 'last used', 'ends', 'from', 'browser'];
    if (all.length > 0)
      for (const line of table([head, ...all.map(rowOf)])) terminal.say(line.trimEnd());
    terminal.say(`${countOf(all.length, 'session')}.`);
  };
}

function rowOf(view: SessionView): readonly string[] {
  const { id, person, actor, key, issuer, roles, seenAt, expiresAt, address, userAgent } = view;
  return [
    ...[id, person ?? actor.id, key === null ? `a token of ${issuer}` : `key ${key}`],
    ...[roles.join(','), minuteText(seenAt), minuteText(expiresAt), address],
    shortened(userAgent, shownAgent),
  ];
}

function end({ terminal }: Call, id: string | undefined): Act {
  if (id === undefined) throw wrongUse('sessions')('end needs ID, as tutti sessions prints it');
  return async (store, tenantId) => {
    const view = await store.get({ tenantId, id });
    await store.end({ tenantId, id }, operator());
    if (terminal.isJson) terminal.print(view);
    else terminal.say(`Ended: within a second the cookie of ${id} works nowhere.`);
  };
}
