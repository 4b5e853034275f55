import { EngineError } from '../../core/base/errors.ts';
import { Reviews } from '../../core/engine/run/reviews.ts';
import type { Verdict } from '../../core/ports/dispatcher.ts';
import type { Arguments } from '../arguments.ts';
import { type Command, exit, flags, withHost } from '../command.ts';
import { operator } from '../operator.ts';

const verdicts: readonly Verdict[] = ['happened', 'did-not-happen', 'retry'];

/** `tutti settle KEY VERDICT`: says how an effect ended that nobody else can find out about. */
export const settle: Command = {
  usage: {
    name: 'settle',
    about: `Says how an effect ended: ${verdicts.join(', ')}. See: tutti effects --review`,
    positionals: ['KEY', 'VERDICT'],
    flags: {
      outcome: { value: 'JSON', about: 'with happened: what the tool would have answered' },
      reason: { value: 'TEXT', about: 'how you know; it is kept with the effect' },
      json: flags.json,
    },
  },
  run: async (call) => {
    const [key = ''] = call.args.positionals;
    const verdict = verdictOf(call.args);
    const outcome = call.args.json('outcome');
    return withHost(call, async (host) => {
      const reviews = new Reviews(host.database.pool('tutti_engine', 1));
      const effect = await reviews.settle(
        {
          tenantId: await reviews.tenantOf(key),
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
        const served = await host.isServed();
        call.terminal.say(
          `${effect.tool} ${effect.key.slice(0, 12)} is '${effect.state}' now. Steps that waited for it go on${served ? '' : ' when an engine starts (tutti serve)'}.`,
        );
      }
      return exit.done;
    });
  },
};

/** @throws INPUT_INVALID */
function verdictOf({ positionals }: Arguments): Verdict {
  const found = verdicts.find((each) => each === positionals[1]);
  if (found) return found;
  throw new EngineError(
    'INPUT_INVALID',
    `'${positionals[1]}' is no verdict; say one of ${verdicts.join(', ')}.`,
  );
}
