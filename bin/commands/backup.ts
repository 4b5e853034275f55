import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EngineError } from '../../core/base/errors.ts';
import { noteBackup } from '../../core/engine/audit/backup.ts';
import { writeBackup } from '../../core/ports/db/backup.ts';
import { countOf, formatDuration } from '../../core/service/batch/format.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { operator } from '../operator.ts';
import { version } from '../version.ts';
import { formatBytes } from './retention.ts';

/** `tutti backup [PATH]`: every row of the database in one file, while engines work on. */
export const backup: Command = async (call) => {
  const { args, terminal, interrupt } = call;
  const started = performance.now();
  const path = resolve(args.positionals[0] ?? defaultName(new Date()));
  const keys = args.text('keys');
  const options = {
    ...{ path, isForced: args.has('force'), release: version },
    ...(keys !== undefined && { keysPath: resolve(keys) }),
  };
  const place = savedPlace(call);
  try {
    const saved = await writeBackup(place, {
      ...options,
      signal: interrupt.signal,
      note: (client, { sizeBytes, rows }) =>
        noteBackup(client, {
          action: 'backup.take',
          actor: operator(),
          data: { sizeBytes, rows },
        }),
    });
    const { sizeBytes, rows, header, keysPath } = saved;
    const durationMs = Math.round(performance.now() - started);
    const tables = header.tables.length;
    if (terminal.isJson) terminal.print({ path, keysPath, sizeBytes, rows, tables, durationMs });
    else {
      const size = `${formatBytes(sizeBytes)}, ${countOf(rows, 'row')} of ${countOf(tables, 'table')}`;
      terminal.say(`Backup: ${path}`);
      terminal.say(`  ${size}, ${formatDuration(durationMs)}`);
      terminal.say('  It holds personal data as the database does; only this user may read it.');
      if (keysPath !== null)
        terminal.say(
          `  Data keys: ${keysPath}. The newest such file opens all earlier backups; delete the others.`,
        );
    }
    return exit.done;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    terminal.warn('Interrupted: no backup was written.');
    return interrupt.exitCode() ?? exit.failed;
  }
};

/** The call's database; a folder that is not there is not made. @throws INPUT_INVALID */
function savedPlace(call: Call): {
  readonly url?: string | undefined;
  readonly dataFolder: string;
} {
  const { databaseUrl, dataFolder } = hostOptions(call);
  if (databaseUrl || existsSync(dataFolder)) return { url: databaseUrl, dataFolder };
  const message = `There is no data folder '${resolve(dataFolder)}' to back up; name it with TUTTI_DATA, or a server with DATABASE_URL.`;
  throw new EngineError('INPUT_INVALID', message);
}

/** `tutti-20261121-053000.backup`, in UTC, so that names sort by time. */
function defaultName(now: Date): string {
  const digits = now.toISOString().replace(/\D/g, '');
  return `tutti-${digits.slice(0, 8)}-${digits.slice(8, 14)}.backup`;
}
