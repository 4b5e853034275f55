import { EngineError } from '../../core/base/errors.ts';
import { Delegations, type DelegationView } from '../../core/engine/approvals/delegations.ts';
import { readPerson } from '../../core/engine/approvals/person.ts';
import type { Arguments } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Command } from '../command.ts';
import { readUntil } from '../moment.ts';
import { actorOfCall, personOfCall } from '../operator.ts';
import { table } from '../terminal.ts';

/** `tutti delegate TO --until DATE`: hands the right to decide to somebody else for a while. */
export const delegate: Command = (call) => {
  const { args, terminal } = call;
  const [to] = args.positionals;
  const handing = to === undefined ? null : { to: readPerson(to), until: untilOf(args) };
  const from = personOfCall(call);
  return withTenant(call, async (host, tenantId) => {
    const delegations = new Delegations(host.database.pool('tutti_engine', 1));
    if (handing) await delegations.hand({ tenantId, from, ...handing, actor: actorOfCall(call) });
    const held = await delegations.list(tenantId);
    if (terminal.isJson) terminal.print(held);
    else {
      for (const line of table(held.map(cellsOf))) terminal.say(line);
      if (held.length === 0) terminal.say('Everybody decides for themselves.');
    }
  });
};

function cellsOf({ from, to, until }: DelegationView): readonly string[] {
  return [to, 'decides for', from, 'until', until.toISOString()];
}

/** Null: it ends. @throws INPUT_INVALID */
function untilOf(args: Arguments): Date | null {
  const text = args.text('until');
  if (args.has('end') === (text !== undefined))
    throw new EngineError('INPUT_INVALID', 'tutti delegate TO needs either --until DATE or --end.');
  return text === undefined ? null : readUntil('until', text);
}
