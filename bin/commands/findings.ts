import { Findings, type TriagedFinding } from '../../core/engine/findings/findings.ts';
import type { FindingView } from '../../core/engine/history/views.ts';
import { severityRank } from '../../core/sdk/severity.ts';
import { countOf, formatAmount } from '../../core/service/batch/format.ts';
import { readList, withReading } from '../call-reading.ts';
import { askedList, type Call, type Command, exit } from '../command.ts';
import type { Reading } from '../reading.ts';
import { table } from '../terminal.ts';
import { readTriageState } from './triage.ts';

/** Findings over all runs in one list; those of the newest runs. */
const shown = 1_000;

/** `tutti findings`: what a run found, or what all of them have found. */
export const findings: Command = (call) => {
  const asked = askedList(call);
  const state = readTriageState(call.args.text('state'));
  return withReading(call, async (reading) => {
    if (state === undefined) return tellRun(call, reading, asked);
    const store = new Findings(reading.database);
    const found = await readList(reading, asked, (tenantId, { runId }) =>
      store.list(tenantId, { state, runId, limit: shown }),
    );
    return tell(call, found, (each) => [each.fingerprint.slice(0, 12), ...cellsOf(each)]);
  });
};

async function tellRun(
  call: Call,
  reading: Reading,
  asked: ReturnType<typeof askedList>,
): Promise<number> {
  const found = await readList(reading, asked, (tenantId, options) =>
    reading.history.findings(tenantId, options),
  );
  return tell(call, found, cellsOf);
}

function tell<T extends FindingView | TriagedFinding>(
  { terminal }: Call,
  found: readonly T[],
  rowOf: (finding: T) => readonly string[],
): number {
  if (terminal.isJson) terminal.print(found);
  else {
    const worstFirst = found.toSorted((a, b) => severityRank(a) - severityRank(b));
    const rows = worstFirst.map(rowOf);
    const amounts = (rows[0]?.length ?? 0) - 3;
    for (const line of table(rows, [amounts])) terminal.say(line);
    const isRehearsed = found.some(({ simulated }) => simulated);
    terminal.say(`${countOf(found.length, 'finding')}${isRehearsed ? ' of a rehearsal' : ''}.`);
  }
  return exit.done;
}

function cellsOf(each: FindingView): readonly string[] {
  return [
    each.severity,
    each.company ?? 'group',
    each.amount === null ? '' : `${formatAmount(each.amount)} ${each.currency ?? ''}`,
    each.agent,
    `${each.summary || '(erased)'}${each.known ? ' (known)' : ''}`,
  ];
}
