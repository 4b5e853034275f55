import { Approvals } from '../core/engine/approvals/approvals.ts';
import type { Decision } from '../core/engine/approvals/rules.ts';
import type { ApprovalView } from '../core/engine/approvals/view.ts';
import { whenItGoesOn } from './active-tenant.ts';
import { withHost } from './call-host.ts';
import { type Call, exit } from './command.ts';
import { operator, personOfCall } from './operator.ts';

/**
 * Takes the word of whoever calls on the approvals that the call names, one after the other, up to the first that does not take it; resolves
 * with the exit code. @throws what the first failure says, once the words before it are told
 */
export async function say(call: Call, decision: Decision): Promise<number> {
  const ids = [...new Set(call.args.positionals)];
  const person = personOfCall(call);
  return withHost(call, async (host) => {
    const approvals = new Approvals(host.database.pool('tutti_engine', 1), host.config.roles);
    const note = call.args.text('note');
    const taken: ApprovalView[] = [];
    try {
      for (const id of ids) {
        const tenantId = await approvals.tenantOf(id);
        const said = { tenantId, id, decision, person, note, via: operator().id };
        const view = await approvals.decide(said);
        taken.push(view);
        if (!call.terminal.isJson)
          call.terminal.say(told(view, await whenItGoesOn(host, tenantId)));
      }
    } finally {
      if (call.terminal.isJson && taken.length > 0)
        call.terminal.print(ids.length === 1 ? taken[0] : taken);
    }
    return exit.done;
  });
}

function told({ id, state, yeses, required, effect }: ApprovalView, later: string): string {
  const goesOn = effect?.waits === false ? 'It is carried out' : 'Its run goes on';
  const ended = effect?.waits === false ? 'Nothing is written.' : `Its run goes on${later}.`;
  const then = { open: 'Others must say yes, too.', granted: `${goesOn}${later}.` };
  const what = state === 'open' || state === 'granted' ? then[state] : ended;
  return `Approval ${id} is ${state}: ${yeses} of ${required} yes. ${what}`;
}
