import { StopStore } from '../../core/engine/authority/stop-store.ts';
import { withTenant } from '../call-host.ts';
import type { Command } from '../command.ts';
import { operator } from '../operator.ts';

/** `tutti stop`: nothing of what it names starts or writes any more, on every engine, within a second. */
export const stop: Command = (call) =>
  withTenant(call, async (host, tenantId) => {
    const { args, terminal } = call;
    const stops = new StopStore(host.database.pool('tutti_engine', 1), host.registry);
    const [reach = ''] = args.positionals;
    const ask = { tenantId, reach, actor: operator(), reason: args.text('reason') };
    const isLift = args.has('lift');
    const view = await (isLift ? stops.lift(ask) : stops.stop(ask));
    if (terminal.isJson) terminal.print(view);
    else if (isLift) terminal.say(`'${reach}' goes on.`);
    else
      terminal.say(
        `'${reach}' is stopped: nothing of it starts or writes within a second from now. Lift it with: tutti stop ${reach} --lift`,
      );
  });
