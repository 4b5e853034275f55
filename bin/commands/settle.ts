import { EngineError } from '../../core/base/errors.ts';
import { isTerminal } from '../../core/engine/run/states.ts';
import { type EffectView, Reviews } from '../../core/engine/store/reviews.ts';
import type { Verdict } from '../../core/ports/dispatcher.ts';
import { whenItGoesOn } from '../active-tenant.ts';
import type { Arguments } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { type Command, exit } from '../command.ts';
import type { Host } from '../host.ts';
import { operator } from '../operator.ts';
import { verdicts } from '../usages/results.ts';

/** `tutti settle KEY VERDICT`: says how an effect ended that nobody else can find out about. */
export const settle: Command = async (call) => {
  const [key = ''] = call.args.positionals;
  const verdict = verdictOf(call.args);
  const outcome = call.args.json('outcome');
  return withHost(call, async (host) => {
    const reviews = new Reviews(host.database.pool('tutti_engine', 1));
    const tenantId = await reviews.tenantOf(key);
    const effect = await reviews.settle(
      {
        tenantId,
        key,
        verdict,
        ...(outcome !== undefined && { outcome }),
        reason: call.args.text('reason'),
        actor: operator(),
      },
      host.registry.tools,
    );
    if (call.terminal.isJson) call.terminal.print(effect);
    else {
      const what = `${effect.tool} ${effect.key.slice(0, 12)} is '${effect.state}' now.`;
      call.terminal.say(`${what} ${await whatFollows(host, tenantId, { effect, verdict })}`);
    }
    return exit.done;
  });
};

/** An effect whose run is over has no step that waits for it. */
async function whatFollows(
  host: Host,
  tenantId: number,
  { effect, verdict }: { readonly effect: EffectView; readonly verdict: Verdict },
): Promise<string> {
  const status = await host.store.runStatus(tenantId, effect.runId);
  if (status !== null && !isTerminal(status))
    return `Steps that waited for it go on${await whenItGoesOn(host, tenantId)}.`;
  return verdict === 'retry'
    ? `Its run has ended, so nothing carries it out by itself: tutti retry ${effect.runId}`
    : 'Its run has ended.';
}

/** @throws INPUT_INVALID */
function verdictOf({ positionals }: Arguments): Verdict {
  const found = verdicts.find((each) => each === positionals[1]);
  if (found) return found;
  throw new EngineError(
    'INPUT_INVALID',
    `'${positionals[1]}' is no verdict; say one of ${verdicts.join(', ')}.`,
  );
}
