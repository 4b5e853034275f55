import { EngineError } from '../../core/base/errors.ts';
import { placeHold, releaseHold } from '../../core/engine/retention/hold.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { operator } from '../operator.ts';

/** `tutti hold RUN`: keeps a run from retention and erasure, or releases it. */
export const hold: Command = async (call) => {
  const reason = call.args.text('reason')?.trim();
  const isRelease = call.args.has('release');
  if (isRelease === Boolean(reason)) {
    throw new EngineError(
      'INPUT_INVALID',
      'tutti hold needs --reason TEXT to hold a run, or --release; see: tutti help hold',
    );
  }
  return withHost(call, async (host) => {
    const { database } = host;
    const runId = call.args.positionals[0] as string;
    const tenantId = (await readingTenant(host, { runId })) as number;
    const actor = operator();
    if (reason) await placeHold(database, { tenantId, runId, reason, actor });
    const wasHeld = isRelease && (await releaseHold(database, { tenantId, runId, actor }));
    tell(call, { runId, isRelease, wasHeld });
    return exit.done;
  });
};

function tell(
  { terminal }: Call,
  done: { readonly runId: string; readonly isRelease: boolean; readonly wasHeld: boolean },
): void {
  const { runId, isRelease, wasHeld } = done;
  if (terminal.isJson) terminal.print({ runId, held: !isRelease });
  else if (!isRelease) terminal.say(`Held: ${runId} stays until it is released.`);
  else if (wasHeld) terminal.say(`Released: retention applies to ${runId} again.`);
  else terminal.say(`${runId} was not held.`);
}
