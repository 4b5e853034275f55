import { StopStore, type StopView } from '../../core/engine/authority/stop-store.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { withTenant } from '../call-host.ts';
import type { Command } from '../command.ts';
import { table } from '../terminal.ts';

/** `tutti stops`: what is stopped, and what was. */
export const stops: Command = (call) =>
  withTenant(call, async (host, tenantId) => {
    const { args, terminal } = call;
    const store = new StopStore(host.database.pool('tutti_engine', 1), host.registry);
    const views = await store.list(tenantId, { all: args.has('all') });
    if (terminal.isJson) return terminal.print(views);
    for (const line of table(views.map(cellsOf))) terminal.say(line);
    const standing = views.filter(({ liftedAt }) => liftedAt === null).length;
    terminal.say(standing === 0 ? 'Nothing is stopped.' : `${countOf(standing, 'stop')} in force.`);
  });

function cellsOf({ reach, reason, actor, at, liftedBy, liftedAt, liftReason }: StopView) {
  const moment = (date: Date): string => date.toISOString().slice(0, 19);
  const lifted = liftedAt
    ? `lifted ${moment(liftedAt)} by ${liftedBy?.id ?? ''} ${liftReason ?? ''}`
    : '';
  return [reach, moment(at), actor.id, reason, lifted.trim()];
}
