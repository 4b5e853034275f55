import { type Hold, listHolds } from '../../core/engine/retention/hold.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedScale, type Command, exit } from '../command.ts';
import { table } from '../terminal.ts';

/** `tutti holds`: the runs that retention and erasure leave alone. */
export const holds: Command = (call) => {
  const scale = askedScale(call.args);
  return withReading(call, async (reading) => {
    const { terminal } = call;
    const tenantId = await readingTenant(reading, { scale });
    const held: readonly Hold[] =
      tenantId === null ? [] : await listHolds(reading.database, tenantId);
    if (terminal.isJson) terminal.print(held);
    else {
      const rows = held.map(({ runId, workflow, reason, actor, at }) => [
        runId,
        workflow,
        at.toISOString().slice(0, 10),
        actor.id,
        reason,
      ]);
      for (const line of table(rows)) terminal.say(line);
      terminal.say(`${countOf(held.length, 'run')} held.`);
    }
    return exit.done;
  });
};
