import { askRun, type RunAsk } from '../core/engine/ask.ts';
import { wrongUse } from './arguments.ts';
import { withHost } from './call-host.ts';
import { readingTenant } from './call-reading.ts';
import { type Command, exit } from './command.ts';
import { actorOfCall } from './operator.ts';

/**
 * A command that asks something of a run that lives; its owner, this process or another, does it within a second, and `said` says so.
 * `read` reads what stands behind the run. @default nothing does
 */
export function askCommand(
  kind: RunAsk['kind'],
  said: string,
  read?: (text: string) => Pick<RunAsk, 'priority'>,
): Command {
  return (call) => {
    const [runId, further] = call.args.positionals as [string, string?];
    const asked = read?.(further ?? '');
    const step = call.args.text('step');
    const subtree = call.args.has('subtree');
    // Without its step it would end the whole run.
    if (subtree && step === undefined) throw wrongUse(kind)('takes --subtree with --step PATH');
    return withHost(call, async (host) => {
      const tenantId = (await readingTenant(host, { runId })) as number;
      await askRun(host, {
        tenantId,
        runId,
        kind,
        ...{ step, subtree },
        actor: actorOfCall(call),
        ...asked,
      });
      const served = await host.isServed();
      call.terminal.say(
        served ? said : `${said} No engine is up: it happens when one starts (tutti serve).`,
      );
      return exit.done;
    });
  };
}
