import { Approvals } from '../core/engine/approvals/approvals.ts';
import type { Decision } from '../core/engine/approvals/rules.ts';
import { type Call, exit, withHost } from './command.ts';
import { operator, personOfCall } from './operator.ts';

/** Takes the word of whoever calls on the approval that the call names; resolves with the exit code. */
export async function say(call: Call, decision: Decision): Promise<number> {
  const [id = ''] = call.args.positionals;
  const person = personOfCall(call);
  return withHost(call, async (host) => {
    const approvals = new Approvals(host.database.pool('tutti_engine', 1), host.config.roles);
    const tenantId = await approvals.tenantOf(id);
    const note = call.args.text('note');
    const view = await approvals.decide({
      ...{ tenantId, id, decision, person, note },
      via: operator().id,
    });
    if (call.terminal.isJson) call.terminal.print(view);
    else {
      const { state, yeses, required } = view;
      const later = (await host.isServed()) ? '' : ' when an engine starts (tutti serve)';
      const then = state === 'open' ? 'Others must say yes, too.' : `Its run goes on${later}.`;
      call.terminal.say(`Approval ${view.id} is ${state}: ${yeses} of ${required} yes. ${then}`);
    }
    return exit.done;
  });
}
