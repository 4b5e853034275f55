import { listStops } from '../../core/engine/authority/stop-store.ts';
import { formatDuration } from '../../core/service/batch/format.ts';
import { retryNote } from '../../core/service/batch/summary.ts';
import { readingTenant, withReading } from '../call-reading.ts';
import { askedScale, type Command, exit } from '../command.ts';
import { shortened, table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

/** Letters of a goal in a row; `--json` has all. */
const goalLetters = 40;

/** `tutti runs`: the newest runs. */
export const runs: Command = (call) => {
  const scale = askedScale(call.args);
  return withReading(call, async (reading) => {
    const { terminal } = call;
    const tenantId = await readingTenant(reading, { scale });
    const heads =
      tenantId === null ? [] : await reading.history.runs(tenantId, { limit: listed.runs });
    const pool = reading.database.pool('tutti_engine', 1);
    const standing = tenantId === null ? [] : await listStops(pool, tenantId);
    if (!terminal.isJson)
      for (const { reach, reason } of standing)
        terminal.say(
          `'${reach}' is stopped${reason === '' ? '' : ` (${reason})`}; see: tutti stops`,
        );
    if (terminal.isJson) terminal.print(heads);
    else if (heads.length === 0)
      terminal.say('There is no run yet; start one with: tutti run nightly');
    else {
      const rows = heads.map((head) => [
        head.id,
        head.rehearsal ? `${head.workflow} (rehearsal)` : head.workflow,
        head.status,
        head.businessDate,
        head.endedAt ? formatDuration(head.endedAt.getTime() - head.createdAt.getTime()) : '',
        head.key ?? '',
        shortened(head.goal ?? '', goalLetters),
        retryNote(head),
      ]);
      for (const line of table(
        [['run', 'workflow', 'status', 'for', 'took', 'key', 'goal', ''], ...rows],
        [4],
      ))
        terminal.say(line);
    }
    return exit.done;
  });
};
