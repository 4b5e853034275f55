import { resolve } from 'node:path';
import { noteBackup } from '../../core/engine/audit/backup.ts';
import { withoutKeys } from '../../core/ports/db/backup/keys.ts';
import { restoreBackup } from '../../core/ports/db/backup.ts';
import { countOf, formatDuration } from '../../core/service/batch/format.ts';
import { hostOptions } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import { operator } from '../operator.ts';

/** `tutti restore PATH`: a backup into an empty database; the next engine goes on with its runs. */
export const restore: Command = async (call) => {
  const { args, terminal } = call;
  const started = performance.now();
  const path = resolve(args.positionals[0] as string);
  const { databaseUrl, dataFolder } = hostOptions(call);
  const place = { url: databaseUrl, dataFolder };
  const keys = args.text('keys');
  const { header, rows, openRuns } = await restoreBackup(place, path, {
    keysPath: keys === undefined || keys === withoutKeys ? keys : resolve(keys),
    note: (client, restored) =>
      noteBackup(client, {
        action: 'backup.restore',
        actor: operator(),
        data: { createdAt: restored.header.createdAt, rows: restored.rows },
      }),
  });
  const durationMs = Math.round(performance.now() - started);
  const { createdAt, release } = header;
  if (terminal.isJson) terminal.print({ path, createdAt, release, rows, openRuns, durationMs });
  else {
    terminal.say(`Restored: ${path}`);
    terminal.say(
      `  as of ${createdAt}, by Tutti ${release}: ${countOf(rows, 'row')}, ${formatDuration(durationMs)}`,
    );
    terminal.say(
      openRuns === 0
        ? '  No run is unfinished.'
        : `  ${countOf(openRuns, 'run')} unfinished; the next engine goes on with them: tutti serve`,
    );
    terminal.say('  Do not start an engine on the old database again: it would run them, too.');
  }
  return exit.done;
};
