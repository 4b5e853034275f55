import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EngineError } from '../core/base/errors.ts';
import { type RunRecord, readRecord } from '../core/service/batch/record.ts';
import { renderReport } from '../core/service/batch/report/page.ts';
import { summarise } from '../core/service/batch/summary.ts';
import { readGroup } from './call-host.ts';
import type { Host } from './host.ts';
import { oneLine, type Terminal, table } from './terminal.ts';

/** Everything that the journal says about a run. @throws RUN_UNKNOWN */
export async function recordOf(host: Host, tenantId: number, runId: string): Promise<RunRecord> {
  return readRecord(host.history, { tenantId, runId, group: await readGroup(host, tenantId) });
}

/** Prints a run's summary for people. */
export function printSummary(terminal: Terminal, record: RunRecord): void {
  for (const part of summarise(record)) {
    switch (part.kind) {
      case 'title':
        terminal.say(`\n${terminal.bold(oneLine(part.text))}`);
        break;
      case 'line':
        terminal.say(`  ${oneLine(part.text)}`);
        break;
      case 'rows':
        printRows(terminal, part.rows);
        break;
    }
  }
}

function printRows(terminal: Terminal, rows: readonly (readonly string[])[]): void {
  const numbers = (rows[0] ?? []).map((_, column) => column).slice(1);
  for (const [index, line] of table(rows, numbers).entries()) {
    terminal.say(`  ${index === 0 ? terminal.dim(line) : line}`);
  }
}

/** Writes a run's report; returns where it is. @throws INPUT_INVALID when the file cannot be written */
export async function writeReport(record: RunRecord, path: string): Promise<string> {
  const full = resolve(path);
  try {
    await writeFile(full, renderReport(record));
  } catch (error) {
    throw new EngineError(
      'INPUT_INVALID',
      `The report cannot be written to ${full}: ${(error as Error).message}; name another file with --report.`,
    );
  }
  return full;
}
